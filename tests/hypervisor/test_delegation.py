"""Which channels the hypervisor offers to their domains, and when it takes an offer back."""

import pytest

from actors.event_messages import LinkDomains, OfferEvents, OfferTaken, SendDirectly, WithdrawEvents
from actors.messages import Upcall
from tests.xen.bench import Bench

SELF = 0x7FF0


@pytest.fixture
def direct(power_on) -> Bench:
    return power_on(direct_links=True)


def channel(xen: Bench, guest: int) -> tuple[int, int]:
    """The ports of a guest and of dom0 that are joined."""
    theirs = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    ours = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=theirs)
    return theirs, ours


def take(xen: Bench, domid: int) -> None:
    """A domain takes the last offer that it got."""
    offer = xen.messages(f"dom{domid}", OfferEvents)[-1]
    xen.message(f"dom{domid}", OfferTaken(offer.port, offer.generation))


def told(xen: Bench, domid: int) -> list[object]:
    kinds = (OfferEvents, SendDirectly, WithdrawEvents)
    return [each for link, each in xen.sent if link == f"dom{domid}" and isinstance(each, kinds)]


def test_a_channel_is_offered_to_both_ends_and_is_theirs_when_both_have_taken_it(direct):
    guest = direct.create()
    theirs, ours = channel(direct, guest)
    assert direct.messages("supervisor", LinkDomains) == [LinkDomains(0, guest)]
    assert told(direct, guest) == [OfferEvents(theirs, 0, 1)]
    assert told(direct, 0) == [OfferEvents(ours, guest, 1)]
    take(direct, 0)
    assert not direct.messages("dom0", SendDirectly)
    take(direct, guest)
    assert told(direct, 0)[-1] == SendDirectly(ours, theirs)
    assert told(direct, guest)[-1] == SendDirectly(theirs, ours)


def test_without_direct_links_nothing_is_offered_and_who_takes_an_offer_has_broken_the_protocol(xen):
    guest = xen.create()
    channel(xen, guest)
    assert not told(xen, 0)
    assert not told(xen, guest)
    assert not xen.messages("supervisor", LinkDomains)
    xen.message(f"dom{guest}", OfferTaken(1, 0))
    assert xen.closed == [f"dom{guest}"]


@pytest.mark.parametrize(
    "make",
    [
        lambda xen, guest: xen.out(0, "event_channel_op.bind_virq", "port", virq=4, vcpu=0),
        lambda xen, guest: xen.out(0, "event_channel_op.bind_ipi", "port", vcpu=0),
        lambda xen, guest: xen.out(0, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=guest),
        lambda xen, guest: xen.out(
            0,
            "event_channel_op.bind_interdomain",
            "local_port",
            remote_dom=0,
            remote_port=xen.out(0, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0),
        ),
    ],
    ids=["virq", "ipi", "unbound", "to itself"],
)
def test_only_a_channel_between_two_domains_is_offered(direct, make):
    guest = direct.create()
    make(direct, guest)
    assert not told(direct, 0)


def test_an_offer_that_was_withdrawn_cannot_be_taken_any_more(direct):
    guest = direct.create()
    theirs, _ = channel(direct, guest)
    (old,) = direct.messages(f"dom{guest}", OfferEvents)
    direct.ret(0, "domctl.pausedomain", domain=guest)
    direct.ret(0, "domctl.unpausedomain", domain=guest)
    take(direct, 0)
    direct.message(f"dom{guest}", OfferTaken(theirs, old.generation))
    assert not direct.messages("dom0", SendDirectly)
    take(direct, guest)
    assert direct.messages("dom0", SendDirectly)


@pytest.mark.parametrize("port", [0, 1, 2, 77, 1 << 40])
def test_a_domain_may_take_what_nobody_has_offered_and_nothing_comes_of_it(direct, port):
    guest = direct.create()
    direct.message(f"dom{guest}", OfferTaken(port, 0))
    assert not told(direct, guest)
    assert not direct.closed


CHANGES = {
    "another vcpu": lambda xen, guest, theirs, ours: xen.ret(
        guest, "event_channel_op.bind_vcpu", port=theirs, vcpu=1
    ),
    "a priority": lambda xen, guest, theirs, ours: xen.ret(
        0, "event_channel_op.set_priority", port=ours, priority=1
    ),
    "a pause": lambda xen, guest, theirs, ours: xen.ret(0, "domctl.pausedomain", domain=guest),
    "a poll": lambda xen, guest, theirs, ours: xen.raw(
        guest, 29, 3, {"nr_ports": 1, "ports": [theirs], "timeout": 0}
    ),
    "a block": lambda xen, guest, theirs, ours: xen.raw(0, 29, 1, {}),
    "a close": lambda xen, guest, theirs, ours: xen.ret(0, "event_channel_op.close", port=ours),
    "a reset": lambda xen, guest, theirs, ours: xen.ret(guest, "event_channel_op.reset", dom=SELF),
    "a crash": lambda xen, guest, theirs, ours: xen.crash(guest),
    "a suspend": lambda xen, guest, theirs, ours: xen.raw(guest, 29, 2, {"reason": 2}),
    "a kill": lambda xen, guest, theirs, ours: xen.destroy(guest),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_offer_is_withdrawn_from_who_lives_with_an_event_for_what_may_have_been_lost(direct, change):
    guest = direct.create(max_vcpus=2)
    theirs, ours = channel(direct, guest)
    for domid in (0, guest):
        take(direct, domid)
    direct.clear()
    change(direct, guest, theirs, ours)
    assert WithdrawEvents(ours) in told(direct, 0)
    upcalls = [each for link, each in direct.sent if link == "dom0" and isinstance(each, Upcall)]
    assert any(ours in each.ports for each in upcalls) or direct.status(0, ours)["status"] == 0


def test_a_domain_that_has_polled_once_gets_no_more_offers(direct):
    guest = direct.create()
    direct.raw(guest, 29, 3, {"nr_ports": 0, "ports": [], "timeout": 1})
    channel(direct, guest)
    assert not told(direct, guest)


def test_two_domains_get_one_link_for_all_of_their_channels_and_another_in_another_life(direct):
    guest = direct.create()
    channel(direct, guest)
    channel(direct, guest)
    assert len(direct.messages("supervisor", LinkDomains)) == 1
    direct.destroy(guest)
    assert not direct.machine._host.events.delegation._linked
    guest = direct.create()
    channel(direct, guest)
    assert len(direct.messages("supervisor", LinkDomains)) == 2
