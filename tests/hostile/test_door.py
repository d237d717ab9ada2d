"""One violation of a guest at the hypervisor's door: refused as by Xen and counted, nobody else is harmed."""

import msgpack
import pytest

from actors.abi.errno import Errno
from actors.abi.interface import GrantStatus as Gnttab
from actors.messages import (
    CODEC,
    ConsoleInput,
    DomainStopped,
    GrantRevoke,
    InterruptVector,
    StopDomain,
    Upcall,
)
from actors.runtime.codec import ProtocolViolation
from actors.runtime.machine import LinkClosed

SELF = 0x7FF0
LIMITS = (
    -1, -(1 << 63), 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1,
    (1 << 64) - 1,
)  # fmt: skip
WRONG_TYPES = (None, True, 1.5, b"bytes", "text", ["1"], {"a": 1})

SMALL_DOMAIN = {"max_vcpus": 1, "max_evtchn_port": 63, "max_grant_frames": 1, "max_maptrack_frames": 1}
FRAMES_OF_VICTIM = {"domid": "victim", "extent_order": 0, "nr_extents": 1, "extent_start": [3]}


def copy(source, dest, *, flags):
    return {"source": {"offset": 0} | source, "dest": {"offset": 0} | dest, "len": 64, "flags": flags}


# What is tried: the call, its arguments (a name stands for the number that `Neighbourhood` has under it),
# and the one answer: an errno, the status of the element, or for calls that tell how many they did, none.
ROWS = {
    # A port that is not there, or somebody else's.
    "close no port": ("event_channel_op.close", {"port": 700}, Errno.EINVAL),
    "send to no port": ("event_channel_op.send", {"port": 700}, Errno.EINVAL),
    "send beyond all ports": ("event_channel_op.send", {"port": 1 << 17}, Errno.EINVAL),
    "unmask no port": ("event_channel_op.unmask", {"port": 1 << 17}, Errno.EINVAL),
    "move no port": ("event_channel_op.bind_vcpu", {"port": 700, "vcpu": 0}, Errno.EINVAL),
    "move a port to no vcpu": ("event_channel_op.bind_vcpu", {"port": "own_port", "vcpu": 9}, Errno.ENOENT),
    "a port on no vcpu": ("event_channel_op.bind_ipi", {"vcpu": 9}, Errno.ENOENT),
    "no such virq": ("event_channel_op.bind_virq", {"virq": 99, "vcpu": 0}, Errno.EINVAL),
    "dom0's pirq": ("event_channel_op.bind_pirq", {"pirq": 16, "flags": 0}, Errno.EPERM),
    "bind a port that waits for dom0": (
        "event_channel_op.bind_interdomain",
        {"remote_dom": "victim", "remote_port": "port"},
        Errno.EINVAL,
    ),
    "bind no port": (
        "event_channel_op.bind_interdomain",
        {"remote_dom": "victim", "remote_port": 999},
        Errno.EINVAL,
    ),
    "bind a port of the dead": (
        "event_channel_op.bind_interdomain",
        {"remote_dom": "gone", "remote_port": 1},
        Errno.ESRCH,
    ),
    "a port for the victim": (
        "event_channel_op.alloc_unbound",
        {"dom": "victim", "remote_dom": "attacker"},
        Errno.EPERM,
    ),
    "look at the victim's port": ("event_channel_op.status", {"dom": "victim", "port": "port"}, Errno.EPERM),
    "reset the victim's ports": ("event_channel_op.reset", {"dom": "victim"}, Errno.EPERM),
    "reset dom0's ports": ("event_channel_op.reset", {"dom": 0}, Errno.EPERM),
    "reset the ports of the dead": ("event_channel_op.reset", {"dom": "gone"}, Errno.ESRCH),
    "no such priority": ("event_channel_op.set_priority", {"port": "own_port", "priority": 99}, Errno.EINVAL),
    # A grant that is not there, or not for it; a handle that it does not have.
    "map what is dom0's to map": (
        "grant_table_op.map_grant_ref",
        {"dom": "victim", "ref": 8, "flags": 2},
        Gnttab.general_error,
    ),
    "map what was never granted": (
        "grant_table_op.map_grant_ref",
        {"dom": "victim", "ref": 9, "flags": 2},
        Gnttab.general_error,
    ),
    "map beyond the table": (
        "grant_table_op.map_grant_ref",
        {"dom": "victim", "ref": 1 << 20, "flags": 2},
        Gnttab.bad_gntref,
    ),
    "map of the dead": (
        "grant_table_op.map_grant_ref",
        {"dom": "gone", "ref": 8, "flags": 2},
        Gnttab.bad_domain,
    ),
    "map for nobody": (
        "grant_table_op.map_grant_ref",
        {"dom": "victim", "ref": 8, "flags": 0},
        Gnttab.bad_gntref,
    ),
    "unmap dom0's handle": ("grant_table_op.unmap_grant_ref", {"handle": "handle"}, Gnttab.bad_handle),
    "unmap no handle": ("grant_table_op.unmap_grant_ref", {"handle": 4000}, Gnttab.bad_handle),
    "replace dom0's mapping": (
        "grant_table_op.unmap_and_replace",
        {"handle": "handle", "host_addr": 4096, "new_addr": 8192},
        Gnttab.bad_handle,
    ),
    "copy from a frame of the victim": (
        "grant_table_op.copy",
        copy({"domid": "victim", "gmfn": 5}, {"domid": SELF, "gmfn": 3}, flags=0),
        Gnttab.permission_denied,
    ),
    "copy into a frame of dom0": (
        "grant_table_op.copy",
        copy({"domid": SELF, "gmfn": 3}, {"domid": 0, "gmfn": 5}, flags=0),
        Gnttab.permission_denied,
    ),
    "copy by dom0's grant": (
        "grant_table_op.copy",
        copy({"domid": "victim", "ref": 8}, {"domid": SELF, "gmfn": 3}, flags=1),
        Gnttab.general_error,
    ),
    "copy over the end of a frame": (
        "grant_table_op.copy",
        copy({"domid": SELF, "gmfn": 3, "offset": 4090}, {"domid": SELF, "gmfn": 4}, flags=0),
        Gnttab.bad_copy_arg,
    ),
    "copy from no frame": (
        "grant_table_op.copy",
        copy({"domid": SELF, "gmfn": 900}, {"domid": SELF, "gmfn": 4}, flags=0),
        Gnttab.bad_page,
    ),
    "give the victim a frame it wants not": (
        "grant_table_op.transfer",
        {"mfn": 3, "domid": "victim", "ref": 8},
        Gnttab.general_error,
    ),
    "give a frame that is none": (
        "grant_table_op.transfer",
        {"mfn": 900, "domid": "victim", "ref": 8},
        Gnttab.bad_page,
    ),
    "exchange grants beyond the table": (
        "grant_table_op.swap_grant_ref",
        {"ref_a": 8, "ref_b": 1 << 20},
        Gnttab.bad_gntref,
    ),
    "the victim's grant table": (
        "grant_table_op.setup_table",
        {"dom": "victim", "nr_frames": 1},
        Gnttab.permission_denied,
    ),
    "a table of the dead": ("grant_table_op.setup_table", {"dom": "gone", "nr_frames": 1}, Gnttab.bad_domain),
    "a table beyond its limit": (
        "grant_table_op.setup_table",
        {"dom": SELF, "nr_frames": 5},
        Gnttab.general_error,
    ),
    "the size of dom0's table": ("grant_table_op.query_size", {"dom": 0}, Gnttab.permission_denied),
    "the version of dom0's table": ("grant_table_op.get_version", {"dom": 0}, Errno.EPERM),
    # A frame that is not its own.
    "memory for the victim": ("memory_op.populate_physmap", {"domid": "victim", "nr_extents": 1}, None),
    "memory beyond its limit": ("memory_op.populate_physmap", {"domid": SELF, "nr_extents": 1}, None),
    "memory of the victim": (
        "memory_op.decrease_reservation",
        {"domid": "victim", "extent_start": [3]},
        None,
    ),
    "the size of the victim": ("memory_op.current_reservation", {"domid": "victim"}, Errno.EPERM),
    "the size of the dead": ("memory_op.maximum_reservation", {"domid": "gone"}, Errno.ESRCH),
    "a frame of the victim": (
        "memory_op.add_to_physmap",
        {"domid": "victim", "space": 2, "idx": 3, "gpfn": 30},
        Errno.EPERM,
    ),
    "a frame of others, plainly": (
        "memory_op.add_to_physmap",
        {"domid": SELF, "space": 4, "idx": 3, "gpfn": 30},
        Errno.ENOSYS,
    ),
    "device memory": (
        "memory_op.add_to_physmap",
        {"domid": SELF, "space": 5, "idx": 3, "gpfn": 30},
        Errno.EACCES,
    ),
    "no such map space": (
        "memory_op.add_to_physmap",
        {"domid": SELF, "space": 77, "idx": 3, "gpfn": 30},
        Errno.EINVAL,
    ),
    "take a frame from the victim": (
        "memory_op.remove_from_physmap",
        {"domid": "victim", "gpfn": 3},
        Errno.EPERM,
    ),
    "exchange the victim's frames": (
        "memory_op.exchange",
        {"in": FRAMES_OF_VICTIM, "out": FRAMES_OF_VICTIM, "nr_exchanged": 0},
        Errno.EPERM,
    ),
    "a claim": ("memory_op.claim_pages", {"domid": SELF, "nr_extents": 1}, Errno.EINVAL),
    # The machine and other domains, which are dom0's.
    "an interrupt of dom0": (
        "physdev_op.map_pirq",
        {"domid": SELF, "type": 1, "index": 16, "pirq": 16},
        Errno.EPERM,
    ),
    "end no interrupt": ("physdev_op.eoi", {"irq": 16}, Errno.EINVAL),
    "take dom0's interrupt": ("physdev_op.unmap_pirq", {"domid": 0, "pirq": 16}, Errno.EPERM),
    "program the IO-APIC": (
        "physdev_op.apic_write",
        {"apic_physbase": 0xFEC00000, "reg": 0x10, "value": 0x31},
        Errno.EPERM,
    ),
    "read the IO-APIC": ("physdev_op.apic_read", {"apic_physbase": 0xFEC00000, "reg": 0x10}, Errno.EPERM),
    "all I/O ports": ("physdev_op.set_iopl", {"iopl": 4}, Errno.EINVAL),
    "add a device": ("physdev_op.pci_device_add", {"seg": 0, "bus": 0, "devfn": 8, "flags": 0}, Errno.EPERM),
    "shut the victim down": ("sched_op.remote_shutdown", {"domain_id": "victim", "reason": 3}, Errno.EPERM),
    "wait for too many ports": (
        "sched_op.poll",
        {"nr_ports": 129, "ports": [1] * 129, "timeout": 1},
        Errno.EINVAL,
    ),
    "wait for no port": ("sched_op.poll", {"nr_ports": 1, "ports": [1 << 17], "timeout": 1}, Errno.EINVAL),
    "a watchdog that is none": ("sched_op.watchdog", {"id": 9, "timeout": 5}, Errno.EINVAL),
    "start no vcpu": ("vcpu_op.up", {"vcpu": 9}, Errno.ENOENT),
    "stop no vcpu": ("vcpu_op.down", {"vcpu": -1}, Errno.ENOENT),
    "make a domain": ("domctl.createdomain", SMALL_DOMAIN, Errno.EPERM),
    **{
        f"{command} of the victim": (f"domctl.{command}", {"domain": "victim", **more}, Errno.EPERM)
        for command, more in {
            "destroydomain": {},
            "pausedomain": {},
            "unpausedomain": {},
            "resumedomain": {},
            "getdomaininfo": {},
            "max_mem": {"max_memkb": 4},
            "max_vcpus": {"max": 1},
            "soft_reset": {},
            "setdomainhandle": {"handle": b"x" * 16},
            "set_virq_handler": {"virq": 3},
            "set_target": {"target": 0},
            "irq_permission": {"pirq": 16, "allow_access": 1},
            "iomem_permission": {"first_mfn": 1, "nr_mfns": 1, "allow_access": 1},
        }.items()
    },
    "the list of domains": ("sysctl.getdomaininfolist", {"first_domain": 0, "max_domains": 9}, Errno.EPERM),
    "the machine": ("sysctl.physinfo", {}, Errno.EPERM),
    "the hypervisor's log": ("sysctl.readconsole", {"clear": 1}, Errno.EPERM),
    "keys at the hypervisor's console": ("sysctl.debug_keys", {"keys": "R"}, Errno.EPERM),
    "the hypervisor's console": ("console_io.read", {"count": 9}, Errno.EPERM),
}
VIOLATIONS = pytest.mark.parametrize(("name", "arguments", "answer"), ROWS.values(), ids=list(ROWS))


