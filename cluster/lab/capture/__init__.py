"""Packets as files that other tools read.

pcapng        the format
blank         checksums that nobody has computed yet
capture_file  a file of what several interfaces have shown
"""
