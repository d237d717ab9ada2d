"""The guests.

journal      what a guest asked for and what was acknowledged, outside of everything that can be killed
stamp        the content of a written sector: who wrote it, where, in which order
workload     what a guest does with its disks
io_wait      how long a workload has waited for its disk
vitals       what a guest tells of itself in XenStore
guest        the guest's machine
"""
