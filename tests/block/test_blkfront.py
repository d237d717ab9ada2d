"""The frontend alone: every pair of states, its keys, its requests, and backends that lie."""

from itertools import product

import pytest

from actors.abi.blkif import HEAD_AND_SEGMENT
from actors.abi.errno import XenError
from actors.abi.interface import XenbusState as S
from actors.abi.ring import RSP_PROD
from actors.kernel.frontend_conduct import CONDUCTS
from actors.policies import Frontend
from tests.block.frontend_rig import BACK, FRONT, Rig

READ, WRITE, FLUSH = 0, 1, 3


@pytest.fixture
def connected(world):
    rig = Rig(world)
    rig.bring_to(S.Connected)
    return rig


AFTER = {
    (S.Initialising, S.InitWait): S.Initialised,
    (S.Initialised, S.Connected): S.Connected,
    (S.Connected, S.InitWait): S.Initialised,
    **{(own, S.Closing): S.Closed for own in (S.Initialising, S.Initialised, S.Connected, S.Closing)},
    **{(own, S.Closed): S.Closed for own in (S.Initialising, S.Initialised, S.Connected, S.Closing)},
}
OWN = [S.Initialising, S.Initialised, S.Connected, S.Closing, S.Closed]


@pytest.mark.parametrize(("own", "back"), list(product(OWN, S)))
def test_every_pair_of_states_leads_where_the_table_says(world, own, back):
    rig = Rig(world)
    rig.bring_to(own)
    ports, granted, ref = dict(rig.guest.ports), rig.guest.kernel.grants.granted, rig.key("ring-ref")
    rig.back(back)
    rig.back(back)
    after = AFTER.get((own, back), own)
    assert rig.front.state is after
    assert rig.key("state") == str(int(after))
    if (own, back) not in CONDUCTS[Frontend.reconnect].actions:
        assert (rig.guest.ports, rig.guest.kernel.grants.granted) == (ports, granted)
        assert rig.key("ring-ref") == ref


@pytest.mark.parametrize(("own", "back"), list(product(OWN, S)))
def test_a_stock_frontend_ignores_a_backend_that_begins_anew(world, own, back):
    rig = Rig(world, "stock-linux")
    rig.bring_to(own)
    port = rig.key("event-channel")
    rig.back(back)
    renewed = (own, back) == (S.Connected, S.InitWait)
    assert rig.front.state is (S.Connected if renewed else AFTER.get((own, back), own))
    if own is S.Connected:
        assert rig.key("event-channel") == port


def test_a_pair_that_ends_the_frontend_leaves_nothing_behind(connected):
    connected.submit(READ, 0, None, 8)
    connected.back(S.Closing)
    assert connected.guest.ports == {}
    assert connected.guest.kernel.grants.granted == 0


def test_the_keys_are_published_together_with_the_state(world):
    rig = Rig(world)
    rig.back(S.InitWait)
    assert rig.key("protocol") == "x86_64-abi"
    assert rig.key("feature-persistent") == "1"
    assert world.xen.status(rig.guest.domid, int(rig.key("event-channel")))["dom"] == 0
    assert list(rig.words[:4]) == [0, 1, 0, 1]


def test_connecting_tells_what_the_disk_is(world):
    rig = Rig(world)
    world.nodes |= {f"{BACK}/sectors": "77", f"{BACK}/info": "4"}
    rig.bring_to(S.Connected)
    assert rig.connected.done
    assert (rig.front.sectors, rig.front.read_only) == (77, True)


def test_connecting_to_a_backend_that_closes_waits_for_the_next_one(world):
    rig = Rig(world)
    rig.back(S.Closing)
    assert not rig.connected.done
    detach_and_attach(rig)
    rig.bring_to(S.Connected)
    assert rig.connected.result() is None


def test_who_leaves_for_good_waits_for_no_backend(world):
    rig = Rig(world)
    gone = world.spawn(rig.guest, rig.front.disconnect())
    rig.back(S.Closing)
    assert gone.done
    with pytest.raises(XenError):
        rig.connected.result()
    detach_and_attach(rig)
    rig.back(S.InitWait)
    assert rig.front.state is S.Closed


def detach_and_attach(rig):
    """The toolstack takes the nodes away, and writes them again."""
    rig.world.remove(BACK)
    rig.world.remove(FRONT)
    rig.world.run()
    assert rig.key("state") is None, "what is gone stays gone"
    rig.world.attach_nodes()
    rig.world.nodes |= {f"{BACK}/sectors": "4096", f"{BACK}/info": "0"}
    rig.world.run()


def test_a_device_that_is_taken_away_in_order_and_attached_again_is_used_again(connected):
    connected.back(S.Closing)
    connected.back(S.Closed)
    detach_and_attach(connected)
    assert connected.front.state is S.Initialising
    connected.back(S.InitWait)
    connected.back(S.Connected)
    answers = connected.submit(READ, 0, None, 8)
    assert len(connected.requests()) == 1
    connected.answer((connected.requests()[0][1], READ, 0))
    assert answers[0][0] == 0


