"""The hypervisor: one machine, and the tables that it is made of.

hypervisor       the machine; hypercall_table numbers to methods, call, arguments
host             the tables of one host joined; platform, outbox, statistics
life_cycle       birth and death of domains, hwdom policy; domains, domain_info, watchdog
event_channels   ports between domains; ports of one domain; event_channel_ops
grants           grants between domains; grant_table of one domain; grant_ops
frames           free, owned, referred to; physmap of one domain; memory_ops
pirqs            interrupts to events; io_apic; physdev_ops
domctls, sysctls, sched_ops, vcpu_ops, versions, console
"""
