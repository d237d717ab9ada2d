"""What a fault is, before anybody does one: a kind of fault is one row, and all else asks the row.

kinds    the table of the kinds, and of all their options
kind     what a row says
aim      what a kind is done to
act      the ways in which a fault is done
target   what one is done to, as it is written
option   what a kind can be told besides, and how that is written
recipe   what of a kind a campaign makes

What a file says of faults is in `cluster.lab.config`; who does them to a running cluster, and what comes of
them, is in `cluster.lab.experiment.breaking`.
"""
