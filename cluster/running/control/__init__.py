"""A running cluster, spoken to from outside.

runtime_directory  where the sockets of a user's clusters are
client             the commands' end of the socket
server             the cluster's end
listener           a socket, and the connections that come to it
preflight          what must be free before a start
interruption       Ctrl-C
watched            what `top` is told
device_counts      of the devices of a guest
interrupts         the interrupts of a domain, asked for
process_times      what processes have used
fault_schedule     what `status` is told of the faults
captures           packets of an interface, as they come
outside            connections that are handed on to the gateway
xenstore_socket    the door of XenStore's own tools
"""
