"""The guests.

guest                the guest's machine
guest_configuration  what it is told
workload             what a guest does with its disks
io_wait              how long a workload has waited for its disk
vitals               what a guest tells of itself in XenStore
store_client         what a guest does with XenStore, if that is its work
"""
