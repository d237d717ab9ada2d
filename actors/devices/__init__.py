"""The hardware of hosts: machines that only react, joined to the rest by messages and machine memory.

ioapic                interrupt lines to vectors
disk                  the disk machine: registers, and when which command is done
disk_medium           what a command does: volumes, write-back
disk_interrupt        its interrupt, as a pulse or a level
disk_settings         a disk's argument, checked
disk_faults           what is broken in it
service_times         how long it takes for a command
disk_statistics       what it counts
controller_registers  its register page
queue_pair            its view of the two queues in machine memory
volume                a range of sectors of an image, with a write cache before it
write_cache           sectors that were acknowledged and are not in the image yet
image                 where bytes are kept, and the kind that keeps them in memory
file_image            the kind that keeps them in a locked file
device_faults         what can be broken in any device
argument              what any device is given when it starts, key by key
nic                   the network controller: registers, frames, what ends a turn
nic_settings          its argument, checked
nic_registers         its register page
rx_filter             which frames are for it
dma_engine            what it has to do with memory, until it is reset
descriptor_ring       its view of a ring in machine memory
transmitter           frames that leave
receiver              frames that come
nic_interrupts        its interrupts, all of them
nic_interrupt         that of one queue: edge, level or message, and how often
nic_faults            what is broken in it
nic_statistics        what it counts
switch                the switch that joins the network controllers of all hosts
switch_port           what leaves by one port of it, and when
switch_settings       its argument, checked
switch_faults         what is broken in it
switch_statistics     what it counts
gateway               a station on the switch by which the outside reaches guests
gateway_settings      its argument, checked
forwarded_client      one client from outside, and its connection to a guest
"""
