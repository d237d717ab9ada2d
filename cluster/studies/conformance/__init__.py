"""Replaying what a real Xen answered.

recording         what the files say
recording_names   the numbers of their words
recording_reader  the files, read strictly
recording_check   names and values in them that stand for nothing
conform           each case on a simulated host of its own
conform_live      the same over processes
results           what differs, as a diff
"""
