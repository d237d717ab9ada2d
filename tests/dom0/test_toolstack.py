from collections.abc import Coroutine
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl
from actors.abi.interface import DominfFlags, ShutdownReason, XenbusState
from actors.block.vbd import VBD
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.plan import DevicePlan, DomainPlan, HostPlan
from actors.dom0.shutdown_actions import ShutdownActions
from actors.dom0.steps import (
    AssignDisk,
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
from actors.dom0.toolstack import Toolstack
from actors.kernel.kernel import Kernel

ROW: dict[str, object] = {"vdev": "xvda", "virtual_device": 51712, "disk": "sda", "volume": 3, "mode": "w"}
DISK = DevicePlan("vbd", "xvda", 51712, VBD.keys(ROW))
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
    drives=(("sdb", 17, "level"),),
)
SERVED = replace(PLAN, devices=(replace(DISK, keys=VBD.keys(ROW | {"disk": "sdb"}), backend=1),))
DRIVER_BACK = "/local/domain/1/backend/vbd/5/51712"


def test_a_driver_domain_finds_what_it_serves_when_it_runs_and_nothing_of_an_earlier_life() -> None:
    steps = attach_steps(DRIVER, 1, [(5, SERVED.devices[0])])

    assert steps[0] == RemoveNodes(("/local/domain/1",))
    assert ShareDevice(FRONT, ("n5", "r1")) in steps
    assert rebuild_steps(DRIVER, 1, store_lost=True, resume=False)[-2:] == [LiftQuotas(1), IntroduceDomain(1)]
    assert nodes(steps)[f"{DRIVER_BACK}/state"] == ("1", ("n1", "r5"))
    assert steps[-4:] == [
        AssignDisk(1, "sdb", 17, "level"),
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


def test_a_plan_is_read_from_plain_data() -> None:
    plan = HostPlan.parse(
        {
            "domains": [
                {
                    "name": "web",
                    "handle": bytes(range(16)),
                    "memory_pages": 1024,
                    "max_pages": 2048,
                    "vcpus": 2,
                    "on_crash": "restart",
                    "disks": [ROW],
                    "cmd_line": "{}",
                }
            ],
            "xenstore": "dom0",
            "reconnect": "resume",
            "watchdog_s": 2,
            "built_for": ["3.4", "4.17"],
            "disks": [{"name": "sda", "gsi": 16, "trigger": "level"}],
        }
    )

    assert plan == HostPlan((PLAN,), "dom0", "resume", 2, (("sda", 16, "level"),), ("3.4", "4.17"))


def test_a_driver_domain_is_read_with_its_number_and_its_disks() -> None:
    domain: dict[str, object] = {
        "name": "storage",
        "handle": bytes(range(16, 32)),
        "memory_pages": 1024,
        "max_pages": 1024,
        "vcpus": 1,
        "on_crash": "restart",
        "disks": [],
        "cmd_line": "{}",
        "domid": 1,
        "drives": [{"name": "sdb", "gsi": 17, "trigger": "level"}],
    }
    rest = {"xenstore": "dom0", "reconnect": "resume", "watchdog_s": 2, "built_for": ["4.17"], "disks": []}

    assert HostPlan.parse({"domains": [domain], **rest}).domains == (DRIVER,)


class Builder:
    """Notes what it would write; nothing of it waits."""

    def __init__(self) -> None:
        self.committed: dict[Step, None] = {}
        self.domid = 0

    async def create(self, _: Step) -> int:
        self.domid += 1
        return self.domid

    async def build(self, _: Step, domid: int) -> None:
        assert domid == self.domid

    async def perform_all(self, steps: list[Step]) -> None:
        self.committed |= dict.fromkeys(each for each in steps if isinstance(each, WriteNodes))


def done(coroutine: Coroutine[Any, None, int]) -> int:
    """The result of a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return cast("int", end.value.value)


def test_what_was_written_for_domains_that_are_gone_is_not_kept_for_ever() -> None:
    builder, kernel = Builder(), SimpleNamespace(log=lambda _: None)
    host = HostPlan((PLAN,), "dom0", "resume", 2, (), ("4.17",))
    toolstack = Toolstack(cast("Kernel", kernel), host, cast("DomainBuilder", builder))
    assert done(toolstack.create(PLAN)) == 1
    written = len(builder.committed)
    assert written > 0
    assert [done(toolstack.create(PLAN)) for _ in range(5)] == [2, 3, 4, 5, 6]
    assert len(builder.committed) == written


ACTIONS = ShutdownActions(
    on_poweroff="destroy",
    on_reboot="restart",
    on_watchdog="preserve",
    on_crash="preserve",
    on_soft_reset="soft-reset",
)


class Domains:
    """A hypervisor with one domain, which has shut down, and a builder beside it."""

    def __init__(self, reason: int, actions: ShutdownActions) -> None:
        self.logs: list[str] = []
        self.destroyed: list[int] = []
        self.builder = Builder()
        self.builder.destroy = self.destroy  # type: ignore[attr-defined]
        self.flags = int(DominfFlags.shutdown) | reason << 16
        xen = SimpleNamespace(sysctl=self.sysctl, domctl=self.domctl)
        kernel = SimpleNamespace(log=self.logs.append, xen=xen)
        self.plan = replace(PLAN, actions=actions)
        host = HostPlan((self.plan,), "dom0", "resume", 2, (), ("4.17",))
        self.toolstack = Toolstack(cast("Kernel", kernel), host, cast("DomainBuilder", self.builder))
        done(self.toolstack.create(self.plan))

    async def sysctl(self, *_: object, **__: object) -> dict[str, object]:
        there = [each for each in range(1, self.builder.domid + 1) if each not in self.destroyed]
        return {"domains": [{"domain": each, "flags": self.flags if each == 1 else 0} for each in there]}

    async def domctl(self, number: int, *, domain: int) -> None:
        assert (number, domain) == (Domctl.soft_reset, 1)
        raise XenError(Errno.EINVAL, "a paravirtual domain cannot be reset")

    async def destroy(self, domid: int) -> None:
        self.destroyed.append(domid)

    def look(self, *, shutting_down: bool = False) -> list[int]:
        """The toolstack looks at its domains, twice; who is there then."""
        self.toolstack.shutting_down = shutting_down
        look_after = self.toolstack._look_after()
        look_after.send(None)
        for _ in range(2):
            self.toolstack._changed.set()
            look_after.send(None)
        look_after.close()
        return list(self.toolstack.domains)


@pytest.mark.parametrize(
    ("reason", "there", "destroyed"),
    [
        (ShutdownReason.poweroff, [], [1]),
        (ShutdownReason.reboot, [2], [1]),
        (ShutdownReason.suspend, [1], []),
        (ShutdownReason.crash, [1], []),
        (ShutdownReason.watchdog, [1], []),
        (ShutdownReason.soft_reset, [], [1]),
        (77, [], [1]),
    ],
)
def test_what_follows_a_shutdown_is_what_xl_does_for_its_reason(
    reason: int, there: list[int], destroyed: list[int]
) -> None:
    domains = Domains(reason, ACTIONS)

    assert domains.look() == there
    assert domains.destroyed == destroyed
    assert domains.toolstack.restarted == (there == [2])
    said = [each for each in domains.logs if "ended" in each or "suspended" in each]
    assert len(said) == 1, "it is said once"


@pytest.mark.parametrize("reason", [*ShutdownReason, 77])
def test_while_all_shut_down_nobody_is_created_again(reason: int) -> None:
    domains = Domains(reason, ACTIONS)

    assert domains.look(shutting_down=True) == []
    assert domains.toolstack.restarted == 0


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
