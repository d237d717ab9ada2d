"""dom0 in all of its incarnations, and the spare that waits to be the next."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import GrantStatus, ShutdownReason
from actors.hypervisor.hardware_domain import PROMOTED_ANSWERS_NS, SPARE_AFTER_NS, SPARES_IN_A_ROW
from actors.hypervisor.host import RESERVED_FRAMES
from actors.messages import (
    CODEC,
    DomainStopped,
    Hypercall,
    HypercallReply,
    PromoteSpare,
    StartDomain,
    StartSpare,
    StopDomain,
    UpcallTaken,
)
from actors.runtime.machine import LinkClosed, LinkOpened
from actors.start_info import read_start_info
from tests.xen.bench import COMMAND_NUMBERS, SELF, Bench

SPARE = "spare0"


class SpareBench(Bench):
    """A host with a spare; the board obeys at once, and the test plays the kernel of the spare."""

    def __init__(self, **argument):
        super().__init__(**({"dom0_spare": True} | argument))

    def ask(self, name, /, **arguments):
        """A call of the spare; the reply, None if it gets none."""
        self._sequence += 1
        before = len(self.sent)
        self.message(SPARE, Hypercall(self._sequence, *COMMAND_NUMBERS[name], arguments))
        replies = [each for link, each in self.sent[before:] if link == SPARE]
        return next((each for each in replies if isinstance(each, HypercallReply)), None)

    def make_spare(self):
        self.wait(max(SPARE_AFTER_NS, PROMOTED_ANSWERS_NS))
        self.feed(LinkOpened(SPARE))

    def park(self):
        self.make_spare()
        self.suspended = self._sequence + 1
        assert self.ask("sched_op.shutdown", reason=int(ShutdownReason.suspend)) is None
        return self

    def crash_spare(self):
        self.feed(LinkClosed(SPARE, "killed"))
        (stop,) = self.messages("supervisor", StopDomain)
        self.clear()
        self.stopped(stop)

    def stopped(self, stop):
        self.message("supervisor", DomainStopped(stop.domid, stop.incarnation))

    def _answer(self, link, message):
        if isinstance(message, StopDomain) and message.incarnation == self.spare_incarnation:
            return []  # the test says when
        return super()._answer(link, message)

    @property
    def spare_incarnation(self):
        spare = self.machine._host.domains.spare
        return None if spare is None else spare.incarnation

    @property
    def state(self):
        return self.machine._hardware.spare_state

    @property
    def free(self):
        return self.machine._host.frames.free_frames


@pytest.fixture
def xen():
    return SpareBench().boot()


@pytest.fixture
def parked(xen):
    return xen.park()


def test_there_is_no_spare_without_being_asked_for(power_on):
    bench = power_on()
    bench.wait(10 * SPARE_AFTER_NS)
    assert (bench.machine._hardware.spare_state, bench.sent) == ("none", [])


def test_a_spare_is_made_once_dom0_has_run_for_a_while_and_costs_its_memory_again(xen):
    free = xen.free
    xen.wait(SPARE_AFTER_NS - 100)
    assert (xen.state, xen.free) == ("none", free)
    xen.wait(100)
    (start,) = xen.messages("supervisor", StartSpare)
    assert (start.domid, start.incarnation) == (0, 2)
    assert sum(count for _, _, count in start.extents) == 64
    assert xen.free == free - 64 - 1  # its grant table begins with a frame
    assert xen.state == "booting"


def test_the_parked_spare_takes_the_place_of_a_dead_dom0(parked):
    parked.clear()
    parked.crash(0)
    assert parked.messages("supervisor", StartDomain) == []
    assert parked.messages("supervisor", PromoteSpare) == [PromoteSpare(0, 2)]
    assert parked.messages("dom0", HypercallReply) == []
    parked.feed(LinkOpened("dom0"))
    assert parked.messages("dom0", HypercallReply) == [HypercallReply(parked.suspended, 0, None)]
    parked.feed(LinkClosed(SPARE, "replaced by a new link"))
    assert parked.ret(0, "domctl.getdomaininfo", domain=0) == 0
    assert parked.machine._host.domains.find(0).incarnation == 2
    assert (parked.machine._hardware.boots, parked.machine._hardware.promotions) == (2, 1)
    assert parked.machine.statistics().dom0_boots == 2


def test_another_spare_follows_one_that_was_promoted(parked):
    parked.crash(0)
    parked.feed(LinkOpened("dom0"))
    assert parked.ret(0, "xen_version.version") == 0x40011
    assert parked.state == "none"
    parked.park()
    parked.clear()
    parked.crash(0)
    assert parked.messages("supervisor", PromoteSpare) == [PromoteSpare(0, 3)]


def test_a_promoted_dom0_has_the_rights_and_the_interrupts_of_one(parked):
    parked.crash(0)
    parked.feed(LinkOpened("dom0"))
    assert parked.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=16, pirq=16) == 0
    assert (0x100, 0x100) in parked.machine._host.domains.find(0).rights.frames
    assert parked.machine._host.events.hardware_ports is parked.machine._host.domains.find(0).ports


def test_a_spare_is_nobody(parked):
    parked.clear()
    assert [each.incarnation for each in parked.machine._host.domains.listed()] == [1]
    assert [each.domid for each in parked.machine.statistics().domains] == [0]
    assert [
        each["domain"]
        for each in parked.call(0, "sysctl.getdomaininfolist", first_domain=0, max_domains=9)[1]["domains"]
    ] == [0]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("domctl.getdomaininfo", {"domain": 0}),
        ("event_channel_op.alloc_unbound", {"dom": SELF, "remote_dom": 1}),
        ("event_channel_op.bind_virq", {"virq": 3, "vcpu": 0}),
        ("physdev_op.map_pirq", {"domid": SELF, "type": 1, "index": 16, "pirq": 16}),
        ("memory_op.increase_reservation", {"domid": SELF, "nr_extents": 1}),
        ("grant_table_op.map_grant_ref", {"dom": 1, "ref": 8, "flags": 2}),
        ("sched_op.watchdog", {"id": 0, "timeout": 1}),
    ],
)
def test_a_spare_may_call_hardly_anything(xen, name, arguments):
    xen.make_spare()
    assert xen.ask(name, **arguments).ret == -Errno.EPERM
    assert xen.ask("xen_version.version").ret == 0x40011
    assert xen.ask("grant_table_op.setup_table", dom=SELF, nr_frames=2).out["status"] == 0
    of_dom0 = xen.ask("grant_table_op.setup_table", dom=0, nr_frames=2)
    assert of_dom0.out["status"] == GrantStatus.permission_denied


def test_a_spare_that_sends_what_it_may_not_is_dead(xen):
    xen.make_spare()
    xen.clear()
    xen.message(SPARE, UpcallTaken())
    assert xen.closed == [SPARE]
    assert xen.messages("supervisor", StopDomain) == [StopDomain(0, 2)]


def test_a_parked_spare_is_not_listened_to(parked):
    assert parked.ask("xen_version.version") is None


def test_a_spare_that_dies_gives_its_memory_back_and_another_is_made(parked):
    parked.clear()
    free = parked.free
    parked.crash_spare()
    assert (parked.free, parked.state) == (free + 64 + 1, "none")
    assert parked.ret(0, "xen_version.version") == 0x40011
    parked.park()
    parked.crash(0)
    assert parked.messages("supervisor", PromoteSpare) == [PromoteSpare(0, 3)]


def test_spares_that_die_before_they_are_parked_are_given_up(xen):
    for _ in range(SPARES_IN_A_ROW):
        xen.make_spare()
        xen.clear()
        xen.crash_spare()
    xen.wait(10 * SPARE_AFTER_NS)
    assert (xen.state, xen.machine._hardware.spares_lost) == ("none", SPARES_IN_A_ROW)
    xen.clear()
    xen.crash(0)
    assert [each.incarnation for each in xen.messages("supervisor", StartDomain)] == [SPARES_IN_A_ROW + 2]
    xen.park()
    assert xen.state == "parked"


def test_a_spare_that_was_parked_is_always_made_again(xen):
    for _ in range(SPARES_IN_A_ROW + 1):
        xen.park()
        xen.clear()
        xen.crash_spare()
    xen.park()
    assert xen.state == "parked"


def test_dom0_boots_from_cold_while_its_spare_still_boots(xen):
    xen.make_spare()
    xen.clear()
    xen.crash(0)
    assert [each.incarnation for each in xen.messages("supervisor", StartDomain)] == [3]
    assert xen.state == "booting"
    assert xen.ask("sched_op.shutdown", reason=int(ShutdownReason.suspend)) is None
    xen.clear()
    xen.crash(0)
    assert xen.messages("supervisor", PromoteSpare) == [PromoteSpare(0, 2)]


def test_dom0_boots_from_cold_when_the_spare_dies_first(parked):
    parked.feed(LinkClosed(SPARE, "killed"))
    parked.clear()
    parked.crash(0)
    assert [each.incarnation for each in parked.messages("supervisor", StartDomain)] == [3]


def test_dom0_boots_from_cold_when_the_spare_dies_while_it_is_promoted(parked):
    parked.clear()
    parked.crash(0)
    parked.message("supervisor", DomainStopped(0, 2))
    assert [each.incarnation for each in parked.messages("supervisor", StartDomain)] == [3]


def test_one_that_hangs_when_it_is_promoted_has_died_of_that(parked):
    parked.crash(0)
    parked.feed(LinkOpened("dom0"))
    parked.clear()
    parked.wait(PROMOTED_ANSWERS_NS)
    assert [each.incarnation for each in parked.messages("supervisor", StartDomain)] == [3]


def test_one_that_speaks_is_left_alone(parked):
    parked.crash(0)
    parked.feed(LinkOpened("dom0"))
    parked.ret(0, "xen_version.version")
    parked.clear()
    parked.wait(PROMOTED_ANSWERS_NS)
    assert parked.messages("supervisor", StartDomain) == []


def test_a_host_without_memory_for_two_runs_with_one():
    bench = SpareBench(frames=16 + 64 + 1 + 64).boot()
    bench.wait(SPARE_AFTER_NS)
    assert bench.state == "none"
    assert any("no memory for a spare" in each for each in bench.logs)
    bench.clear()
    bench.crash(0)
    assert [each.incarnation for each in bench.messages("supervisor", StartDomain)] == [2]


def test_every_incarnation_is_told_of_a_box_that_outlives_them_all():
    bench = SpareBench(recovery_box_frames=2).boot()
    bench.memory.frame(RESERVED_FRAMES + 1)[:4] = b"kept"
    told = []
    for _ in range(3):
        domain = bench.machine._host.domains.find(0)
        told.append(read_start_info(bench.memory, [domain.physmap.mfn(gfn) for gfn in range(4)]))
        bench.park()
        bench.crash(0)
        bench.feed(LinkOpened("dom0"))
        bench.ret(0, "xen_version.version")
    assert {(each.box_mfn, each.box_frames) for each in told} == {(RESERVED_FRAMES, 2)}
    assert bytes(bench.memory.frame(RESERVED_FRAMES + 1)[:4]) == b"kept"
    assert bench.machine.statistics().frames_reserved == RESERVED_FRAMES + 2


@pytest.mark.parametrize("message", [StartSpare(0, 2, bytes(16), [[0, 16, 64]]), PromoteSpare(0, 2)])
def test_what_the_board_is_told_of_a_spare_crosses(message):
    assert CODEC.decode_frame(CODEC.encode(message)) == [message]
