from dataclasses import replace

import pytest

from actors.abi.interface import ShutdownReason, XenbusState
from actors.block.vbd import VBD
from actors.device_plan import DevicePlan
from actors.dom0.knowledge import Knowledge
from actors.dom0.plan import DomainPlan, HostPlan
from actors.dom0.shutdown_actions import ShutdownActions
from actors.dom0.steps import (
    AssignDevice,
    IntroduceDomain,
    LiftQuotas,
    RemoveNodes,
    ShareDevice,
    Step,
    UnpauseDomain,
    WriteNodes,
    attach_steps,
    rebuild_steps,
    removal_steps,
)
from actors.drivers.interrupt_line import InterruptLine
from actors.policies import Reconnect, StorePlace
from tests.dom0.toolstack_host import Host

ROW: dict[str, object] = {"vdev": "xvda", "virtual_device": 51712, "disk": "sda", "volume": 3, "mode": "w"}
DISK = DevicePlan(VBD.name, ROW)
PLAN = DomainPlan("web", bytes(range(16)), 1024, 2048, 2, ShutdownActions(on_crash="restart"), (DISK,), "{}")
FRONT, BACK = "/local/domain/5/device/vbd/51712", "/local/domain/0/backend/vbd/5/51712"


def nodes(steps: list[Step]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        path: (value, permissions)
        for step in steps
        if isinstance(step, WriteNodes)
        for path, value, permissions in step.nodes
    }


def test_a_domain_runs_only_when_all_of_it_is_there() -> None:
    steps = attach_steps(PLAN, 5)

    assert [type(each) for each in steps] == [WriteNodes, WriteNodes, IntroduceDomain, UnpauseDomain]


def test_both_ends_of_a_device_are_written_at_once() -> None:
    (_, device, *_) = attach_steps(PLAN, 5)

    assert isinstance(device, WriteNodes)
    paths = [path for path, _, _ in device.nodes]
    assert {FRONT, BACK} <= set(paths)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/local/domain/5/name", "web"),
        ("/local/domain/5/memory/target", "4096"),
        ("/local/domain/5/memory/static-max", "8192"),
        ("/local/domain/5/cpu/1/availability", "online"),
        ("/local/domain/5/vm", "/vm/00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (f"{FRONT}/backend", BACK),
        (f"{FRONT}/backend-id", "0"),
        (f"{FRONT}/state", "1"),
        (f"{BACK}/frontend", FRONT),
        (f"{BACK}/frontend-id", "5"),
        (f"{BACK}/params", "sda:3"),
        (f"{BACK}/mode", "w"),
        (f"{BACK}/state", "1"),
    ],
)
def test_what_libxl_writes_is_written(path: str, value: str) -> None:
    assert nodes(attach_steps(PLAN, 5))[path][0] == value


def test_each_end_may_read_the_other_and_write_its_own() -> None:
    found = nodes(attach_steps(PLAN, 5))

    assert all(each[1] == ("n5", "r0") for path, each in found.items() if path.startswith(FRONT))
    assert all(each[1] == ("n0", "r5") for path, each in found.items() if path.startswith(BACK))
    assert found["/local/domain/5/control/shutdown"][1] == ("n0", "b5")


def test_with_the_store_intact_only_backends_begin_anew() -> None:
    (step,) = rebuild_steps(PLAN, 5, store_lost=False, resume=False)

    assert isinstance(step, WriteNodes)
    assert all(path.startswith(BACK) for path, _, _ in step.nodes)
    assert (f"{BACK}/state", "1", ("n0", "r5")) in step.nodes


