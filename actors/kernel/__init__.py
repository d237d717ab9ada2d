"""What every paravirtual kernel has.

threads         coroutines on a deterministic scheduler: the only async code of a kernel
hypercalls      the door to the hypervisor
pages           the domain's own frames, by gfn
irq             event channels to handlers
direct_links    events that go to other domains without the hypervisor
direct_link     one link for them
grants          the domain's grant table, and the grants of others that it has mapped
grant_copies    copies from and to granted frames, by one hypercall a turn
kernel          the machine that puts these together
watchdog        tells the hypervisor that this kernel has not hung

xs_messages     messages out of the bytes of a connection, for both ends
xs_ring         byte streams over a XenStore ring page, for both ends
xs_transport    a XenStore client's way to the daemon: a ring page, or the same kernel
xs_nodes        what one may do with nodes
xenwatch        the watches of a kernel, and the thread that calls back
xenbus          the XenStore client: requests, transactions, reconnect
store_ring      the client of a domain that a toolstack has built
shutdown        what the toolstack asks of it
store           what a split driver needs of XenStore
observed_store  the same, and it tells of the states that are written

ring            Xen's shared rings, for both ends
doorbell        shows the other end what a turn has put into one
old_rings       those of a frontend that somebody still has mapped

xenbus_end        what both ends of a split driver do alike
xenbus_frontend   the frontend's half of the handshake
frontend_device   what a kind of device adds to it
frontend_look     what it finds in the store
frontend_actions  what it may do about the states of both ends
frontend_conduct  when it does which: a row for each frontend of the world
xenbus_backend    the backend's half
resumable_backend  one with whose connections another life can go on
handover          what a backend leaves to the one that follows it
invitation        how a backend tells an offer that is meant for it from one that was made to a dead one
recovery_box      where it leaves that
backend_actions   what it does, by the states of both ends
device_class      all that is known of a class of devices
device_statistics  what both ends of a device tell of themselves
"""
