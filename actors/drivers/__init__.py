"""What a domain that drives real devices has, be it dom0 or a driver domain.

driver_domain         the machine of a driver domain
driver_configuration  what it is told
disk_driver           the driver of the disk controller
controller_setup      how it starts a controller, register by register
register_dialogue     what a driver says to registers, and hears of them
submission_queue      its end of the queue of commands
completion_queue      its end of the queue of answers
nic_driver            the driver of the network controller
nic_setup             how it starts a controller
nic_frames            the machine frames that it works with
nics                  the network controllers of a domain, and the bridges that they belong to
uplink                one of them as the uplink of a bridge
driven_bridge         what interfaces of guests plug into
receive_ring          its end of a ring of buffers to receive into
transmit_ring         its end of a ring of frames to send
hardware              the devices of a domain, of every kind
disks                 its disks: their drivers and volumes
interrupt_line        how an interrupt line of a device comes to a domain
adoption              how those of a dead life go on, from what it has left
backends              a backend for each device that the toolstack writes into XenStore
"""
