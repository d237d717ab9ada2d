"""The control domain: what drives the hardware and builds the other domains.

plan               the domains that this host should have, as dom0 finds them on its own disk
steps              a toolstack operation compiled into steps that can be printed
domain_builder     performs the steps
knowledge          what a toolstack knows of the domains, and has still to do
take_over          how it takes over one that lived on
toolstack          decides: create, take over after a restart, what follows a shutdown, shut down
xl                 the toolstack, one life after another, and what is typed for it
shutdown_actions   what follows a shutdown, by its reason
device_orders      attaches and detaches devices of domains that run
store_home         where xenstored lives, as dom0 sees it
local_store        in dom0's own kernel
stub_store         in a domain of its own
version_handshake  which Xen this is, and whether the toolstack can talk to it
control_domain     dom0's machine
"""
