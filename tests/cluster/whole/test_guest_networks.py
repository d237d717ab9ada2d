"""Guests that talk through a bridge of their host, and whoever serves them dies."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from actors.domu.guest import Guest
from actors.inet.address import Endpoint, ipv4
from actors.runtime.machine import Machine
from cluster.lab.config.loading import load_cluster
from cluster.lab.verdict.report import Report, build_report
from cluster.running.drivers.simulated import RunObserver, run_simulated
from cluster.running.run.progress import Progress
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.session import Session, SessionOptions

WORK = {
    "memory": "16MiB",
    "disks": [{"vdev": "xvda", "size": "128KiB"}],
    "workload": {"kind": "random", "rate": "500/s"},
}
GUESTS = [
    {"name": "web", **WORK, "networks": [{"ip": "10.0.0.2/24"}]},
    {"name": "db", **WORK, "networks": [{"ip": "10.0.0.3/24"}]},
]
HOST = {
    "name": "host0",
    "memory": "256MiB",
    "hwdom": "restart",
    "dom0": {"memory": "32MiB"},
    "nics": [{"name": "eth0"}],
    "disks": [{"name": "sda"}],
    "guests": GUESTS,
}
CONFIGURATION = {"name": "pair", "run": {"duration": "600ms", "settle": "5s"}, "hosts": [HOST]}
DOM0_DIES = [{"kind": "crash", "target": "host0/dom0", "at": "100ms"}]
STEP_NS = 5_000_000


class Talk(RunObserver):
    """The guest `web` asks `db` for an echo every 5 ms, and sends it numbers by TCP; `db` notes them.

    `asked` has when each echo was asked for, `answered` when it was answered, by number.
    """

    def __init__(self) -> None:
        self.asked: dict[int, int] = {}
        self.answered: dict[int, int] = {}
        self.received = bytearray()
        self.sent = bytearray()
        self.errors: list[int] = []
        self.guests: dict[str, Guest] = {}

    def started(self, _address: str, machine: Machine) -> None:
        if isinstance(machine, Guest):
            self.guests[machine.name] = machine
            talk = {"web": self._ask, "db": self._answer}[machine.name]
            machine.threads.spawn("talk", talk(machine))

    async def _stack(self, guest: Guest):
        while "vif0" not in guest.interfaces or not guest.interfaces["vif0"].stack:
            await guest.threads.sleep(STEP_NS)
        await guest.threads.sleep(STEP_NS)
        return guest.interfaces["vif0"].stack

    async def _ask(self, guest: Guest) -> None:
        stack = await self._stack(guest)
        target = ipv4("10.0.0.3")
        await guest.threads.sleep(4 * STEP_NS)
        stack.icmp.replied = lambda reply, now_ns: self.answered.setdefault(reply.sequence, now_ns)
        connection = stack.tcp.connect(Endpoint(target, 80), lambda *_: None, guest.threads.now_ns)
        number = 0
        while True:
            now_ns = guest.threads.now_ns
            self.asked[number] = now_ns
            stack.icmp.echo(target, 1, number, bytes(56), now_ns)
            data = number.to_bytes(4) * 1000
            if not connection.error and len(self.sent) < 400_000:
                self.sent += data[: connection.send(data, now_ns)]
            number += 1
            await guest.threads.sleep(STEP_NS)

    async def _answer(self, guest: Guest) -> None:
        stack = await self._stack(guest)
        listener = stack.tcp.listen(80, lambda *_: None)
        connection = None
        while True:
            await guest.threads.sleep(STEP_NS)
            connection = connection or listener.accept()
            while connection and (data := connection.recv(65536, guest.threads.now_ns)):
                self.received += data

    def longest_silence_ns(self) -> int:
        """Between two answers."""
        times = sorted(self.answered.values())
        return max(later - earlier for earlier, later in pairwise(times))


def simulate(tmp_path: Path, **changes: object) -> tuple[Talk, Report]:
    """A run of the configuration with a host, and whatever else, changed."""
    host = {**HOST, **{key: value for key, value in changes.items() if key not in {"faults", "seed"}}}
    path = tmp_path / "pair.yaml"
    path.write_text(yaml.safe_dump({**CONFIGURATION, "hosts": [host], "faults": changes.get("faults", [])}))
    cluster = load_cluster(path).with_seed(int(str(changes.get("seed", 1))))
    directory = RunDirectory.create(cluster.name, tmp_path / "run").path
    placed = cluster.placed(directory / "images")
    talk = Talk()
    supervisor, read_volume = run_simulated(
        placed, lambda _what, _text: None, directory, trace=False, invariants=True, observer=talk
    )
    return talk, build_report(placed, "simulated", supervisor, directory, read_volume)


def test_guests_of_one_host_hear_each_other(tmp_path: Path) -> None:
    talk, report = simulate(tmp_path)
    assert report.verdict.value == "held", report.checks
    assert len(talk.asked) > 80
    assert len(talk.asked) - len(talk.answered) <= 1
    assert len(talk.sent) > 100_000
    assert talk.received == talk.sent[: len(talk.received)]
    assert len(talk.received) > len(talk.sent) - 20_000
    assert talk.longest_silence_ns() < 2 * STEP_NS
    front = talk.guests["web"].statistics().devices["vif"]["vif0"]
    assert front.announcements == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
def test_a_connection_lives_through_the_death_of_dom0(tmp_path: Path, reconnect: str, seed: int) -> None:
    talk, report = simulate(tmp_path, reconnect=reconnect, faults=DOM0_DIES, seed=seed)
    assert report.verdict.value == "held", report.checks
    assert max(talk.answered) > max(talk.asked) - 3, "they hear each other again"
    assert talk.longest_silence_ns() > 2 * STEP_NS
    assert len(talk.received) > len(talk.sent) - 20_000
    assert talk.received == talk.sent[: len(talk.received)]
    assert len(talk.sent) > 100_000
    front = talk.guests["web"].statistics().devices["vif"]["vif0"]
    assert front.reconnects == (reconnect == "renegotiate")
    assert front.announcements >= 2


def test_a_stock_guest_is_silent_for_ever(tmp_path: Path) -> None:
    talk, _ = simulate(
        tmp_path, guests=[{**each, "frontend": "stock-linux"} for each in GUESTS], faults=DOM0_DIES
    )
    died_ns = talk.asked[0] + 100_000_000
    assert max(talk.answered.values()) < died_ns + STEP_NS
    assert len(talk.asked) > 80, "and asks on"


@pytest.mark.parametrize("dies", ["host0/net", "host0/dom0"])
@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
def test_a_connection_lives_through_the_death_of_a_driver_domain(
    tmp_path: Path, reconnect: str, dies: str
) -> None:
    driver = {"name": "net", "memory": "16MiB", "nics": ["eth0"]}
    guests = [{**each, "networks": [{**each["networks"][0], "backend": "net"}]} for each in GUESTS]
    faults = [{"kind": "crash", "target": dies, "at": "100ms"}]
    talk, report = simulate(
        tmp_path, driver_domains=[driver], guests=guests, reconnect=reconnect, faults=faults
    )
    assert report.verdict.value == "held", report.checks
    assert max(talk.answered) > max(talk.asked) - 3
    assert talk.received == talk.sent[: len(talk.received)]
    assert len(talk.received) > len(talk.sent) - 20_000
    if dies == "host0/dom0":
        assert talk.longest_silence_ns() < 2 * STEP_NS, "dom0 is not in the way of packets"


@pytest.mark.processes
@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
def test_real_processes_do_the_same(tmp_path: Path, reconnect: str) -> None:
    path = tmp_path / "pair.yaml"
    host = {**HOST, "reconnect": reconnect}
    path.write_text(yaml.safe_dump({**CONFIGURATION, "hosts": [host], "faults": DOM0_DIES}))
    session = Session(load_cluster(path), SessionOptions(out=tmp_path / "live"), Progress.silent())
    report = session.run()

    assert report.verdict.value == "held", report.checks
    logs = {each.name: each.read_text() for each in (session.directory / "logs").iterdir()}
    for guest in ("host0-dom1.log", "host0-dom2.log"):
        offers = logs[guest].count("xen_netfront: device/vif/0: offering")
        assert offers == (2 if reconnect == "renegotiate" else 1), logs[guest]
    for number in (1, 2):
        assert logs["host0-dom0.log"].count(f"vif/{number}/0: connected to domain {number}") == 2
