"""What a domain that drives real devices has, be it dom0 or a driver domain.

disk_driver      the driver of the disk controller
disks            the disks of a domain: their interrupts, drivers and volumes
backends         a blkback for each device that the toolstack writes into XenStore
"""
