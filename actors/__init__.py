"""The actors of a simulated host, and the engine that runs them.

Layers, each standing on those below it:

    dom0  domu        the domains' own code: toolstack, drivers, workloads
    drivers  xenstore drivers of real devices with their backends; the store daemon
    device_classes    what paravirtual devices there are
    block             the block split driver: both its ends
    kernel            what every paravirtual kernel has
    hypervisor  devices
    messages          every message that crosses a process boundary
    notebook          what guests write down for the experimenter, outside of what is simulated
    policies          what can be chosen about who survives
    address           who is meant: a host and an actor of it
    start_info        what whoever builds a domain leaves in its first frames
    runtime           the engine; it knows no Xen
    abi               what Xen's public headers publish
"""
