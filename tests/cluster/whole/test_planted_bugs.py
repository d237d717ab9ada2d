"""Bugs that are switched on, to see that the check that should find each of them does.

Every scenario here holds without its bug: that is asserted, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from actors.devices.volume import Volume as DiskVolume
from actors.dom0.disks import Volume
from actors.kernel.block_queue import OKAY, READ, WRITE, BlockQueue
from actors.kernel.irq import Irq
from actors.kernel.mapped_grants import MappedGrants
from actors.kernel.shadow import UNUSED
from cluster import simulated
from cluster.supervisor import Supervisor

Plant = Callable[[pytest.MonkeyPatch], None]
POWER_CUT_NS = 500_000_000


def skip_replayed_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frontend answers what was in flight instead of issuing it again."""
    attach = BlockQueue.attach

    def skipping(self: BlockQueue, *arguments: object) -> int:
        for shadow in self._shadows:
            if shadow.operation == WRITE:
                self._finish(shadow, OKAY)
        return attach(self, *arguments)

    monkeypatch.setattr(BlockQueue, "attach", skipping)


def forget_replayed_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frontend neither answers what was in flight nor issues it again."""
    attach = BlockQueue.attach

    def forgetting(self: BlockQueue, *arguments: object) -> int:
        used = [(each, each.operation) for each in self._shadows if each.operation != UNUSED]
        for shadow, _ in used:
            shadow.operation = UNUSED
        try:
            return attach(self, *arguments)
        finally:
            for shadow, operation in used:
                shadow.operation = operation

    monkeypatch.setattr(BlockQueue, "attach", forgetting)


def acknowledge_before_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend answers a write when it has handed it to the disk."""
    submit = Volume.submit

    def hasty(self: Volume, opcode: int, sector: int, segments: list, done: Callable, *rest: object) -> None:
        if opcode == 1 + WRITE:
            submit(self, opcode, sector, segments, lambda _status: None, *rest)
            done(0)
        else:
            submit(self, opcode, sector, segments, done, *rest)

    monkeypatch.setattr(Volume, "submit", hasty)


