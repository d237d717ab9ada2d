"""What a frontend may try: each costs it a packet or its interface, and nobody else anything."""

import pytest

from actors.abi.interface import XenbusState as S
from actors.abi.netif import TX_REQUEST
from actors.abi.ring import REQ_PROD, RSP_PROD
from tests.vif.backend_rig import BLANK, EXTRA_INFO, MORE, Rig, frame, works


@pytest.fixture
def rig():
    return Rig()


def more_slots(vif, count, size=10, first=100):
    """Slots of one packet after its first one; the last says that it is the last."""
    ref, _ = vif.data_frame()
    for number in range(count):
        vif.put(ref, 0, size, MORE if number < count - 1 else 0, first + number)


def chain(vif, slots, size=None):
    """A packet of so many slots of ten bytes."""
    ref, _ = vif.data_frame(frame(1, 2, 10 * slots)[:10])
    vif.put(ref, 0, size if size is not None else 10 * slots, MORE if slots > 1 else 0, 99)
    if slots > 1:
        more_slots(vif, slots - 1)


def short(vif):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 13)


def sum_too_large(vif):
    chain(vif, 3, size=15)


def no_such_grant(vif):
    vif.put(0x7777, 0, 100)


def grant_for_somebody_else(vif):
    gfn = vif.guest.kernel.pages.allocate()
    vif.put(vif.world.call(vif.guest, vif.guest.kernel.grants.grant(2, gfn)), 0, 100)


def revoked_in_the_middle(vif):
    """A packet of three slots, of whose second the grant goes between check and copy."""
    refs = [vif.data_frame(frame(1, 2, 100))[0] for _ in range(3)]
    vif.put(refs[0], 0, 300, MORE, 0)
    vif.put(refs[1], 0, 100, MORE, 1)
    vif.put(refs[2], 0, 100, 0, 2)
    vif.tx.ring.push()
    vif.world.xen.kick(vif.domid, vif.queues[0][2])
    table = vif.world.xen.table(vif.domid)
    table[2 * refs[1]] = 0


PACKETS = {
    "short": (short, "bad-size"),
    "sum-too-large": (sum_too_large, "bad-size"),
    "too-many-slots": (lambda vif: chain(vif, 20), "too-many-slots"),
    "most-slots-that-are-not-fatal": (lambda vif: chain(vif, 21), "too-many-slots"),
    "no-such-grant": (no_such_grant, "copy-failed"),
    "grant-for-somebody-else": (grant_for_somebody_else, "copy-failed"),
    "revoked-in-the-middle": (revoked_in_the_middle, "copy-failed"),
}


@pytest.mark.parametrize("name", PACKETS)
def test_a_bad_packet_is_answered_with_errors_and_costs_no_more(rig, name):
    crime, reason = PACKETS[name]
    one, two = rig.pair()
    three = rig.vif(3).connect()
    two.post(4)
    crime(one)
    answers = one.push()
    assert answers
    assert {status for _, status in answers} == {-1}
    assert one.back.statistics().drops[reason] == 1
    assert two.received() == []
    assert one.back.state is S.Connected
    rest = two.queues[0][1].ring
    assert rest.free == 256 - 4
    one.put_frame(frame(1, 2, 200))
    assert one.push() == [(0, 0)]
    assert [row[3] for row in two.received()] == [200]
    assert works(three, two) or two.received() == []


@pytest.mark.parametrize("slots", [18, 19])
def test_a_packet_of_as_many_slots_as_linux_takes_is_taken(rig, slots):
    one, two = rig.pair()
    two.post(1)
    chain(one, slots)
    assert {status for _, status in one.push()} == {0}
    assert one.back.statistics().sent == 1


def crosses_page(vif):
    ref, _ = vif.data_frame()
    vif.put(ref, 4000, 200)


def later_slot_crosses_page(vif):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 300, MORE)
    vif.put(ref, 4000, 200)


def bad_extra(vif, kind):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 100, EXTRA_INFO)
    vif.put_extra(kind)


def endless_extras(vif):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 100, EXTRA_INFO)
    for _ in range(200):
        vif.put_extra(flags=1)


def missing_extra(vif):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 100, EXTRA_INFO)


def unfinished_chain(vif):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 100, MORE)


def runaway(vif):
    vif.tx.words[REQ_PROD] = 257
    vif.kick()


def runs_back(vif):
    vif.tx.words[REQ_PROD] = (1 << 32) - 1
    vif.kick()


def gso(vif, **fields):
    ref, _ = vif.data_frame()
    vif.put(ref, 0, 100, EXTRA_INFO)
    vif.put_extra(**fields)


