"""The actors of a simulated host, and the engine that runs them.

Layers, each standing on those below it:

    dom0              the control domain's own code: its toolstack
    domu              beside it, the guests' own code: their workloads
    drivers           drivers of real devices with their backends
    xenstore          beside them, the store daemon
    device_plan       a paravirtual device that was planned for a guest
    device_classes    what classes of them there are
    block             the block split driver: both its ends
    vif               beside it, the network split driver
    kernel            what every paravirtual kernel has
    hypervisor        the hypervisor
    devices           beside it, the hardware
    messages          every message that crosses a process boundary
    network           beside them, what forwards Ethernet frames
    event_messages    beneath them, those of events that go without the hypervisor
    reading_messages  beside these, what whoever looks on reads of an actor
    capture_messages  beside these, what whoever looks on sees of the packets of an actor
    notebook          what guests write down for the experimenter, outside of what is simulated
    policies          what can be chosen about who survives
    address           who is meant: a host and an actor of it
    start_info        what whoever builds a domain leaves in its first frames
    runtime           the engine; it knows no Xen
    migration         the stream in which a guest is saved or moved, read and written
    abi               what Xen's public headers publish
    inet              beside it, an IP stack; it knows neither Xen nor the engine
"""
