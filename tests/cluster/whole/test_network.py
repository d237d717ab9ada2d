"""Hosts with network controllers, whole: they boot, and frames find their way through the switch."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from actors.dom0.control_domain import ControlDomain
from actors.drivers.driver_domain import DriverDomain
from actors.network.packet import Packet
from actors.runtime.machine import Machine
from cluster.lab.config.loading import load_cluster
from cluster.lab.verdict.report import build_report
from cluster.running.drivers.simulated import RunObserver, run_simulated
from cluster.running.run.progress import Progress
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.session import Session, SessionOptions
from tests.network.frames import BROADCAST, MACS, frame

GUEST = {
    "memory": "4MiB",
    "disks": [{"vdev": "xvda", "size": "128KiB"}],
    "workload": {"kind": "random", "rate": "500/s"},
}
DRIVER = {"name": "net", "memory": "16MiB", "nics": ["eth0"]}
HOSTS = [
    {"name": "host0", "nics": [{"name": "eth0"}, {"name": "eth1", "bridge": "xenbr1"}]},
    {"name": "host1", "nics": [{"name": "eth0", "queues": 4, "trigger": "edge"}], "driver_domains": [DRIVER]},
]
CONFIGURATION = {
    "name": "wired",
    "run": {"duration": "200ms"},
    "metrics": {"interval": "100ms"},
    "switch": {"latency": "20us", "rate": "10Gbit"},
    "hosts": [
        {"memory": "256MiB", "dom0": {"memory": "32MiB"}, "disks": [{"name": "sda"}], **each,
         "guests": [{"name": f"guest{number}", **GUEST}]}
        for number, each in enumerate(HOSTS)
    ],
}  # fmt: skip
SLOW = {**GUEST, "workload": {"kind": "random", "rate": "10/s"}}
IDLE = [
    {**each, "guests": [{"name": f"guest{number}", **SLOW}]}
    for number, each in enumerate(CONFIGURATION["hosts"])
]
"""Guests that do next to nothing, for long runs."""


class Stations(RunObserver):
    """A station on the bridge of each domain that drives `eth0`, which says its number every 10 ms.

    `heard` has what each hears, by address and life: who said which number.
    """

    def __init__(self, drivers: dict[str, bytes]) -> None:
        self._macs = drivers
        self.heard: dict[str, list[tuple[bytes, int]]] = {address: [] for address in drivers}
        self.machines: dict[str, ControlDomain | DriverDomain] = {}

    def started(self, address: str, machine: Machine) -> None:
        if address in self._macs:
            assert isinstance(machine, ControlDomain | DriverDomain)
            self.machines[address] = machine
            machine.threads.spawn("station", self._talk(address, machine))

    async def _talk(self, address: str, machine: ControlDomain | DriverDomain) -> None:
        mac, heard = self._macs[address], self.heard[address]

        def deliver(packet: Packet) -> None:
            heard.append((packet.frame[6:12], int.from_bytes(packet.frame[14:18])))
            assert not packet.validated

        while True:
            await machine.threads.sleep(10_000_000)
            try:
                bridge = machine._hardware.behind["bridge"]("xenbr0")
            except KeyError:
                continue
            port = bridge.join("vif9.0", deliver, macs=[mac])
            break
        number = 0
        while True:
            # Every other one to the other's address, which is not that of its controller.
            target = BROADCAST if number % 2 else MACS[0] if mac == MACS[1] else MACS[1]
            port.send(Packet(frame(target, mac, number.to_bytes(4) + bytes(42))))
            number += 1
            await machine.threads.sleep(10_000_000)


@pytest.fixture
def simulate(tmp_path: Path) -> Callable[..., tuple[Stations, object, object]]:
    def run(seed: int = 1, **changes: object):
        path = tmp_path / "wired.yaml"
        path.write_text(yaml.safe_dump({**CONFIGURATION, **changes}))
        cluster = load_cluster(path).with_seed(seed)
        directory = RunDirectory.create(cluster.name, tmp_path / f"run{len(list(tmp_path.iterdir()))}").path
        placed = cluster.placed(directory / "images")
        stations = Stations({"host0/dom0": MACS[0], "host1/dom1": MACS[1]})
        supervisor, read_volume = run_simulated(
            placed, lambda _what, _text: None, directory, trace=False, invariants=True, observer=stations
        )
        return stations, supervisor, build_report(placed, "simulated", supervisor, directory, read_volume)

    return run


def numbers(heard: list[tuple[bytes, int]], mac: bytes) -> list[int]:
    return [number for source, number in heard if source == mac]


def test_bridges_of_two_hosts_hear_each_other_through_the_switch(simulate) -> None:
    stations, supervisor, report = simulate()

    assert report.verdict.value == "held", report.checks
    for address, other in (("host0/dom0", MACS[1]), ("host1/dom1", MACS[0])):
        found = numbers(stations.heard[address], other)
        assert len(found) > 15
        assert found == list(range(found[0], found[0] + len(found))), "each once, and in order"
    said = supervisor.lab.switch.statistics
    assert said.port_frames["host0/eth0"] > 0
    assert said.port_frames["host0/eth1"] > 0, "a broadcast goes to every port"
    assert sum(said.drops.values()) == 0
    bridges = stations.machines["host0/dom0"].statistics().bridges
    assert list(bridges) == ["xenbr0", "xenbr1"]
    assert bridges["xenbr0"].uplinks["eth0"].sent_frames > 15
    assert sum(bridges["xenbr0"].ports["eth0"].out_drops.values()) == 0


def test_a_run_is_a_function_of_its_seed(simulate) -> None:
    first, second = simulate(seed=3)[0].heard, simulate(seed=3)[0].heard
    assert first == second


def test_every_queue_has_a_row_in_proc_interrupts(simulate) -> None:
    stations = simulate()[0]
    rows = stations.machines["host1/dom1"].interrupts().splitlines()
    found = [line.split()[-1] for line in rows if "ioapic" in line]
    assert found == [f"eth0-TxRx-{queue}" for queue in range(4)]
    rows = stations.machines["host0/dom0"].interrupts().splitlines()
    assert [line.split()[-1] for line in rows if "ioapic" in line] == ["sda", "eth0", "eth1"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "crash", "target": "host0/dom0"},
        {"kind": "crash", "target": "host1/net"},
        {"kind": "host-power-loss", "target": "host0", "duration": "20ms"},
        {"kind": "hwdom-reboot", "target": "host1/dom0"},
    ],
    ids=lambda each: f"{each['kind']} {each['target']}",
)
def test_the_switch_outlives_everybody_and_who_is_back_is_heard_again(simulate, fault) -> None:
    fault = {**fault, "at": "60ms"}
    stations, _, report = simulate(faults=[fault], run={"duration": "300ms"})

    by_name = {each.name: each.verdict.value for each in report.checks}
    assert by_name["processes"] == by_name["leaks"] == "held", report.checks
    for address, other in (("host0/dom0", MACS[1]), ("host1/dom1", MACS[0])):
        found = numbers(stations.heard[address], other)
        assert max(found) >= 3, f"{address} hears the other one"
    mine = "host0/dom0" if fault["target"].startswith("host0") else "host1/dom1"
    theirs = MACS[0] if mine == "host0/dom0" else MACS[1]
    other = "host1/dom1" if mine == "host0/dom0" else "host0/dom0"
    found = numbers(stations.heard[other], theirs)
    assert any(later < earlier for earlier, later in pairwise(found)), "each of its lives is heard"


def heard_during(simulate, **fault: object) -> tuple[list[int], list[int], object]:
    """What host0 and the driver domain of host1 hear of each other when something breaks at 60 ms."""
    stations, supervisor, report = simulate(faults=[{"at": "60ms", "duration": "80ms", **fault}])
    assert report.verdict.value == "held", report.checks
    first = numbers(stations.heard["host0/dom0"], MACS[1])
    return first, numbers(stations.heard["host1/dom1"], MACS[0]), supervisor.lab.switch.statistics


def missing(found: list[int]) -> int:
    return len(set(range(found[0], found[-1])) - set(found))


def test_a_partition_parts_a_host_from_all_others_until_it_is_over(simulate) -> None:
    first, second, switch = heard_during(simulate, kind="switch-partition", target="host1")
    for found in (first, second):
        assert 7 <= missing(found) <= 9
        assert found[-1] > 15
    assert switch.drops["partitioned"] > 0


def test_a_fibre_that_is_broken_in_one_direction_is_whole_in_the_other(simulate) -> None:
    first, second, _ = heard_during(simulate, kind="link-partition", target="host0/eth0:switch")
    assert missing(first) == 0
    assert 7 <= missing(second) <= 9


def test_frames_of_a_wire_are_lost_and_doubled_one_by_one(simulate) -> None:
    more = {"duration": "100ms", "probability": 0.5}
    first, second, _ = heard_during(simulate, kind="link-drop", target="host0/switch:eth0", **more)
    assert 1 <= missing(first) <= 9
    assert missing(second) == 0
    first, second, _ = heard_during(simulate, kind="link-duplicate", target="host0/switch:eth0", **more)
    assert len(first) > len(set(first))
    assert len(second) == len(set(second))


def test_a_corrupt_frame_differs_by_a_bit(simulate) -> None:
    stations, _, report = simulate(
        faults=[{"kind": "frame-corrupt", "target": "host1/*:switch", "at": "60ms", "duration": "80ms"}]
    )
    assert report.verdict.value == "held", report.checks
    other = [each for each in stations.heard["host0/dom0"] if each[0] not in MACS]
    sound = numbers(stations.heard["host0/dom0"], MACS[1])
    assert missing(sound) or other, "of sixty bytes ten are looked at, and some are hit"
    assert sound[-1] > 15


@pytest.mark.parametrize("kind", ["nic-hang", "nic-dma-stop", "nic-link-down", "irq-lost"])
@pytest.mark.parametrize("target", ["host0/eth0", "host1/eth0"])
def test_who_has_lost_a_controller_has_it_again(simulate, kind, target) -> None:
    fault = {"kind": kind, "target": target, "at": "60ms", "duration": "80ms"}
    stations, _, report = simulate(faults=[fault], run={"duration": "12s"}, hosts=IDLE)

    assert report.verdict.value == "held", report.checks
    for address, other in (("host0/dom0", MACS[1]), ("host1/dom1", MACS[0])):
        found = numbers(stations.heard[address], other)
        assert found[-1] > 1150, "to the end"
        assert missing(found) < 1100, "a watch needs five seconds, and once more if it saw it move"


def test_a_controller_that_is_gone_at_boot_is_found_later(simulate) -> None:
    faults = [
        {"kind": "nic-hang", "target": "host0/eth0", "at": "50ms", "duration": "2s"},
        {"kind": "crash", "target": "host0/dom0", "at": "60ms"},
    ]
    stations, supervisor, report = simulate(faults=faults, run={"duration": "7s"}, hosts=IDLE)

    assert report.verdict.value == "held", report.checks
    assert supervisor.lab.boards["host0"].state.boots == 1
    heard = numbers(stations.heard["host0/dom0"], MACS[1])
    assert heard[-1] > 650


def test_a_rule_of_a_wire_ends_with_its_controller(simulate) -> None:
    faults = [
        {"kind": "link-drop", "target": "host0/switch:eth0", "at": "40ms"},
        {"kind": "host-power-loss", "target": "host0", "at": "60ms", "duration": "20ms"},
        {"kind": "link-delay", "target": "host0/switch:eth0", "at": "150ms", "delay": "1us"},
    ]
    stations, _, _ = simulate(faults=faults, run={"duration": "300ms"})
    assert 22 in numbers(stations.heard["host0/dom0"], MACS[1]), "what is new there is a delay alone"


@pytest.mark.parametrize("seed", range(5))
def test_controllers_may_share_a_process_with_others(simulate, seed) -> None:
    hosts = [{**each} for each in CONFIGURATION["hosts"]]
    hosts[0]["pack"] = [["hypervisor", "ioapic", "eth0", "dom0"]]
    stations, _, report = simulate(hosts=hosts, seed=seed)
    assert report.verdict.value == "held", report.checks
    assert len(numbers(stations.heard["host0/dom0"], MACS[1])) > 15


@pytest.mark.processes
def test_hosts_with_controllers_boot_with_real_processes(tmp_path: Path) -> None:
    path = tmp_path / "wired.yaml"
    path.write_text(yaml.safe_dump(CONFIGURATION))
    session = Session(load_cluster(path), SessionOptions(out=tmp_path / "live"), Progress.silent())
    report = session.run()

    assert report.verdict.value == "held", report.checks
    logs = {each.name: each.read_text() for each in (session.directory / "logs").iterdir()}
    assert "uplink of xenbr0" in logs["host0-dom0.log"]
    assert "irqs 17 to 20 edge, uplink of xenbr0" in logs["host1-dom1.log"]
    assert "power button" in logs["host1-eth0.log"]