FATAL = {
    "over-the-fatal-slots": lambda vif: chain(vif, 22),
    "a-ring-full-of-one-packet": lambda vif: chain(vif, 256),
    "crosses-page": crosses_page,
    "later-slot-crosses-page": later_slot_crosses_page,
    "extra-of-type-0": lambda vif: bad_extra(vif, 0),
    "extra-of-type-200": lambda vif: bad_extra(vif, 200),
    "endless-extras": endless_extras,
    "missing-extra": missing_extra,
    "unfinished-chain": unfinished_chain,
    "runaway": runaway,
    "runs-back": runs_back,
    "segments-of-no-bytes": lambda vif: gso(vif, size=0),
    "segmentation-of-no-kind": lambda vif: gso(vif, gso=7),
}


@pytest.mark.parametrize("name", FATAL)
def test_what_no_frontend_may_do_costs_it_its_interface_and_nobody_anything(rig, name):
    one, two = rig.pair()
    three = rig.vif(3).connect()
    two.announce()
    FATAL[name](one)
    one.push()
    assert one.back.state is S.Closing, rig.dom0.logs[-1:]
    assert one.key("state") == "5"
    assert all(domid != 1 for domid, _ in rig.world.mapped)
    assert works(three, two)
    one.front(S.Closed)
    one.front(S.Initialising)
    assert one.back.state is S.InitWait


def test_an_id_that_is_used_twice_is_answered_twice(rig):
    one, two = rig.pair()
    two.post(2)
    one.put_frame(frame(1, 2), ident=0xFFFF)
    one.put_frame(frame(1, 2), ident=0xFFFF)
    assert one.push() == [(0xFFFF, 0), (0xFFFF, 0)]


def test_a_slot_that_changes_after_it_was_checked_changes_nothing(rig):
    one, two = rig.pair()
    views = two.post(2)
    data = frame(1, 2, 300, b"a")
    one.put_frame(data, ident=5)
    one.tx.ring.push()
    rig.world.xen.kick(1, one.queues[0][2])
    rig.world.xen.turn(0)
    for offset in range(64, 64 + 12 * 4, 12):
        TX_REQUEST.pack_into(one.tx.page, offset, 1, 4000, MORE, 9, 60000)
    rig.world.run()
    assert one.answers() == [(5, 0)]
    assert bytes(views[0][:300]) == data


def test_bytes_that_change_after_they_were_copied_are_not_seen(rig):
    one, two = rig.pair()
    views = two.post(1)
    data = frame(1, 2, 300, b"a")
    ref, view = one.data_frame(data)
    one.put(ref, 0, 300)
    one.tx.ring.push()
    rig.world.xen.kick(1, one.queues[0][2])
    while not one.tx.ring.available():
        rig.world.turn()
        if rig.dom0.kernel.copies.copies:
            break
    rig.world.run()
    view[:300] = b"z" * 300
    assert bytes(views[0][:300]) == data


@pytest.mark.parametrize("prod", [257, (1 << 32) - 1])
def test_a_runaway_index_of_buffers_costs_the_interface(rig, prod):
    one, two = rig.pair()
    three = rig.vif(3).connect()
    one.rx.words[REQ_PROD] = prod
    rig.world.xen.kick(1, one.queues[0][3])
    rig.world.run()
    assert one.back.state is S.Closing
    assert works(two, three)


@pytest.mark.parametrize("crime", ["no-such-grant", "readonly", "others", "revoked"])
def test_a_buffer_that_cannot_be_filled_is_an_error_of_its_own(rig, crime):
    one, two = rig.pair()
    kernel = two.guest.kernel
    if crime == "no-such-grant":
        ref = 0x7FFFFFFF
    elif crime == "others":
        ref = rig.world.call(two.guest, kernel.grants.grant(1, kernel.pages.allocate()))
    else:
        ref, _ = two.data_frame(readonly=crime == "readonly")
    two.post(1, first=9, ref=ref)
    if crime == "revoked":
        two.revoke(ref)
    one.put_frame(frame(1, 2))
    assert one.push() == [(0, 0)]
    assert [(row[0], row[3]) for row in two.received()] == [(9, -1)]
    assert two.back.statistics().drops["copy-failed"] == 1
    assert works(one, two)


