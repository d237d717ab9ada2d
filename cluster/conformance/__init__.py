"""Replaying what a real Xen answered.

recording          the files; recording_names their words; conform says what differs
conform_live       the same over processes
"""
