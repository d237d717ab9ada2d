"""The hypervisor: one machine, and the tables that it is made of.

hypervisor         the machine
hypercall_table    numbers to methods
call               one call
arguments          what it was given
host               the tables of one host, joined
platform           the machine that it runs on
outbox             what the tables want done, in order
agenda             what is to happen when
statistics         what it tells of itself and of its domains
versions           xen_version
console            console_io
console_ring       its last messages, and what was typed
debug_keys         what a key makes it print

domains            who there is
domain_info        what others are told of one
life_cycle         birth and death
hardware_domain    dom0's: its incarnations, the policy for its death, its spare
watchdog           domains that have to say that they live
rights             what a domain may touch besides its memory
range_set          ranges of numbers that it has a right to
domctls            the toolstack's calls about a domain
domctl_rights      those about what it may touch
domctl_vcpus       those about its virtual processors
sysctls            the toolstack's calls about the host
cpu_pool           the one pool of CPUs, and its scheduler's parameter

vcpus              run states and timers
vcpu_ops           calls about them
sched_ops          calls about what a domain does with its time
event_channels     ports between domains
ports              the ports of one domain
delegation         which of them go without the hypervisor
direct_events      how many events did
pollers            vcpus that wait inside the hypervisor
port_reset         all ports of a domain closed at once
event_channel_ops  calls about them

frames             machine frames: free, owned, referred to
physmap            the frames of one domain by its own numbers
reservations       how many it may have
memory_ops         calls about them
grants             grants between domains
grant_table        the grants of one domain
grant_transfer     frames that change their owner
grant_ops          calls about grants
grant_table_ops    calls about the table that holds them
tmem               pages lent to the hypervisor
tmem_ops           calls about them

irqs               interrupts to events
redirection_table  the IO-APIC as the hypervisor programs it
msi                message signalled interrupts
pci_devices        which devices can send them
pirqs              names that domains have for interrupts
pirq_map           those of one domain
msi_mapping        interrupts of a device to such names
physdev_ops        calls about them
pci_ops            calls about devices
"""
