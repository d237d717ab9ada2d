"""Events that go without the hypervisor: none is lost, whatever ends their way and whenever it does."""

from random import Random

import pytest

from actors.event_messages import Notify, NotifyTaken
from actors.kernel.direct_link import DirectLink, LinkBrokenError
from actors.kernel.direct_links import DirectLinks
from actors.messages import UPCALL_WINDOW, Hypercall
from actors.runtime.machine import Received
from tests.xen.event_ends import EventEnds
from tests.xen.linked_xen import GUEST, LinkedXen


@pytest.fixture
def xen() -> LinkedXen:
    return LinkedXen()


@pytest.fixture
def ends(xen: LinkedXen) -> EventEnds:
    return EventEnds(xen)


def tell(ends: EventEnds, domid: int) -> None:
    ends.tell(domid)
    ends.xen.run()


def sends(ends: EventEnds, domid: int) -> int:
    """How many events the hypervisor has seen of a domain."""
    return ends.xen.host.domains.find(domid).ports.sent


def test_both_ends_send_directly_once_both_have_taken_the_offer(xen, ends):
    assert xen.joins == 1
    assert all(xen.is_direct(domid, port) for domid, port in ends.ports.items())
    before = [sends(ends, domid) for domid in (0, GUEST)]
    for domid in (0, GUEST, GUEST):
        tell(ends, domid)
    ends.check()
    assert [sends(ends, domid) for domid in (0, GUEST)] == before


def test_a_second_channel_goes_by_the_same_link(xen, ends):
    EventEnds(xen)
    assert xen.joins == 1


def test_statistics_count_what_went_directly_and_keep_it_when_a_domain_is_gone(xen, ends):
    def row(domid):
        rows = xen.machine.statistics().domains
        return next(each for each in rows if each.domid == domid)

    sent, upcalls, taken = row(GUEST).events_sent, row(0).upcalls, row(0).upcalls_taken
    everything = xen.machine.statistics().events_sent
    for _ in range(5):
        tell(ends, GUEST)
    assert row(GUEST).events_sent == sent + 5
    assert (row(0).upcalls, row(0).upcalls_taken) == (upcalls + 5, taken + 5)
    assert xen.machine.statistics().events_sent == everything + 5
    xen.destroy(GUEST)
    assert xen.machine.statistics().events_sent >= everything + 5


def test_a_domain_that_counts_nonsense_tells_it_of_itself(xen, ends):
    mine = xen.kernels[GUEST].direct._counts
    mine.sent = mine.taken = (1 << 64) - 1
    rows = {each.domid: each for each in xen.machine.statistics().domains}
    assert rows[GUEST].events_sent < 1 << 50
    assert rows[0].events_sent < 1 << 20


def test_a_domain_that_stands_still_is_owed_one_event_for_each_port(xen, ends):
    xen.sleep(0)
    for _ in range(100):
        tell(ends, GUEST)
    assert len(xen.wires[0]) == UPCALL_WINDOW
    calls = ends.calls[0]
    xen.wake(0)
    ends.check()
    assert ends.calls[0] <= calls + UPCALL_WINDOW + 1


def test_an_event_on_a_masked_port_is_remembered(xen, ends):
    irq = xen.kernels[0].irq
    irq.mask(ends.ports[0])
    for _ in range(4):
        tell(ends, GUEST)
    assert ends.seen[0] == 0
    irq.unmask(ends.ports[0])
    ends.check()


PARTINGS = {
    "the board cuts the link": lambda xen, ends: xen.cut(),
    "the guest is paused and goes on": lambda xen, ends: [
        xen.ret(0, f"domctl.{each}domain", domain=GUEST) for each in ("pause", "unpause")
    ],
    "a port moves to another vcpu": lambda xen, ends: xen.ret(
        GUEST, "event_channel_op.bind_vcpu", port=ends.ports[GUEST], vcpu=1
    ),
    "a port gets another priority": lambda xen, ends: xen.ret(
        0, "event_channel_op.set_priority", port=ends.ports[0], priority=3
    ),
    "the guest polls": lambda xen, ends: xen.raw(
        GUEST, 29, 3, {"nr_ports": 1, "ports": [ends.ports[GUEST]], "timeout": 0}
    ),
    "dom0 blocks": lambda xen, ends: xen.raw(0, 29, 1, {}),
}


@pytest.mark.parametrize("part", PARTINGS.values(), ids=PARTINGS)
@pytest.mark.parametrize("sender", [0, GUEST])
@pytest.mark.parametrize("under_way", [0, 1, 5])
def test_no_event_is_lost_that_was_under_way_or_held_back_when_the_way_ends(
    xen, ends, part, sender, under_way
):
    xen.sleep(GUEST - sender)
    for _ in range(under_way):
        tell(ends, sender)
    xen.sleep(sender)
    part(xen, ends)
    xen.asleep.clear()
    xen.run()
    ends.check()
    tell(ends, sender)
    tell(ends, GUEST - sender)
    ends.check()


@pytest.mark.parametrize("part", list(PARTINGS)[2:])
def test_what_has_to_do_more_than_be_handed_on_goes_by_the_hypervisor_from_then_on(xen, ends, part):
    PARTINGS[part](xen, ends)
    xen.run()
    before = sends(ends, GUEST)
    tell(ends, GUEST)
    assert sends(ends, GUEST) == before + 1


