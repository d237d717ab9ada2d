"""Replaying what a real Xen answered.

recording, recording_names                 what the files say, and the numbers of their words
recording_reader, recording_check          the files, read strictly
conform, conform_live                      each case on a host of its own: simulated, over processes
results                                    what differs, as a diff
"""