@pytest.mark.parametrize(("resume", "state"), [(False, str(int(XenbusState.Initialising))), (True, None)])
def test_a_lost_store_is_written_again_but_a_resuming_frontend_tells_its_state(
    *, resume: bool, state: str | None
) -> None:
    steps = rebuild_steps(PLAN, 5, store_lost=True, resume=resume)

    found = nodes(steps)
    assert found["/local/domain/5/name"][0] == "web"
    assert found.get(f"{FRONT}/state", (None,))[0] == state
    assert steps[-1] == IntroduceDomain(5), "it is told of its store when that is complete"
    assert not any(isinstance(each, UnpauseDomain) for each in steps), "it runs already"


def test_a_store_lost_alone_leaves_both_ends_of_a_device_to_themselves() -> None:
    steps = rebuild_steps(PLAN, 5, store_lost=True, resume=False, backends_live=True)

    found = nodes(steps)
    assert f"{FRONT}/state" not in found
    assert found[f"{BACK}/frontend"][0] == FRONT
    assert [each.instead for each in steps if isinstance(each, WriteNodes)] == [(), (BACK,)]
    assert steps[-1] == IntroduceDomain(5)


DRIVER = DomainPlan(
    "storage",
    bytes(range(16, 32)),
    1024,
    1024,
    1,
    ShutdownActions(on_crash="restart"),
    (),
    "{}",
    domid=1,
    drives=(InterruptLine("sdb", 17, "level"),),
)
SERVED = replace(PLAN, devices=(DevicePlan(VBD.name, ROW | {"disk": "sdb"}, 1),))
DRIVER_BACK = "/local/domain/1/backend/vbd/5/51712"


def test_a_driver_domain_finds_what_it_serves_when_it_runs_and_nothing_of_an_earlier_life() -> None:
    steps = attach_steps(DRIVER, 1, [(5, SERVED.devices[0])])

    assert steps[0] == RemoveNodes(("/local/domain/1",))
    assert ShareDevice(FRONT, ("n5", "r1")) in steps
    assert rebuild_steps(DRIVER, 1, store_lost=True, resume=False)[-2:] == [LiftQuotas(1), IntroduceDomain(1)]
    assert nodes(steps)[f"{DRIVER_BACK}/state"] == ("1", ("n1", "r5"))
    assert steps[-4:] == [
        AssignDevice(1, InterruptLine("sdb", 17, "level")),
        LiftQuotas(1),
        IntroduceDomain(1),
        UnpauseDomain(1),
    ]


def test_a_disk_of_a_driver_domain_stands_under_that_domain_and_is_its_own() -> None:
    found = nodes(attach_steps(SERVED, 5))

    assert found[f"{FRONT}/backend"][0] == DRIVER_BACK
    assert found[f"{FRONT}/backend-id"][0] == "1"
    assert all(each[1] == ("n5", "r1") for path, each in found.items() if path.startswith(FRONT))
    assert all(each[1] == ("n1", "r5") for path, each in found.items() if path.startswith(DRIVER_BACK))
    assert found["/local/domain/1/backend"][1] == ("n1",), "it may list what it serves"


@pytest.mark.parametrize("resume", [False, True])
def test_a_new_dom0_leaves_alone_what_a_driver_domain_serves(*, resume: bool) -> None:
    assert rebuild_steps(SERVED, 5, store_lost=False, resume=resume) == []

    found = nodes(rebuild_steps(SERVED, 5, store_lost=True, resume=resume))
    assert f"{FRONT}/state" not in found, "the frontend lives, and tells its state"
    assert found[f"{DRIVER_BACK}/frontend"][0] == FRONT


@pytest.mark.parametrize(("plan", "domid"), [(PLAN, 5), (SERVED, 5), (DRIVER, 1)])
def test_what_is_removed_is_all_that_was_written(plan: DomainPlan, domid: int) -> None:
    (removal,) = removal_steps(plan, domid)

    assert isinstance(removal, RemoveNodes)
    left = [
        path
        for path in nodes(attach_steps(plan, domid))
        if path != "/local/domain/1/backend" or plan is DRIVER
        if not any(path == each or path.startswith(f"{each}/") for each in removal.paths)
    ]
    assert left == []


