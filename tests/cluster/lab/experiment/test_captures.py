"""What packets are looked at: where an interface is seen, and who is asked for it, also after a death."""

from pathlib import Path

import pytest

from actors.capture_messages import Captured, CaptureTaken, StartCapture, StopCapture
from actors.network.tap import size_of
from actors.runtime.machine import Effect, Send
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.captures import PLACES, CapturePoint, Captures
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.host_board import HostBoard

TEXT = """\
name: seen
hosts:
  - name: host0
    memory: 256MiB
    dom0: {memory: 32MiB}
    disks: [{name: sda}]
    nics: [{name: eth0}, {name: eth1, bridge: xenbr1}]
    driver_domains: [{name: net, memory: 16MiB, nics: [eth1]}]
    guests:
      - name: web-0
        memory: 8MiB
        networks: [{bridge: xenbr0}, {bridge: xenbr1, backend: net}]
      - name: dumb
        memory: 8MiB
        disks: [{vdev: xvda, size: 128KiB}]
        workload: {kind: random}
  - name: host1
    memory: 256MiB
    dom0: {memory: 32MiB}
    disks: [{name: sda}]
    nics: [{name: eth0}]
    guests: [{name: far-0, memory: 8MiB, networks: [{bridge: xenbr0}]}]
"""
ROW = [1, 1, 3, 0, "", b"abc"]


