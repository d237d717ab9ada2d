from collections.abc import Callable
from dataclasses import fields

import pytest

from actors.block.blkback_statistics import BlkbackStatistics
from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.devices.disk_statistics import DiskStatistics
from actors.devices.gateway import GatewayStatistics
from actors.devices.ioapic import IoApicStatistics
from actors.devices.switch_statistics import SwitchStatistics
from actors.dom0.control_domain import ControlDomainStatistics
from actors.domu.guest import GuestStatistics
from actors.domu.vitals import VitalsStatistics
from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.reading_messages import ReadStatistics, Statistics
from actors.runtime.codec import Codec
from actors.runtime.machine import Effect, Send
from actors.xenstore.store import StoreStatistics
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.readings import GUESTS_AT_ONCE, Readings, StoreReading
from cluster.lab.experiment.statistics_maps import RECORDS, map_of, record_of
from cluster.lab.experiment.switch_board import SwitchBoard
from tests.cluster.blank_records import blank

FRONT = blank(BlkfrontStatistics, in_flight=1, oldest_issue_ns=5)
STORE = blank(StoreStatistics, nodes=4, operations={"read": 2})


class Bench:
    """Readings of one host on a bench; whoever is asked answers what it is told to."""

    def __init__(self, cluster: ResolvedCluster, guests: int) -> None:
        self.effects: list[Effect] = []
        self.board = HostBoard(cluster.hosts[0], lambda _effect: None, lambda _change: None)
        self.board.power_on()
        self.board.domains.by_domid[0] = DomainProcess(0, 1, "dom0", "host0/dom0", 0)
        for domid in range(1, guests + 1):
            name, address = f"web-{domid - 1}", f"host0/dom{domid}"
            guest = next((each for each in cluster.guests if each.name == name), None)
            self.board.domains.by_domid[domid] = DomainProcess(domid, 1, name, address, 0, guest)
        self.switch = SwitchBoard(cluster, self.effects.append)
        self.readings = Readings({"host0": self.board}, self.switch, self.effects.append)

    def asked(self) -> dict[str, int]:
        """Who has been asked since the last time, and under which number."""
        found = {}
        for each in self.effects:
            assert isinstance(each, Send)
            assert isinstance(each.message, ReadStatistics)
            found[each.link] = each.message.sequence
        self.effects.clear()
        return found

    def answer(self, link: str, record: object, now_ns: int = 7) -> None:
        self.readings.ask_some()
        self.readings.take(link, Statistics(self.asked()[link], map_of(record)), now_ns)


@pytest.fixture
def bench(load: Callable[..., ResolvedCluster]) -> Bench:
    return Bench(load(), guests=2)


def test_hardware_control_and_guests_are_asked(bench: Bench) -> None:
    bench.readings.ask_some()

    assert list(bench.asked()) == [
        "host0/ioapic",
        "host0/hypervisor",
        "host0/sda",
        "host0/dom0",
        "host0/dom1",
        "host0/dom2",
    ]


def test_who_hangs_or_is_gone_is_not_asked(bench: Bench) -> None:
    bench.board.domains.by_domid[0].state = "hung"
    bench.board.domains.by_domid[1].state = "ended"
    bench.readings.ask_some()

    assert "host0/dom0" not in (asked := bench.asked())
    assert "host0/dom1" not in asked
    bench.board.state.power = "restarting"
    bench.readings.ask_some()
    assert bench.asked() == {}


def test_many_guests_are_asked_in_turn_and_nobody_is_forgotten(load: Callable[..., ResolvedCluster]) -> None:
    bench = Bench(load(), guests=130)
    rounds = []
    for _ in range(3):
        bench.readings.ask_some()
        rounds.append(
            [each for each in bench.asked() if each.startswith("host0/dom") and each != "host0/dom0"]
        )

    assert [len(each) for each in rounds] == [GUESTS_AT_ONCE] * 3
    assert {each for some in rounds for each in some} == {f"host0/dom{domid}" for domid in range(1, 131)}


def test_switch_and_gateway_are_asked_as_long_as_they_run(bench: Bench) -> None:
    switch = bench.switch
    switch.runs = switch.gateway.runs = True
    told = {"switch": blank(SwitchStatistics, frames=4), "gateway": blank(GatewayStatistics, clients=3)}
    for link, record in told.items():
        bench.answer(link, record)

    assert (switch.statistics, switch.gateway.statistics) == (told["switch"], told["gateway"])
    switch.gateway.runs = False
    bench.readings.ask_some()
    assert {"switch", "gateway"} & bench.asked().keys() == {"switch"}


def test_what_is_late_or_comes_from_another_does_not_count(bench: Bench) -> None:
    bench.readings.ask_all()
    first = bench.asked()
    bench.readings.ask_all()
    second = bench.asked()

    said = map_of(blank(GuestStatistics, devices={"vbd": {"xvda": FRONT}}))
    bench.readings.take("host0/dom1", Statistics(first["host0/dom1"], said), 1)
    bench.readings.take("host0/dom2", Statistics(second["host0/dom1"], said), 1)

    assert bench.readings.heard_ns == bench.readings.frontends == {}
    assert not bench.readings.is_complete


