"""The hypervisor: one machine, and the tables that it is made of.

hypervisor       the machine; hypercall_table numbers to methods, call, arguments
host             the tables of one host joined; platform, outbox, agenda, statistics
life_cycle       birth and death of domains, hwdom policy; domains, domain_info, watchdog, rights, range_set
event_channels   ports between domains; ports of one domain; pollers, port_reset; event_channel_ops
vcpus            run states and timers; vcpu_ops, sched_ops
grants           grants between domains; grant_table of one domain; grant_transfer, grant_ops, grant_table_ops
frames           free, owned, referred to; physmap of one domain; reservations, memory_ops
irqs             interrupts to events; io_apic; msi of pci_devices
pirqs            names that domains have for interrupts; pirq_map of one; msi_mapping, physdev_ops, pci_ops
tmem             pages lent to the hypervisor; tmem_ops
domctls          with domctl_rights and domctl_vcpus; sysctls with cpu_pool and debug_keys
console          console_io; console_ring
versions
"""
