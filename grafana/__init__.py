"""What monitors a cluster: dashboards, alert rules, provisioning.

source   what these files are made of

A package only so that `domzero monitor` finds its files wherever Domzero is installed.
"""
