"""A running cluster, spoken to from outside.

runtime_directory  where the sockets of a user's clusters are
client             the commands' end of the socket; server the cluster's; listener who comes to it
preflight          what would be in the way of a start; interruption is Ctrl-C
watched            what `top` is told; interrupts, process_times beside it
fault_schedule     what `status` is told of the faults
xenstore_socket    the door of XenStore's own tools
"""