def test_a_poll_ends_with_an_event_that_was_sent_before_the_sender_heard_of_it(xen, ends):
    xen.sleep(0)
    answered = xen.raw(GUEST, 29, 3, {"nr_ports": 1, "ports": [ends.ports[GUEST]], "timeout": 0})
    assert answered is not None, "an event may be under way, so it does not wait"
    assert not xen.host.domains.find(GUEST).ports.polls


def test_a_link_that_is_made_again_is_used_again(xen, ends):
    xen.cut()
    xen.run()
    before = sends(ends, GUEST)
    tell(ends, GUEST)
    assert sends(ends, GUEST) == before + 1
    xen.join()
    xen.run()
    tell(ends, GUEST)
    assert sends(ends, GUEST) == before + 1
    ends.check()


def test_a_port_that_is_bound_again_is_offered_again(xen, ends):
    ends.close()
    xen.run()
    assert not xen.is_direct(GUEST, ends.ports[GUEST])
    ends.bind()
    assert all(xen.is_direct(domid, port) for domid, port in ends.ports.items())
    tell(ends, GUEST)
    tell(ends, 0)
    ends.check()


def test_an_event_for_a_port_that_was_not_offered_of_that_domain_is_spurious(xen, ends):
    calls, spurious = dict(ends.calls), xen.kernels[0].irq.spurious
    other = xen.out(0, "event_channel_op.bind_virq", "port", virq=4, vcpu=0)
    xen.wires[0].append(Received(f"events/{GUEST}", Notify([other, 99])))
    xen.run()
    assert (ends.calls, xen.kernels[0].irq.spurious) == (calls, spurious + 2)
    assert not xen.broken


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ([Notify([1])] * 3, "more events than may be under way"),
        ([NotifyTaken(1)], "1 events taken of 0"),
        ([Notify([], -1)], "-1 events taken of 0"),
        ([Hypercall(1, 32, 4, {"port": 1})], "Hypercall is no event"),
    ],
)
def test_who_breaks_the_protocol_of_a_link_loses_the_link_and_no_more(xen, ends, messages, wrong):
    xen.wires[0].extend(Received(f"events/{GUEST}", each) for each in messages)
    xen.run()
    assert xen.broken == [wrong]
    for domid in (0, GUEST):
        tell(ends, domid)
    ends.check()


def test_a_link_confirms_with_what_it_sends_or_when_nothing_more_would_come():
    one, other = DirectLink(1, "one"), DirectLink(0, "other")
    one.notify(7)
    sent = one.message()
    assert sent == Notify([7])
    assert other.take(sent) == [7]
    assert other.message() is None
    other.notify(5)
    answer = other.message()
    assert answer == Notify([5], taken=1)
    assert one.take(answer) == [5]
    for _ in range(UPCALL_WINDOW):
        one.notify(7)
        other.take(one.message())
    one.notify(7)
    assert one.message() is None
    assert other.message() == NotifyTaken(UPCALL_WINDOW)
    with pytest.raises(LinkBrokenError, match="taken of"):
        other.take(NotifyTaken(2))


@pytest.mark.parametrize("seed", range(200))
def test_no_schedule_loses_an_event(seed):
    random = Random(seed)
    xen = LinkedXen()
    ends = EventEnds(xen)
    for _ in range(120):
        _something(random, xen, ends)
    if xen.host.domains.find(GUEST).pause_count:
        assert xen.ret(0, "domctl.unpausedomain", domain=GUEST) == 0
    xen.asleep.clear()
    if 0 not in ends.ports:
        ends.bind()
    xen.run()
    ends.check()
    assert not xen.broken


@pytest.mark.parametrize("method", ["closed", "told", "forget"])
def test_a_schedule_finds_a_kernel_that_does_not_send_what_has_to_follow(method, monkeypatch):
    original = getattr(DirectLinks, method)

    def silent(self, *arguments):
        for offered in self._ports.values():
            offered.used = False
        return original(self, *arguments)

    monkeypatch.setattr(DirectLinks, method, silent)
    with pytest.raises(AssertionError):
        _try_schedules(range(3000))


def _try_schedules(seeds: range) -> None:
    for seed in seeds:
        test_no_schedule_loses_an_event(seed)


def _something(random: Random, xen: LinkedXen, ends: EventEnds) -> None:
    paused = bool(xen.host.domains.find(GUEST).pause_count)
    awake = [0] if paused else [0, GUEST]
    chance = random.random()
    if chance < 0.35:
        domid = random.choice(awake)
        if domid in ends.ports:
            ends.tell(domid)
    elif chance < 0.85:
        xen.turn_with_some(random.choice(awake), random)
    elif chance < 0.89:
        xen.ret(0, f"domctl.{'unpause' if paused else 'pause'}domain", domain=GUEST)
        (xen.asleep.discard if paused else xen.asleep.add)(GUEST)
    elif chance < 0.93:
        (xen.cut if xen.wired else xen.join)()
    elif chance < 0.96 and not paused:
        xen.ret(GUEST, "event_channel_op.bind_vcpu", port=ends.ports[GUEST], vcpu=random.randrange(2))
    elif not paused:
        if 0 in ends.ports:
            ends.close()
        else:
            ends.bind()
