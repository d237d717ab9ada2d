"""What every paravirtual kernel has.

threads      coroutines on a deterministic scheduler: the only async code of a kernel
start_info   what a domain builder leaves in the first frames of a domain
hypercalls   the door to the hypervisor
pages        the domain's own frames, by gfn
irq          event channels to handlers
grants       the domain's grant table, and the grants of others that it has mapped
kernel       the machine that puts these together
xs_ring      byte streams over a XenStore ring page, for both ends
xenbus       the XenStore client: requests, transactions, watches
ring         Xen's shared rings, for both ends
blkif        the block protocol's records
blkfront     the frontend of a paravirtual disk
blkback      the backend of a paravirtual disk
"""