def answered(ret, out):
    """An errno, a status, or None for a call that told that it did nothing."""
    if ret < 0:
        return Errno(-ret)
    status = out.get("status", ret)
    return Gnttab(status) if status < 0 else None if status == 0 else status


@VIOLATIONS
def test_a_call_that_reaches_too_far_is_refused_and_counted(street, name, arguments, answer):
    before, (calls, refused) = street.picture(), street.counted()
    assert answered(*street.attack(name, arguments)) == answer
    assert street.counted() == (calls + 1, refused + (answer is not None))
    assert street.picture() == before
    street.everybody_goes_on()


@VIOLATIONS
def test_the_same_call_with_numbers_at_every_limit_harms_nobody(street, name, arguments, answer):
    before = street.picture()
    for changed in arguments:
        for value in LIMITS:
            street.attack(name, arguments | {changed: value})
            assert street.picture() == before, (changed, value)
    street.everybody_goes_on()


@VIOLATIONS
def test_the_same_call_with_a_wrong_type_or_a_missing_argument_is_efault_or_refused_before(
    street, name, arguments, answer
):
    before = street.picture()
    for changed in arguments:
        missing = {key: value for key, value in arguments.items() if key != changed}
        for tried in (missing, *(arguments | {changed: value} for value in WRONG_TYPES)):
            refused = street.counted()[1]
            given = answered(*street.attack(name, tried))
            assert given in {Errno.EFAULT, answer}, (changed, tried)
            assert street.counted()[1] == refused + (given is not None)
    assert street.picture() == before
    street.everybody_goes_on()


