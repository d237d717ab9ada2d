"""The guests.

guest                the guest's machine
guest_configuration  what it is told
network_interface    a network interface, and the stack on top of it
notebooks            where it writes things down
workload             what a guest does with its disks
block_choice         which block it asks for next
known_blocks         what the blocks of a disk must hold
pace                 how many requests it issues a second
checksum             the checksum of a whole disk
io_wait              how long a workload has waited for its disk
vitals               what a guest tells of itself in XenStore
store_client         what a guest does with XenStore, if that is its work
talk                 what a guest does with its networks
"""