def test_answers_are_kept_under_the_names_of_their_actors(bench: Bench) -> None:
    web, stranger = (blank(DomainStatistics, domid=domid, ports=3) for domid in (1, 9))
    xen = blank(HypervisorStatistics, domains=[web, stranger], frames_free=5)
    back = blank(BlkbackStatistics, domid=2, device=51712)
    dom0 = blank(ControlDomainStatistics, devices={"vbd": [back]}, store=STORE)
    disk = blank(DiskStatistics, resets=2)
    vitals = blank(VitalsStatistics, free=6)
    bench.answer("host0/hypervisor", xen)
    bench.answer("host0/dom0", dom0)
    bench.answer("host0/sda", disk)
    bench.answer("host0/ioapic", blank(IoApicStatistics, undeliverable=2))
    bench.answer(
        "host0/dom1", blank(GuestStatistics, vitals=vitals, devices={"vbd": {"xvda": FRONT}}), now_ns=9
    )

    readings = bench.readings
    assert readings.hypervisors == {"host0": xen}
    assert readings.domains == {("host0", "web-0"): web}, "number 9 has never run"
    assert readings.dom0s == {"host0": dom0}
    assert readings.backends == {(2, "vbd", 51712): back}
    assert readings.stores == {"host0": StoreReading(STORE, 7)}
    assert readings.hardware == {("host0", "sda"): disk}
    assert readings.vitals == {1: vitals}
    assert readings.frontends == {(1, "vbd"): {"xvda": FRONT}}
    assert readings.heard_ns["host0", "web-0"] == 9
    assert readings.heard_ns["host0", "ioapic"] == 7
    assert readings.ioapics["host0"].undeliverable == 2


def test_who_boots_again_and_has_nothing_yet_keeps_what_was_known(bench: Bench) -> None:
    back = blank(BlkbackStatistics, domid=1, device=51712, state="Connected")
    bench.answer("host0/dom1", blank(GuestStatistics, devices={"vbd": {"xvda": FRONT}}))
    bench.answer("host0/dom0", blank(ControlDomainStatistics, devices={"vbd": [back]}, store=STORE))

    bench.answer("host0/dom1", blank(GuestStatistics))
    bench.answer("host0/dom0", blank(ControlDomainStatistics))

    assert bench.readings.frontends[GuestId(1), "vbd"] == {"xvda": FRONT}
    assert bench.readings.backends[GuestId(1), "vbd", 51712] == back
    assert bench.readings.stores["host0"].statistics == STORE


def test_a_xenstored_in_a_domain_of_its_own_is_heard(load: Callable[..., ResolvedCluster]) -> None:
    bench = Bench(load(("memory: 1GiB", "memory: 1GiB\n    xenstore: stubdom")), guests=1)
    bench.board.domains.by_domid[2] = DomainProcess(2, 1, "xenstore", "host0/dom2", 0)

    bench.answer("host0/dom2", STORE)

    assert bench.readings.stores == {"host0": StoreReading(STORE, 7)}


def test_a_field_that_is_missing_is_an_error_and_no_0(bench: Bench) -> None:
    bench.readings.ask_some()
    values = map_of(blank(DiskStatistics))
    del values["resets"]

    with pytest.raises(ValueError, match=r"DiskStatistics\nresets\n.*required"):
        bench.readings.take("host0/sda", Statistics(bench.asked()["host0/sda"], values), 1)


@pytest.mark.parametrize(
    ("devices", "wrong"),
    [
        ({"vbd": {"xvda": {"state": "Connected"}}}, r"BlkfrontStatistics\nreconnects\n.*required"),
        ({"vfb": {"0": {"state": "Connected"}}}, "no class of devices: vfb"),
        ({"vbd": None}, "devices.vbd"),
        (None, "devices"),
    ],
)
def test_what_devices_say_is_read_as_their_class_declares(devices: object, wrong: str) -> None:
    values = {**map_of(blank(GuestStatistics)), "devices": devices}

    with pytest.raises(ValueError, match=wrong):
        record_of(GuestStatistics, values)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda each: each.__name__)
def test_a_record_comes_back_as_it_was_sent(kind: type) -> None:
    told = {
        "domains": [blank(DomainStatistics, domid=3, hypercalls={"a.b": 1})] if kind is HypervisorStatistics
        else {"web-0": 3},
        "devices": {
            "vbd": {"xvda": FRONT} if kind is GuestStatistics else [blank(BlkbackStatistics, device=51712)]
        },
        "store": STORE,
    }  # fmt: skip
    names = {each.name for each in fields(kind)} if kind is not StoreStatistics else set()
    record = blank(kind, **{name: value for name, value in told.items() if name in names})
    codec = Codec(Statistics)

    (message,) = codec.decode_frame(codec.encode(Statistics(1, map_of(record))))

    assert record_of(kind, message.values) == record
