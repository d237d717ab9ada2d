"""Hypercall numbers and the commands of each.

Names are Xen's, in lower case without their prefix where the prefix names the hypercall.
Source: xen/include/public/*.h: xen, event_channel, grant_table, sched, vcpu, physdev, memory, domctl,
sysctl, version, tmem.
"""

from enum import IntEnum
from typing import Final


class Hypercall(IntEnum):
    """`__HYPERVISOR_*`: the hypercalls that have a number in Xen."""

    set_trap_table = 0
    mmu_update = 1
    set_gdt = 2
    stack_switch = 3
    set_callbacks = 4
    fpu_taskswitch = 5
    platform_op = 7
    memory_op = 12
    multicall = 13
    set_timer_op = 15
    xen_version = 17
    console_io = 18
    grant_table_op = 20
    vm_assist = 21
    vcpu_op = 24
    mmuext_op = 26
    xsm_op = 27
    nmi_op = 28
    sched_op = 29
    callback_op = 30
    event_channel_op = 32
    physdev_op = 33
    hvm_op = 34
    sysctl = 35
    domctl = 36
    kexec_op = 37
    tmem_op = 38
    argo_op = 39
    xenpmu_op = 40
    dm_op = 41
    hypfs_op = 42


class Evtchnop(IntEnum):
    """`EVTCHNOP_*`, commands of event_channel_op."""

    bind_interdomain = 0
    bind_virq = 1
    bind_pirq = 2
    close = 3
    send = 4
    status = 5
    alloc_unbound = 6
    bind_ipi = 7
    bind_vcpu = 8
    unmask = 9
    reset = 10
    init_control = 11
    expand_array = 12
    set_priority = 13


class Gnttabop(IntEnum):
    """`GNTTABOP_*`, commands of grant_table_op."""

    map_grant_ref = 0
    unmap_grant_ref = 1
    setup_table = 2
    dump_table = 3
    transfer = 4
    copy = 5
    query_size = 6
    unmap_and_replace = 7
    set_version = 8
    get_status_frames = 9
    get_version = 10
    swap_grant_ref = 11
    cache_flush = 12


class Schedop(IntEnum):
    """`SCHEDOP_*`, commands of sched_op."""

    yield_ = 0
    block = 1
    shutdown = 2
    poll = 3
    remote_shutdown = 4
    shutdown_code = 5
    watchdog = 6
    pin_override = 7


class Vcpuop(IntEnum):
    """`VCPUOP_*`, commands of vcpu_op."""

    initialise = 0
    up = 1
    down = 2
    is_up = 3
    get_runstate_info = 4
    register_runstate_memory_area = 5
    set_periodic_timer = 6
    stop_periodic_timer = 7
    set_singleshot_timer = 8
    stop_singleshot_timer = 9
    register_vcpu_info = 10
    send_nmi = 11
    get_physid = 12
    register_vcpu_time_memory_area = 13


class Physdevop(IntEnum):
    """`PHYSDEVOP_*`, commands of physdev_op."""

    irq_status_query = 5
    set_iopl = 6
    set_iobitmap = 7
    apic_read = 8
    apic_write = 9
    alloc_irq_vector = 10
    free_irq_vector = 11
    eoi = 12
    map_pirq = 13
    unmap_pirq = 14
    manage_pci_add = 15
    manage_pci_remove = 16
    pirq_eoi_gmfn_v1 = 17
    restore_msi = 19
    manage_pci_add_ext = 20
    setup_gsi = 21
    get_free_pirq = 23
    pci_mmcfg_reserved = 24
    pci_device_add = 25
    pci_device_remove = 26
    restore_msi_ext = 27
    pirq_eoi_gmfn_v2 = 28
    dbgp_op = 29
    prepare_msix = 30
    release_msix = 31


class Memop(IntEnum):
    """`XENMEM_*`, commands of memory_op."""

    increase_reservation = 0
    decrease_reservation = 1
    maximum_ram_page = 2
    current_reservation = 3
    maximum_reservation = 4
    machphys_mfn_list = 5
    populate_physmap = 6
    add_to_physmap = 7
    memory_map = 9
    exchange = 11
    maximum_gpfn = 14
    remove_from_physmap = 15
    claim_pages = 24


class Domctl(IntEnum):
    """`XEN_DOMCTL_*`, commands of domctl."""

    createdomain = 1
    destroydomain = 2
    pausedomain = 3
    unpausedomain = 4
    getdomaininfo = 5
    max_mem = 11
    max_vcpus = 15
    irq_permission = 19
    iomem_permission = 20
    ioport_permission = 21
    resumedomain = 27
    set_virq_handler = 66
    get_domain_state = 90


class Sysctl(IntEnum):
    """`XEN_SYSCTL_*`, commands of sysctl."""

    readconsole = 1
    physinfo = 3
    sched_id = 4
    getdomaininfolist = 6
    availheap = 9


class Xenver(IntEnum):
    """`XENVER_*`, commands of xen_version."""

    version = 0
    extraversion = 1
    compile_info = 2
    capabilities = 3
    changeset = 4
    platform_parameters = 5
    get_features = 6
    pagesize = 7
    guest_handle = 8
    commandline = 9
    build_id = 10


class Tmemop(IntEnum):
    """`TMEM_*`, commands of tmem_op."""

    control = 0
    new_pool = 1
    destroy_pool = 2
    put_page = 4
    get_page = 5
    flush_page = 6
    flush_object = 7
    auth = 101


class Consoleio(IntEnum):
    """`CONSOLEIO_*`, commands of console_io."""

    write = 0
    read = 1


COMMANDS: Final[dict[Hypercall, type[IntEnum]]] = {
    Hypercall.event_channel_op: Evtchnop,
    Hypercall.grant_table_op: Gnttabop,
    Hypercall.sched_op: Schedop,
    Hypercall.vcpu_op: Vcpuop,
    Hypercall.physdev_op: Physdevop,
    Hypercall.memory_op: Memop,
    Hypercall.domctl: Domctl,
    Hypercall.sysctl: Sysctl,
    Hypercall.xen_version: Xenver,
    Hypercall.console_io: Consoleio,
    Hypercall.tmem_op: Tmemop,
}
