"""What a domain that drives real devices has, be it dom0 or a driver domain.

driver_domain    the machine of a driver domain; driver_configuration what it is told
disk_driver      the driver of the disk controller
disk_line        the name and the interrupt line of a disk
disks            the disks of a domain: their interrupts, drivers and volumes
gsi              how an interrupt line of a device comes to a domain
backends         a blkback for each device that the toolstack writes into XenStore
"""