class Bench:
    """Two hosts on a bench, of which domains are started as a test wants."""

    def __init__(self, folder: Path) -> None:
        (folder / "seen.yaml").write_text(TEXT)
        self._effects: list[Effect] = []
        cluster = load_cluster(folder / "seen.yaml")
        self.boards = {
            host.name: HostBoard(host, lambda _effect: None, lambda _change: None) for host in cluster.hosts
        }
        self.captures = Captures(self.boards, self._effects.append)
        self.seen: list[tuple[str, Captured]] = []

    def runs(self, host: str, name: str, domid: int) -> None:
        """A domain has been started, in place of any other of this name."""
        by_domid = self.boards[host].domains.by_domid
        for number in [number for number, each in by_domid.items() if each.name == name]:
            del by_domid[number]
        by_domid[domid] = DomainProcess(domid, 1, name, f"{host}/dom{domid}", 0)

    def start(self, target: str, *places: str, snap_bytes: int = 99) -> object:
        points = self.captures.points(target, places)
        return self.captures.start(points, snap_bytes, lambda name, what: self.seen.append((name, what)))

    def shows(self, link: str, interface: str) -> Captured:
        captured = Captured(interface, [ROW], 0)
        self.captures.take(link, captured)
        return captured

    def asked(self) -> list[tuple[str, object]]:
        """What was said to whom since the last time."""
        sent = [(each.link, each.message) for each in self._effects if isinstance(each, Send)]
        assert len(sent) == len(self._effects)
        self._effects.clear()
        return sent


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_interface_is_seen_at_its_backend_and_bridge_in_the_domain_that_serves_it(bench: Bench) -> None:
    target = "host0/web-0/vif1"
    assert bench.captures.points(target, PLACES) == tuple(
        CapturePoint(name, "host0", place, "web-0", 1, "net", "xenbr1")
        for name, place in zip((target, f"{target}:backend", f"{target}:bridge"), PLACES, strict=True)
    )
    assert bench.captures.points("host1/eth0", PLACES) == (
        CapturePoint("host1/eth0", "host1", "nic", "eth0"),
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("host7/eth0", "no host 'host7'; there are: host0, host1"),
        ("host0", "no network controller or guest '' on host0, which has eth0, eth1, web-0, dumb"),
        ("host0/nobody/vif0", "no network controller or guest 'nobody' on host0"),
        ("host1/eth1", "no network controller or guest 'eth1' on host1, which has eth0, far-0"),
        ("host0/eth0/vif0", "no network controller or guest 'eth0' on host0"),
        ("host0/web-0", "host0/web-0 has no ''; it has host0/web-0/vif0, host0/web-0/vif1"),
        ("host0/web-0/vif2", "host0/web-0 has no 'vif2'"),
        ("host0/dumb/vif0", "host0/dumb has no 'vif0'; it has no network interface at all"),
    ],
)
def test_what_is_nowhere_is_refused_with_what_there_is(bench: Bench, target: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{target}: ") as error:
        bench.captures.points(target, PLACES)
    assert said in str(error.value)


def test_everything_is_all_interfaces_at_all_places_and_all_controllers(bench: Bench) -> None:
    names = [each.name for each in bench.captures.everything()]

    guests = ("host0/web-0/vif0", "host0/web-0/vif1", "host1/far-0/vif0")
    assert sorted(names) == sorted(
        [f"{guest}{place}" for guest in guests for place in ("", ":backend", ":bridge")]
        + ["host0/eth0", "host0/eth1", "host1/eth0"]
    )
    assert bench.captures.everything()[0] == bench.captures.points("host0/web-0/vif0", ("frontend",))[0]


def test_who_has_an_interface_is_asked_by_the_name_that_it_has_there(bench: Bench) -> None:
    for name, domid in (("dom0", 0), ("net", 1), ("web-0", 5)):
        bench.runs("host0", name, domid)
    bench.start("host0/web-0/vif1", *PLACES)
    assert bench.asked() == [
        ("host0/dom5", StartCapture("vif1", 99)),
        ("host0/dom1", StartCapture("vif5.1", 99)),
        ("host0/dom1", StartCapture("xenbr1/vif5.1", 99)),
    ]
    bench.start("host0/eth0", snap_bytes=7)
    assert ("host0/eth0", StartCapture("wire", 7)) in bench.asked()


def test_who_is_not_there_yet_is_asked_when_it_comes(bench: Bench) -> None:
    bench.start("host0/web-0/vif0", *PLACES)
    assert bench.asked() == []
    bench.runs("host0", "dom0", 0)
    bench.captures.look_again()
    assert bench.asked() == [], "a backend is called after the domain of its guest"
    bench.runs("host0", "web-0", 2)
    bench.captures.look_again()
    assert [link for link, _ in bench.asked()] == ["host0/dom2", "host0/dom0", "host0/dom0"]


def test_a_capture_goes_on_after_a_guest_and_its_backend_were_replaced(bench: Bench) -> None:
    bench.runs("host0", "net", 1)
    bench.runs("host0", "web-0", 5)
    bench.start("host0/web-0/vif1", "frontend", "backend")
    bench.asked()
    bench.runs("host0", "web-0", 6)
    bench.runs("host0", "net", 9)
    bench.captures.look_again()

    assert bench.asked() == [
        ("host0/dom6", StartCapture("vif1", 99)),
        ("host0/dom9", StartCapture("vif6.1", 99)),
    ]
    shown = [bench.shows("host0/dom6", "vif1"), bench.shows("host0/dom9", "vif6.1")]
    assert bench.seen == [("host0/web-0/vif1", shown[0]), ("host0/web-0/vif1:backend", shown[1])]


def test_what_nobody_has_asked_for_is_for_nobody(bench: Bench) -> None:
    bench.runs("host0", "web-0", 5)
    bench.start("host0/web-0/vif0", "frontend")

    bench.shows("host0/dom5", "vif1")
    bench.shows("host0/dom6", "vif0")
    assert bench.seen == []
    bench.shows("host0/dom5", "vif0")
    assert len(bench.seen) == 1


def test_what_was_written_is_confirmed_to_who_has_shown_it(bench: Bench) -> None:
    for host, domid in (("host0", 5), ("host1", 5)):
        bench.runs(host, "web-0" if host == "host0" else "far-0", domid)
    bench.start("host0/web-0/vif0", "frontend")
    bench.start("host1/far-0/vif0", "frontend")
    bench.asked()
    captured = bench.shows("host1/dom5", "vif0")

    bench.captures.taken("host1/far-0/vif0", captured)

    assert bench.asked() == [("host1/dom5", CaptureTaken("vif0", size_of(ROW)))]


def test_what_is_captured_is_so_once_and_stops_when_it_is_to(bench: Bench) -> None:
    bench.runs("host0", "web-0", 5)
    first = bench.start("host0/web-0/vif0", "frontend")
    with pytest.raises(ValueError, match="host0/web-0/vif0 is captured already"):
        bench.start("host0/web-0/vif0", "frontend")
    other = bench.start("host0/web-0/vif1", "frontend")
    bench.asked()

    bench.captures.stop(first)
    assert bench.asked() == [("host0/dom5", StopCapture("vif0"))]
    bench.shows("host0/dom5", "vif0")
    assert bench.seen == []
    bench.shows("host0/dom5", "vif1")
    assert [name for name, _ in bench.seen] == ["host0/web-0/vif1"]
    bench.captures.stop(first)
    assert bench.asked() == []
    bench.captures.stop(other)
    assert bench.asked() == [("host0/dom5", StopCapture("vif1"))]
    bench.start("host0/web-0/vif0", "frontend")
    assert bench.asked() == [("host0/dom5", StartCapture("vif0", 99))]


def test_one_that_has_ended_is_told_to_nobody_that_comes(bench: Bench) -> None:
    bench.captures.stop(bench.start("host0/web-0/vif0", "frontend"))
    bench.runs("host0", "web-0", 5)
    bench.captures.look_again()

    assert bench.asked() == []