@pytest.mark.parametrize(
    "message",
    [Upcall([1]), StopDomain(2, 1), DomainStopped(2, 1), InterruptVector(0x31), ConsoleInput("halt")],
    ids=lambda each: type(each).__name__,
)
def test_a_message_that_only_others_may_send_ends_its_sender_and_nobody_else(street, message):
    before = street.picture()
    street.xen.message(f"dom{street.attacker}", message)
    assert street.xen.closed == [f"dom{street.attacker}"]
    assert street.xen.machine.statistics().violations == 1
    assert street.picture() == before
    street.everybody_goes_on()


@pytest.mark.parametrize("claim", [b"\0", "dom0", 0, {"domid": 0}, [0]])
def test_a_domain_in_the_message_is_no_field_of_a_hypercall(street, claim):
    row = msgpack.packb([1, 1, 36, 2, {"domain": street.victim}, 0, claim])
    with pytest.raises(ProtocolViolation, match="fields"):
        CODEC.decode_frame(row)


def test_a_claim_in_the_arguments_does_not_make_another_caller(street):
    before = street.picture()
    claims = {"caller": 0, "domid": 0, "dom": 0, "link": "dom0", "privileged": 1}
    ret, _ = street.attack("domctl.destroydomain", {"domain": "victim"} | claims)
    assert ret == -Errno.EPERM
    assert street.picture() == before
    street.everybody_goes_on()


