"""The guests.

journal      what a guest asked for and what was acknowledged, outside of everything that can be killed
journal_reader  what it says to whoever looks on or looks back
journal_header, journal_record, histogram   its numbers and one record of it; durations, counted
stamp        the content of a written sector: who wrote it, where, in which order
workload     what a guest does with its disks
io_wait      how long a workload has waited for its disk
vitals       what a guest tells of itself in XenStore
store_client what a guest does with XenStore, if that is its work; store_log what it was told
guest        the guest's machine; guest_configuration what it is told
"""
