"""sysctl: debug keys, CPUs, the one pool, and the scheduler's parameter."""

import pytest

from actors.abi.errno import Errno

COMMANDS = [
    "readconsole", "physinfo", "sched_id", "getdomaininfolist", "debug_keys", "getcpuinfo", "availheap",
    "cpupool_op", "scheduler_op",
]  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_version_and_right_come_in_this_order(xen, name):
    guest, store = xen.create(), xen.create(flags=16)
    assert xen.ret(guest, f"sysctl.{name}", interface_version=1) == -Errno.EACCES
    assert xen.ret(guest, f"sysctl.{name}") == -Errno.EPERM
    assert xen.ret(store, f"sysctl.{name}") == -Errno.EPERM


def test_keys_print_what_is_there(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=3)
    xen.call(0, "physdev_op.map_pirq", domid=0, type=1, index=5, pirq=5)
    xen.call(0, "event_channel_op.bind_pirq", pirq=5, flags=0)
    xen.clear()
    assert xen.ret(0, "sysctl.debug_keys", keys="qgeihX") == 0
    text = "\n".join(xen.logs)
    assert f"General information for domain {guest}: -b---- nr_pages=16 max_pages=16" in text
    assert f"grant-table for remote d{guest}: ref 8 pins 2 by d0" in text
    assert "Domain 0: port 1 pirq" in text
    assert "IRQ: 5 d0: pirq 5" in text
    assert " key 'q' => every domain, with the memory it has and the state it is in." in text
    assert "'X' pressed -> nothing is installed for it" in text
    for keys in (5, "q" * 1025):
        assert xen.ret(0, "sysctl.debug_keys", keys=keys) == -Errno.EFAULT


def test_information_about_the_machine(xen):
    ret, out = xen.call(0, "sysctl.physinfo")
    assert (ret, out["total_pages"], out["nr_cpus"], out["max_mfn"]) == (0, 4096, 2, 4095)
    assert xen.out(0, "sysctl.availheap", "avail_bytes") == out["free_pages"] << 12
    assert xen.ret(0, "sysctl.sched_id") == -Errno.EFAULT
    assert xen.out(0, "sysctl.sched_id", "sched_id", sched_id=0) == 6
    assert xen.out(0, "sysctl.getcpuinfo", "nr_cpus", max_cpus=1) == 1
    assert len(xen.call(0, "sysctl.getcpuinfo", max_cpus=99)[1]["info"]) == 2
    assert xen.out(0, "sysctl.getcpuinfo", "nr_cpus", max_cpus=-1) == 0


def test_domains_are_listed_from_one_on(xen):
    guests = [xen.create() for _ in range(3)]
    _, out = xen.call(0, "sysctl.getdomaininfolist", first_domain=guests[1], max_domains=8)
    assert [each["domain"] for each in out["domains"]] == guests[1:]
    _, out = xen.call(0, "sysctl.getdomaininfolist", first_domain=0, max_domains=2)
    assert (out["num_domains"], [each["domain"] for each in out["domains"]]) == (2, [0, guests[0]])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"op": 1}, -Errno.EOPNOTSUPP),
        ({"op": 2}, -Errno.EBUSY),
        ({"op": 2, "cpupool_id": 1}, -Errno.ENOENT),
        ({"op": 3}, 0),
        ({"op": 3, "cpupool_id": 1}, -Errno.ENOENT),
        ({"op": 4, "cpu": 0}, -Errno.ENODEV),
        ({"op": 4, "cpu": 2}, -Errno.EINVAL),
        ({"op": 4, "cpu": 0xFFFFFFFF}, -Errno.ENODEV),
        ({"op": 5, "cpu": 1}, -Errno.EOPNOTSUPP),
        ({"op": 5, "cpu": -2}, -Errno.EINVAL),
        ({"op": 6, "domid": 0}, -Errno.EPERM),
        ({"op": 6, "domid": 4321}, -Errno.ESRCH),
        ({"op": 6, "domid": 1}, 0),
        ({"op": 6, "domid": 1, "cpupool_id": 1}, -Errno.ENOENT),
        ({"op": 7}, 0),
        ({"op": 8}, -Errno.ENOSYS),
    ],
)
def test_there_is_one_pool(xen, arguments, expected):
    assert xen.create() == 1
    assert xen.ret(0, "sysctl.cpupool_op", **arguments) == expected


def test_the_pool_has_every_cpu_and_domain(xen):
    xen.create()
    assert xen.call(0, "sysctl.cpupool_op", op=3) == (
        0,
        {"cpupool_id": 0, "sched_id": 6, "n_dom": 2, "cpumap": 3},
    )
    assert xen.call(0, "sysctl.cpupool_op", op=7) == (0, {"cpumap": 0})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cmd": 2}, -Errno.EINVAL),
        ({"cpupool_id": 1}, -Errno.ESRCH),
        ({"sched_id": 5}, -Errno.EINVAL),
        ({"ratelimit_us": 99}, -Errno.EINVAL),
        ({"ratelimit_us": 500_001}, -Errno.EINVAL),
        ({"ratelimit_us": 0}, 0),
        ({"ratelimit_us": 500_000}, 0),
    ],
)
def test_the_rate_limit_is_kept(xen, change, expected):
    given = {"cmd": 0, "cpupool_id": 0, "sched_id": 6, "ratelimit_us": 200} | change
    assert xen.ret(0, "sysctl.scheduler_op", **given) == expected
    wanted = given["ratelimit_us"] if expected == 0 else 1000
    assert (
        xen.out(
            0, "sysctl.scheduler_op", "ratelimit_us", **(given | {"cmd": 1, "cpupool_id": 0, "sched_id": 6})
        )
        == wanted
    )