@pytest.mark.parametrize("ref", [0, 8, *LIMITS])
def test_a_revocation_reaches_the_senders_own_table_only(street, ref):
    before = street.picture()
    street.xen.message(f"dom{street.attacker}", GrantRevoke(5, ref))
    assert street.picture() == before
    street.everybody_goes_on()


def test_what_a_domain_writes_into_its_grant_table_gives_it_nothing_of_others(street):
    before, words = street.picture(), street.xen.table(street.attacker)
    stolen = street.frames(street.victim)[3]
    for ref in range(8, 200):
        words[ref * 2 + 1] = [stolen, stolen + 1, 0xFFFFFFFF, 1 << 20][ref % 4]
        words[ref * 2] = street.onlooker << 16 | ref % 32
    for ref in range(8, 200):
        mapping = {"dom": street.attacker, "ref": ref, "flags": 2}
        _, out = street.xen.call(street.onlooker, "grant_table_op.map_grant_ref", **mapping)
        assert out["status"] < 0
    assert street.picture() == before
    street.everybody_goes_on()


def test_every_part_of_a_call_that_is_refused_is_counted(street):
    calls, refused = street.counted()
    unmap, close = {"handle": 9}, {"op": 32, "cmd": 3, "args": {"port": 700}}
    street.attack("grant_table_op.unmap_grant_ref", {"ops": [unmap, unmap, unmap]})
    assert street.counted() == (calls + 1, refused + 3)
    reply = street.xen.raw(street.attacker, 13, 0, {"calls": [close, {"op": 13, "cmd": 0}, {}, 7]})
    assert reply.ret == -Errno.EFAULT
    assert street.counted()[1] == refused + 6
    batch = {"domid": SELF, "space": 2, "idxs": [900, 901], "gpfns": [30, 31]}
    assert street.attack("memory_op.add_to_physmap_batch", batch)[0] == 0
    assert street.counted()[1] == refused + 8
    row = next(each for each in street.xen.machine.statistics().domains if each.domid == street.attacker)
    assert row.hypercalls_refused == refused + 8


def test_a_death_in_the_midst_of_it_leaves_the_others_as_they_were(street):
    before = street.picture()
    street.xen.feed(LinkClosed(f"dom{street.attacker}", "killed"))
    assert street.picture() == before
    street.everybody_goes_on()