def test_a_device_that_is_taken_away_by_force_fails_what_was_asked_and_leaves_nothing(connected):
    answers = connected.submit(READ, 0, None, 8)
    connected.world.remove(FRONT)
    connected.world.run()
    assert answers == [(-1, None)]
    assert connected.front.state is S.Closed
    assert connected.guest.ports == {}
    assert connected.guest.kernel.grants.granted == 0
    assert not [each for each in connected.world.nodes if each.startswith(FRONT)]


def test_a_disk_that_is_closed_for_now_is_a_new_one_once_it_was_attached_again(connected):
    connected.world.spawn(connected.guest, connected.front.disconnect(for_good=False))
    connected.back(S.Closing)
    connected.back(S.Closed)
    detach_and_attach(connected)
    assert connected.front.state is S.Initialising
    connected.front.reopen()
    connected.world.run()
    connected.back(S.InitWait)
    connected.back(S.Connected)
    assert connected.front.state is S.Connected


def test_who_reopens_a_disk_that_is_being_detached_closes_it_again(connected):
    connected.world.spawn(connected.guest, connected.front.disconnect(for_good=False))
    connected.back(S.Closing)
    connected.world.write(f"{BACK}/online", "0")
    connected.front.reopen()
    connected.world.run()
    assert connected.front.state is S.Closed


def test_a_number_that_is_none_leaves_the_frontend_waiting(world):
    rig = Rig(world)
    world.nodes[f"{BACK}/sectors"] = "many"
    rig.back(S.InitWait)
    rig.back(S.Connected)
    assert rig.front.state is S.Initialised
    world.nodes[f"{BACK}/sectors"] = "8"
    rig.back(S.Connected)
    assert rig.front.state is S.Connected


def test_a_request_has_the_layout_of_blkif(connected):
    connected.submit(WRITE, 5, b"a" * 1024, 2)
    ((operation, _, sector, ((gref, first, last),)),) = connected.requests()
    assert (operation, sector, first, last) == (WRITE, 5, 0, 1)
    assert bytes(connected.frame(gref)[:1024]) == b"a" * 1024
    assert HEAD_AND_SEGMENT.unpack_from(connected.page, 64)[2] == 51712


def test_a_large_request_has_up_to_eleven_segments(connected):
    data = b"".join(bytes([page]) * 4096 for page in range(11))
    answers = connected.submit(WRITE, 0, data, 88)
    ((_, ident, _, segments),) = connected.requests()
    assert [bytes(connected.frame(gref)) for gref, _, _ in segments] == [
        bytes([page]) * 4096 for page in range(11)
    ]
    connected.answer((ident, WRITE, 0))
    assert answers == [(0, None)]


def test_a_larger_io_is_split_and_answered_once(connected):
    answers = connected.submit(READ, 3, None, 88 + 88 + 5)
    rows = connected.requests()
    assert [(row[2], len(row[3])) for row in rows] == [(3, 11), (91, 11), (179, 1)]
    for number, row in enumerate(rows):
        for gref, _, _ in row[3]:
            connected.frame(gref)[:] = bytes([number + 1]) * 4096
    connected.answer((rows[2][1], READ, 0), (rows[0][1], READ, 0))
    assert answers == []
    connected.answer((rows[1][1], READ, 0))
    assert answers == [(0, b"\1" * 45056 + b"\2" * 45056 + b"\3" * 2560)]


def test_a_split_io_fails_if_a_part_does(connected):
    answers = connected.submit(READ, 0, None, 100)
    rows = connected.requests()
    connected.answer((rows[0][1], READ, -1), (rows[1][1], READ, 0))
    assert answers == [(-1, None)]


def test_requests_beyond_the_ring_wait_in_line(connected):
    answers = [connected.submit(READ, 8 * each, None, 8) for each in range(40)]
    assert connected.words[0] == 32
    assert connected.front.statistics().waiting == 8
    connected.answer(*((ident, READ, 0) for _, ident, _, _ in connected.requests()))
    assert [row[2] for row in connected.requests()[32:]] == [8 * each for each in range(32, 40)]
    assert sum(len(each) for each in answers) == 32
    connected.front.check()


def test_a_write_with_fua_is_answered_after_the_flush_that_follows_it(connected):
    answers = connected.submit(WRITE, 0, bytes(512), 1, fua=True)
    connected.answer((connected.requests()[0][1], WRITE, 0))
    assert answers == []
    operation, ident, _, segments = connected.requests()[1]
    assert (operation, segments) == (FLUSH, [])
    connected.answer((ident, FLUSH, 0))
    assert answers == [(0, None)]


def test_without_the_feature_a_flush_is_not_supported(world):
    rig = Rig(world, flush="0")
    rig.bring_to(S.Connected)
    assert rig.submit(FLUSH, 0, None, 0) == [(-2, None)]
    assert rig.words[0] == 0


def test_persistent_frames_are_granted_once(connected):
    connected.submit(READ, 0, None, 8)
    ((_, ident, _, ((gref, _, _),)),) = connected.requests()
    connected.answer((ident, READ, 0))
    granted = connected.guest.kernel.grants.granted
    for _ in range(20):
        connected.submit(READ, 0, None, 8)
        assert connected.requests()[-1][3][0][0] == gref
        connected.answer((ident, READ, 0))
    assert connected.guest.kernel.grants.granted == granted