def test_a_plan_crosses_as_data_and_comes_back_as_it_was() -> None:
    drives = {"disks": (InterruptLine("sda", 16, "level"),), "nics": (InterruptLine("eth0", 17, "edge", 2),)}
    plan = HostPlan((DRIVER, PLAN), StorePlace.dom0, Reconnect.resume, 2, drives, ("3.4", "4.17"))
    packed = plan.pack()

    assert HostPlan.parse(packed) == plan
    assert list(packed) == [
        *(
            "domains",
            "xenstore",
            "store_restart",
            "reconnect",
            "watchdog_s",
            "built_for",
            "tells_states",
            "disks",
            "nics",
        )
    ]
    assert packed["nics"] == [{"name": "eth0", "gsi": 17, "trigger": "edge", "lines": 2}]
    assert packed["disks"] == [{"name": "sda", "gsi": 16, "trigger": "level"}]
    assert type(packed["xenstore"]) is type(packed["reconnect"]) is str


SMALL = replace(PLAN, memory_pages=64, max_pages=64)


def test_what_was_written_for_domains_that_are_gone_is_not_kept_for_ever() -> None:
    host = Host()
    assert host.create(SMALL) == 1
    written = len(host.builder.committed)
    assert written > 0
    assert [host.create(SMALL) for _ in range(5)] == [2, 3, 4, 5, 6]
    assert len(host.builder.committed) == written


ACTIONS = ShutdownActions(
    on_poweroff="destroy",
    on_reboot="restart",
    on_watchdog="preserve",
    on_crash="preserve",
    on_soft_reset="soft-reset",
)


@pytest.mark.parametrize(
    ("reason", "there", "exist"),
    [
        (ShutdownReason.poweroff, [], []),
        (ShutdownReason.reboot, [2], [2]),
        (ShutdownReason.suspend, [1], [1]),
        (ShutdownReason.crash, [1], [1]),
        (ShutdownReason.watchdog, [1], [1]),
        (ShutdownReason.soft_reset, [], []),
        (77, [], []),
    ],
)
def test_what_follows_a_shutdown_is_what_xl_does_for_its_reason(
    reason: int, there: list[int], exist: list[int]
) -> None:
    host = Host(replace(SMALL, actions=ACTIONS))
    host.xen.shut_down(1, reason)
    host.look_again()

    assert list(host.toolstack.knows.domains) == there
    assert host.domains == exist
    assert host.toolstack.restarted == (there == [2])
    said = [each for each in host.logs if "ended" in each or "suspended" in each]
    assert len(said) == 1, "it is said once"


@pytest.mark.parametrize("reason", [*ShutdownReason, 77])
def test_while_all_shut_down_nobody_is_created_again(reason: int) -> None:
    host = Host(replace(SMALL, actions=ACTIONS))
    host.toolstack.shutting_down = True
    host.xen.shut_down(1, reason)

    assert list(host.toolstack.knows.domains) == []
    assert host.domains == []
    assert host.toolstack.restarted == 0


def test_the_defaults_are_those_of_xl() -> None:
    after = ShutdownActions().after
    assert [after(each) for each in ShutdownReason] == [
        "destroy",
        "restart",
        "destroy",
        "destroy",
        "destroy",
        "soft-reset",
    ]


def test_one_that_is_killed_while_it_looks_who_is_there_has_lost_nothing() -> None:
    host = Host(SMALL)
    host.toolstack.kill()
    known = Knowledge(complete=True, to_take_over={1: SMALL}, rebuilding=True)
    host.toolstack.spawn("xl", host.toolstack.adopt(known))
    host.xen.kernels[0].threads.run(0)  # it has asked Xen, and not been answered
    host.toolstack.kill()
    host.xen.run()

    assert host.toolstack.knows is known
    assert (known.to_take_over, known.rebuilding) == ({1: SMALL}, True)