def write_to_the_wrong_sector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver takes one block for its neighbour."""
    submit = Volume.submit

    def astray(self: Volume, opcode: int, sector: int, *rest: object) -> None:
        submit(self, opcode, 16 if opcode == 1 + WRITE and sector == 8 else sector, *rest)

    monkeypatch.setattr(Volume, "submit", astray)


def write_half_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk stops in the middle of a block."""
    write = DiskVolume.write

    def tearing(self: DiskVolume, sector: int, count: int, buffers: list, *, through: bool) -> None:
        half = sum(len(each) for each in buffers) // 2
        write(self, sector, count // 2, [buffers[0][:half]], through=through)

    monkeypatch.setattr(DiskVolume, "write", tearing)


def replay_over_a_newer_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frontend issues a write of the old ring once more, after a newer one to the same block."""
    attach, finish = BlockQueue.attach, BlockQueue._finish
    late: dict[int, bytes] = {}

    def noting(self: BlockQueue, *arguments: object) -> int:
        used = [each for each in self._shadows if each.operation == WRITE]
        late.update({each.sector: bytes(each.frames[0].view) for each in used})
        return attach(self, *arguments)

    def overtaking(self: BlockQueue, shadow, status: int) -> None:
        sector, written = shadow.sector, shadow.operation == WRITE and bytes(shadow.frames[0].view)
        finish(self, shadow, status)
        old = late.get(sector)
        if written and old and written != old:
            self.submit(WRITE, sector, old, len(old) // 512, lambda _status, _data: None)

    monkeypatch.setattr(BlockQueue, "attach", noting)
    monkeypatch.setattr(BlockQueue, "_finish", overtaking)


def read_the_wrong_sector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver reads the neighbour of a block."""
    submit = Volume.submit

    def astray(self: Volume, opcode: int, sector: int, *rest: object) -> None:
        submit(self, opcode, sector ^ 8 if opcode == 1 + READ else sector, *rest)

    monkeypatch.setattr(Volume, "submit", astray)


def leak_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend forgets one of the frames that it has mapped."""
    release = MappedGrants.release

    async def forgetful(self: MappedGrants) -> None:
        self._kept.popitem()
        await release(self)

    monkeypatch.setattr(MappedGrants, "release", forgetful)


def leak_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend forgets to close its port."""
    monkeypatch.setattr(Irq, "unbind", lambda _self, _port: None)


def drop_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk answers a flush and does nothing."""
    monkeypatch.setattr(DiskVolume, "flush", lambda _self: None)


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug, the check that must find it, a word of what it says, and how large the disks are for it."""

    plant: Plant
    check: str
    says: str
    size: str = "64KiB"


BUGS = [
    Bug(skip_replayed_writes, "ledger", "lost", "4MiB"),
    Bug(forget_replayed_requests, "liveness", "never did I/O again"),
    Bug(acknowledge_before_the_disk, "ledger", "lost", "4MiB"),
    Bug(write_to_the_wrong_sector, "ledger", "misdirected"),
    Bug(write_half_a_block, "ledger", "torn"),
    Bug(replay_over_a_newer_write, "ledger", "stale"),
    Bug(read_the_wrong_sector, "read back", "web-0"),
    Bug(leak_a_mapping, "leaks", "grants_mapped"),
    Bug(leak_a_port, "leaks", "ports"),
]


@pytest.fixture
def battered(scenarios, variant):
    """Small disks, slow writes, a dom0 that dies twice, and no prediction of who survives."""
    return variant(
        scenarios["renegotiate-dom0-crash"],
        name="battered",
        guest={"disks": [{"vdev": "xvda", "size": "64KiB"}]},
        work={"rate": "200/s"},
        latency={"read": "2ms", "write": "20ms"},
        faults=({"kind": "crash", "target": "host0/dom0", "at": "100ms", "every": "50ms", "count": 2},),
        settle="2s",
        survivors=None,
    )


def test_the_scenario_of_the_bugs_holds_without_them(battered, laboratory) -> None:
    run = laboratory.simulate(battered)

    assert run.report.verdict.value == "held", run.story()
    assert [each.verdict.value for each in run.report.checks] == ["held"] * len(run.report.checks)


@pytest.mark.parametrize("bug", BUGS, ids=[each.plant.__name__ for each in BUGS])
def test_a_planted_bug_is_found(
    bug: Bug, battered, variant, laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.plant(monkeypatch)
    disks = {"disks": [{"vdev": "xvda", "size": bug.size}]}

    run = laboratory.simulate(variant(battered, guest=disks), invariants=False)

    assert run.report.verdict.value == "failed", run.story()
    (found,) = [each for each in run.report.checks if each.name == bug.check]
    assert found.verdict.value == "failed", run.story()
    assert bug.says in found.detail


class CutOff(Supervisor):
    """An experiment whose power is cut while the guests write."""

    def handle(self, event: object, now_ns: int) -> list:
        if now_ns >= POWER_CUT_NS:
            self.abort()
        return super().handle(event, now_ns)


@pytest.fixture
def power_cut(scenarios, variant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(simulated, "Supervisor", CutOff)
    work = {"rate": "400/s", "flush_every": 4, "read_share": 0}
    scenario = scenarios["renegotiate-dom0-crash"]
    return variant(scenario, name="power-cut", faults=(), work=work, duration="2s", latency={})


def test_what_was_flushed_outlives_a_cut_of_the_power(power_cut, laboratory) -> None:
    run = laboratory.simulate(power_cut, invariants=False)

    assert run.check("ledger") == "held", run.story()
    assert "vanished" in run.story()
    assert run.report.verdict.value == "unknown"


def test_a_dropped_flush_is_found_after_a_cut_of_the_power(
    power_cut, laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_flushes(monkeypatch)

    run = laboratory.simulate(power_cut, invariants=False)

    assert run.check("ledger") == "failed", run.story()
    assert run.report.verdict.value == "failed"
