"""The vitals of guests in whole runs of the simulated driver: what they ask XenStore to write, and when."""

from dataclasses import dataclass, field

import pytest

from actors.abi.xs_wire import XsType
from actors.domu.guest import Guest
from actors.kernel.threads import Future
from actors.runtime.machine import Machine
from cluster.lab.config.loading import load_cluster
from cluster.running.drivers.simulated import RunObserver, run_simulated

KEYS = ["committed", "free", "cached", "swap", "iowait"]


@dataclass
class VitalsWitness(RunObserver):
    """Sees every write of vitals: (guest, the key or nothing, value), and those that were answered."""

    asked: list[tuple[str, str, str]] = field(default_factory=list)
    done: list[tuple[str, str, str]] = field(default_factory=list)

    def started(self, address: str, machine: Machine) -> None:
        if isinstance(machine, Guest):
            machine.store_observer = self._watching(machine.name)

    def of(self, guest: str) -> list[str]:
        """The keys that a guest has written, in their order, without those that were not answered."""
        return [key for name, key, _ in self.done if name == guest]

    def _watching(self, guest: str):
        def see(kind: XsType, _tx_id: int, payload: bytes, answer: Future[bytes]) -> None:
            path, _, value = payload.decode().partition("\0")
            if kind is XsType.WRITE and path.startswith("data/vitals"):
                write = guest, path.removeprefix("data/vitals").removeprefix("/"), value
                self.asked.append(write)
                answer.when_done(lambda: self.done.append(write))

        return see


@pytest.fixture
def watch(laboratory, variant):
    """Run a scenario whose guests publish ten times a second; the witness, and the supervisor."""

    def run(scenario, **changes: object):
        guest = {"vitals": "100ms", **scenario.guest, **changes.pop("guest", {})}
        file = laboratory.write(variant(scenario, guest=guest, **changes))
        witness = VitalsWitness()
        supervisor, _ = run_simulated(
            load_cluster(file),
            lambda _what, _text: None,
            None,
            trace=False,
            invariants=True,
            observer=witness,
        )
        return witness, supervisor

    return run


def test_the_values_are_those_of_the_kernel(scenarios, watch) -> None:
    witness, _ = watch(scenarios["renegotiate-dom0-crash"], faults=(), dom0_boots=(1,))

    values = {key: value for guest, key, value in witness.done if guest == "web-0"}
    assert list(values) == ["", *KEYS]
    assert int(values["committed"]) + int(values["free"]) == 4096
    assert 140 < int(values["committed"]) < 400  # start info and two rings, and what the disk needs
    assert [values[key] for key in ("cached", "swap")] == ["0", "0"]
    waits = [int(value) for guest, key, value in witness.done if guest == "web-0" and key == "iowait"]
    assert 0 < max(waits) <= 100


@pytest.mark.parametrize("store", ["dom0", "stubdom"])
def test_after_a_loss_of_the_store_they_come_again(store: str, scenarios, watch) -> None:
    witness, supervisor = watch(scenarios[f"renegotiate-{store}-crash"], duration="1s")

    lost = store == "dom0"
    for guest in ("web-0", "web-1"):
        written = witness.of(guest)
        assert written[:6] == ["", *KEYS]
        assert [written.count(key) for key in ("", "cached", "swap")] == [1 + lost] * 3
    assert [each.recovered_at_ns is not None for each in supervisor.injections] == [True]


def test_a_stock_kernel_does_not_notice_and_goes_on_with_what_changes(scenarios, watch) -> None:
    witness, supervisor = watch(scenarios["stock-linux-hangs"], duration="1s")

    written = witness.of("web-0")
    assert written[:6] == ["", *KEYS]
    assert set(written[6:]) == {"iowait"}
    assert witness.done[-1] == ("web-1", "iowait", "100")
    assert supervisor.lab.guests[1].boots == 1


def test_they_can_be_switched_off(scenarios, watch) -> None:
    witness, _ = watch(scenarios["renegotiate-dom0-crash"], guest={"vitals": "0s"})

    assert witness.asked == []
