"""The hypervisor: one machine, and the tables that it is made of.

hypervisor       the machine; hypercall_table numbers to methods, call, arguments
host             the tables of one host joined; platform, outbox, statistics
life_cycle       birth and death of domains, hwdom policy; domains, domain_info, watchdog, rights, range_set
event_channels   ports between domains; ports of one domain; event_channel_ops
grants           grants between domains; grant_table of one domain; grant_transfer, grant_ops, grant_table_ops
frames           free, owned, referred to; physmap of one domain; reservations, memory_ops
irqs             interrupts to events; io_apic; msi of pci_devices
pirqs            names that domains have for interrupts; pirq_map of one; msi_mapping, physdev_ops, pci_ops
domctls          with domctl_rights and domctl_vcpus; sysctls with cpu_pool, console_ring, debug_keys
sched_ops, vcpu_ops, versions, console
"""