def test_without_persistent_grants_each_request_has_its_own(world):
    rig = Rig(world, persistent="0")
    rig.bring_to(S.Connected)
    rig.submit(READ, 0, None, 8)
    ((_, ident, _, ((gref, _, _),)),) = rig.requests()
    rig.answer((ident, READ, 0))
    assert not rig.guest.grants(gref)


@pytest.mark.parametrize(
    ("operation", "data", "sectors"),
    [(READ, None, 0), (READ, b"x", 1), (WRITE, None, 1), (WRITE, b"x", 1), (2, None, 1), (READ, None, -1)],
)
def test_arguments_that_contradict_each_other_are_refused(connected, operation, data, sectors):
    with pytest.raises(ValueError, match=r"sectors"):
        connected.submit(operation, 0, data, sectors)
    assert connected.words[0] == 0


@pytest.mark.parametrize(
    "lie",
    [
        (31, READ, 0),
        (32, READ, 0),
        (1 << 63, READ, 0),
        (0, WRITE, 0),
        (0, 255, 0),
    ],
)
def test_an_answer_to_what_was_not_asked_ends_the_connection(connected, lie):
    answers = connected.submit(READ, 0, None, 8)
    assert connected.requests()[0][1] == 0
    connected.answer(lie)
    assert answers == [(-1, None)]
    assert connected.key("state") == "5"
    assert any("broke the ring" in line for line in connected.guest.logs)
    connected.back(S.Closed)
    assert connected.key("state") == "6"


@pytest.mark.parametrize("prod", [2, 33, 1 << 31, 0xFFFFFFFF])
def test_a_response_index_that_makes_no_sense_ends_the_connection(connected, prod):
    answers = connected.submit(READ, 0, None, 8)
    connected.words[RSP_PROD] = prod
    connected.answer()
    assert answers == [(-1, None)]
    assert connected.key("state") == "5"


def test_a_closed_disk_answers_errors_later_and_never_within_submit(connected):
    connected.back(S.Closing)
    assert connected.submit(READ, 0, None, 8) == []
    answers = connected.submit(READ, 0, None, 8)
    connected.world.advance(20_000_000)
    assert answers == [(-1, None)]


def test_disconnecting_from_a_backend_that_is_gone_ends_after_a_while(connected):
    connected.world.remove(BACK)
    gone = connected.world.spawn(connected.guest, connected.front.disconnect())
    connected.world.run()
    assert not gone.done
    connected.world.advance(6_000_000_000)
    assert gone.done


def test_a_lost_store_gets_the_keys_again_in_one_transaction(connected):
    ref, port = connected.key("ring-ref"), connected.key("event-channel")
    connected.world.lose_store()
    connected.world.reconnect_stores()
    connected.world.run()
    assert connected.key("ring-ref") == ref
    assert connected.key("event-channel") == port
    assert connected.key("protocol") == "x86_64-abi"
    assert connected.key("state") == "4"


def test_keys_that_were_overwritten_are_published_again(connected):
    connected.world.nodes[f"{FRONT}/state"] = "1"
    connected.world.nodes[f"{BACK}/reconnect"] = "resume"
    connected.back(S.InitWait)
    assert connected.key("state") == "4"
    assert connected.front.statistics().published_again == 1


def test_a_stock_frontend_publishes_nothing_again(world):
    rig = Rig(world, "stock-linux")
    rig.bring_to(S.Connected)
    world.lose_store()
    world.reconnect_stores()
    world.run()
    assert rig.key("state") is None


def test_the_oldest_request_is_known(connected):
    assert connected.front.statistics().oldest_issue_ns is None
    connected.world.advance(7)
    now_ns = connected.guest.kernel.threads.now_ns
    connected.submit(READ, 0, None, 8)
    connected.world.advance(2)
    connected.submit(READ, 8, None, 8)
    assert connected.front.statistics().oldest_issue_ns == now_ns


def test_a_device_that_is_replaced_answers_what_is_asked_with_errors_and_waits_for_what_is_in_the_ring(world):
    rig = Rig(world, "linux-7")
    rig.bring_to(S.Connected)
    in_ring = rig.submit(READ, 0, None, 8)
    world.write(f"{FRONT}/state", "1")
    world.write(f"{FRONT}/backend", BACK)
    world.run()
    refused = rig.submit(READ, 8, None, 8)
    world.advance(20_000_000)
    assert ([status for status, _ in refused], in_ring) == ([-1], [])
    assert rig.front.state is S.Connected
    rig.answer((rig.requests()[0][1], READ, 0))
    world.run()
    assert [status for status, _ in in_ring] == [0]
    assert (rig.front.state, rig.guest.ports) == (S.Initialising, {})
    rig.back(S.InitWait)
    rig.back(S.Connected)
    again = rig.submit(READ, 8, None, 8)
    assert [status for status, _ in again] == []
    assert rig.front.in_flight == 1
