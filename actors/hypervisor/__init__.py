"""The hypervisor: one machine, and the tables that it is made of.

hypervisor       the machine; hypercall_table numbers to methods, call, arguments
host             the tables of one host joined; platform, outbox, agenda, statistics
life_cycle       birth and death of domains, hwdom policy; domains, domain_info, watchdog
event_channels   ports between domains; ports of one domain; pollers, port_reset; event_channel_ops
vcpus            run states and timers; vcpu_ops, sched_ops
grants           grants between domains; grant_table of one domain; grant_ops
frames           free, owned, referred to; physmap of one domain; memory_ops
pirqs            interrupts to events; io_apic; physdev_ops
tmem             pages lent to the hypervisor; tmem_ops
console          console_io; console_ring
domctls, sysctls, versions
"""
