"""What Xen's public headers publish: numbers, names and layouts, standard library only.

types               NewTypes for the identifiers of the field, and the reserved domain ids
errno               Xen's error numbers, and the refusal that carries one
hypercalls          hypercall numbers and the commands of each
interface           flags, states, VIRQs and other constants
control             what domctl and sysctl publish besides their commands
releases            the releases of Xen, and which call came with which
ring                Xen's shared rings: header, indices, the rule of notification
blkif               the block protocol's records
netif               those of the network protocol
xs_wire             XenStore's messages and ring page
disk_controller     the data sheet of our disk controller, which is no header of Xen's
network_controller  that of our network controller
trace               tracepoints on the path of a block request, which are ours, too
packet_trace        and on that of a packet
"""