def test_a_frontend_that_asks_for_ever_has_its_turn_and_no_more(rig):
    one, two = rig.pair()
    three = rig.vif(3).connect()
    transmit = one.back._connection.queues[0].tx
    taken, enter = [], transmit._enter

    def enter_and_ask(packet):
        enter(packet)
        taken.append(packet)
        assert len(taken) < 5000, "it never has enough"
        one.tx.words[REQ_PROD] += 1

    transmit._enter = enter_and_ask
    one.put(1, 0, 12)
    one.tx.ring.push()
    rig.world.xen.kick(1, one.queues[0][2])
    rig.world.run()
    assert len(taken) in {256, 512}, "a ring of them in each turn"
    assert works(two, three)


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        (0, (0,), 1),
        (8, (0,), 1),
        (0xFFFF, (0xFFFFFFFF,) * 3, 1),
        (7, (2,), 2),
        (7, (0xFFFFFFFF,), 2),
        (1, (), 1),
        (2, (15,), 2),
        (3, (0x7777, 40), 2),
        (3, (0x7777, 41), 2),
        (3, (0x7777, 0xFFFFFFFF), 2),
        (5, (129,), 2),
        (6, (0x7777, 1, 0), 2),
        (6, (0x7777, 0xFFFFFFFF, 1), 2),
    ],
)
def test_rubbish_in_the_control_ring_has_a_status_and_does_nothing(rig, kind, data, status):
    one = rig.vif(1, control=True).connect()
    two = rig.vif(2).connect()
    assert one.ask(kind, *data)[0] == status
    assert works(one, two)
    assert one.back.statistics().control_refused == 1


def test_a_mapping_to_a_queue_that_is_not_there_is_refused(rig):
    one = rig.vif(1, queues=2, control=True).connect()
    assert one.ask(7, 1) == (0, 0)
    assert one.ask(2, 16) == (2, 0)
    assert one.ask(1) == (0, 15)
    assert one.ask(4) == (0, 128)
    assert one.ask(5, 4) == (0, 0)
    ref, view = one.data_frame(b"\x02\x00\x00\x00")
    assert one.ask(6, ref, 1, 0) == (2, 0)
    assert one.ask(6, ref, 1, 4) == (2, 0)
    assert one.ask(6, 0x7777, 1, 0) == (2, 0)
    view[0] = 1
    assert one.ask(6, ref, 1, 4) == (2, 0)
    assert one.ask(3, ref, 41) == (2, 0)
    assert one.ask(3, ref, 40) == (0, 0)
    assert one.ask(6, ref, 1, 3) == (0, 0)


def test_a_control_ring_that_runs_away_costs_the_interface(rig):
    one = rig.vif(1, control=True).connect()
    shared, port = one.control
    shared.words[REQ_PROD] = 1000
    rig.world.xen.kick(1, port)
    rig.world.run()
    assert one.back.state is S.Closing


def test_a_guest_that_dies_in_the_middle_of_copies_leaves_nothing(rig):
    one, two = rig.pair()
    three = rig.vif(3).connect()
    two.announce()
    for number in range(20):
        one.put_frame(frame(1, 2, 3000), ident=number)
    one.tx.ring.push()
    rig.world.xen.kick(1, one.queues[0][2])
    rig.world.xen.turn(0)
    rig.world.kill(rig.world.domains[1])
    one.back.remove()
    rig.world.run()
    assert all(domid != 1 for domid, _ in rig.world.mapped)
    three.announce()
    assert works(two, three)


def test_what_is_under_way_when_a_frontend_breaks_its_ring_is_neither_sent_nor_answered(rig):
    one, two = rig.pair()
    two.post(4)
    asked = []
    rig.dom0.kernel.copies.read = lambda *arguments: asked.append(arguments)
    one.put_frame(frame(1, 2))
    one.push()
    one.tx.words[REQ_PROD] = 1000
    one.kick()
    assert one.back.state is S.Connected, "it waits for what is under way"
    ((_, _, done),) = asked
    done(frame(1, 2))
    rig.world.advance(1)
    assert one.back.state is S.Closing
    assert (two.received(), one.tx.words[RSP_PROD]) == ([], 0)


@pytest.mark.parametrize(
    ("frame_bytes", "reason"),
    [
        (b"\x08\x00" + b"\x45", "no whole IP header"),
        (b"\x08\x00" + b"\x44".ljust(60, b"\0"), "an IP header that is too short"),
        (b"\x08\x00" + b"\x45".ljust(9, b"\0") + b"\x06" + bytes(29), "no whole TCP header"),
        (b"\x08\x00" + b"\x45".ljust(9, b"\0") + b"\x01" + bytes(60), "neither TCP nor UDP"),
        (b"\x08\x00" + b"\x45\0\0\0\0\0\x20\0\0\x06" + bytes(60), "a fragment"),
        (b"\x86\xdd" + bytes(60), "segmentation of IPv6"),
    ],
)
def test_a_packet_whose_offload_makes_no_sense_reaches_nobody(rig, frame_bytes, reason):
    one, two = rig.pair()
    two.post(4)
    one.put_frame(frame(1, 2, 12)[:12] + frame_bytes, flags=BLANK, gso=1448)
    assert [status for _, status in one.push()] == [-1, 1], reason
    assert one.back.statistics().drops["bad-offload"] == 1
    assert two.received() == []
    assert one.back.state is S.Connected
