"""The backend alone: every pair of states, what it publishes, what it refuses, what it maps."""

from itertools import product

import pytest

from actors.abi.blkif import HEAD, RESPONSE, SEGMENT
from actors.abi.interface import XenbusState
from actors.block.mapped_grants import MappedGrants
from actors.kernel.backend_actions import ACTIONS
from actors.kernel.ring import FrontRing

READ, WRITE, BARRIER, FLUSH, DISCARD, INDIRECT = 0, 1, 2, 3, 5, 6
BACK = "/local/domain/0/backend/vbd/1/51712"
FRONT = "/local/domain/1/device/vbd/51712"
S = XenbusState


class Rig:
    """A backend whose frontend is this test: it writes nodes, grants frames and fills the ring."""

    def __init__(self, world, volume, policy="renegotiate", *, persistent="1"):
        self.world, self.volume = world, volume
        self.dom0, self.guest = world.boot(0), world.boot(1)
        world.attach_nodes()
        self.pages = self.guest.kernel.pages
        self.ring_gfn = self.pages.allocate()
        self.page = self.pages.frame(self.ring_gfn)
        self.ring = FrontRing(self.pages.words(self.ring_gfn), 112)
        self.words = self.pages.words(self.ring_gfn)
        port = world.call(self.guest, self.guest.kernel.irq.alloc_unbound(0))
        self.events = 0
        self.guest.kernel.irq.bind(port, "", "", self._count)
        world.nodes |= {
            f"{FRONT}/ring-ref": str(self.grant(self.ring_gfn)),
            f"{FRONT}/event-channel": str(port),
            f"{FRONT}/protocol": "x86_64-abi",
            f"{FRONT}/feature-persistent": persistent,
        }
        self.back = world.backend(self.dom0, volume, policy)
        world.run()

    def _count(self):
        self.events += 1

    def grant(self, gfn, readonly=False):
        return self.world.call(self.guest, self.guest.kernel.grants.grant(0, gfn, readonly=readonly))

    def data_frame(self):
        gfn = self.pages.allocate()
        return self.grant(gfn), self.pages.frame(gfn)

    def front(self, state):
        self.world.write(f"{FRONT}/state", str(int(state)))
        self.world.run()

    def bring_to(self, state):
        if state in {S.Connected, S.Closing}:
            self.front(S.Initialised)
        if state is S.Closing:
            self.front(S.Closing)
        if state is S.Closed:
            self.front(S.Closed)
        assert self.back.state is state

    def key(self, name):
        return self.world.nodes.get(f"{BACK}/{name}")

    def put(self, operation, ident, sector, segments, nr_segments=None):
        offset = self.ring.put()
        count = len(segments) if nr_segments is None else nr_segments
        HEAD.pack_into(self.page, offset, operation, count, 0, 0, ident, sector)
        for index, segment in enumerate(segments):
            SEGMENT.pack_into(self.page, offset + 24 + 8 * index, *segment, 0)

    def push(self):
        if self.ring.push():
            self.kick()
        self.world.run()
        return self.responses()

    def kick(self):
        self.world._pend(self.dom0, min(self.dom0.ports))

    def responses(self):
        return [RESPONSE.unpack_from(self.page, self.ring.take()) for _ in range(self.ring.available())]


@pytest.fixture
def volume(make_volume):
    return make_volume()


@pytest.fixture
def rig(world, volume):
    rig = Rig(world, volume)
    rig.bring_to(S.Connected)
    return rig


OWN = [S.InitWait, S.Connected, S.Closing, S.Closed]
AFTER = {
    (S.InitWait, S.Initialised): S.Connected,
    (S.InitWait, S.Closing): S.Closing,
    (S.InitWait, S.Closed): S.Closed,
    (S.Connected, S.Closing): S.Closing,
    (S.Connected, S.Closed): S.Closed,
    (S.Connected, S.Initialising): S.InitWait,
    (S.Closing, S.Closed): S.Closed,
    (S.Closing, S.Initialising): S.InitWait,
    (S.Closed, S.Initialising): S.InitWait,
}


@pytest.mark.parametrize(("own", "front"), list(product(OWN, S)))
def test_every_pair_of_states_leads_where_the_table_says(world, volume, own, front):
    rig = Rig(world, volume)
    rig.bring_to(own)
    handles, ports = dict(world.handles), dict(rig.dom0.ports)
    rig.front(front)
    rig.front(front)
    after = AFTER.get((own, front), own)
    assert rig.back.state is after
    assert rig.key("state") == str(int(after))
    if (own, front) not in ACTIONS:
        assert (world.handles, rig.dom0.ports) == (handles, ports)
    if after in {S.Closing, S.Closed}:
        assert world.handles == {}
        assert rig.dom0.ports == {}


def test_connecting_publishes_what_the_disk_is(world, make_volume):
    rig = Rig(world, make_volume(sectors=100, read_only=True))
    rig.bring_to(S.Connected)
    keys = ["sectors", "info", "sector-size", "physical-sector-size"]
    assert [rig.key(each) for each in keys] == ["100", "4", "512", "512"]
    assert rig.key("feature-persistent") == rig.key("feature-flush-cache") == "1"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ring-ref", "77"),
        ("ring-ref", "x"),
        ("ring-ref", "-1"),
        ("event-channel", "99"),
        ("event-channel", ""),
        ("protocol", "x86_32-abi"),
        ("ring-ref", None),
        ("event-channel", None),
    ],
)
def test_keys_that_cannot_be_used_close_the_device_and_leave_nothing(world, volume, key, value):
    rig = Rig(world, volume)
    if value is None:
        del world.nodes[f"{FRONT}/{key}"]
    else:
        world.nodes[f"{FRONT}/{key}"] = value
    rig.front(S.Initialised)
    assert rig.back.state is S.Closing
    assert (world.handles, rig.dom0.ports) == ({}, {})
    assert rig.dom0.kernel.grants.mapped == 0


def test_a_read_and_a_write_move_data(rig):
    ref, frame = rig.data_frame()
    frame[:512] = b"w" * 512
    rig.put(WRITE, 7, 3, [(ref, 0, 0)])
    assert rig.push() == [(7, WRITE, 0)]
    assert rig.volume.data[1536:2048] == b"w" * 512
    rig.put(READ, 8, 3, [(ref, 7, 7)])
    assert rig.push() == [(8, READ, 0)]
    assert frame[3584:] == b"w" * 512


def test_several_segments_follow_each_other_on_the_disk(rig):
    frames = [rig.data_frame() for _ in range(11)]
    for number, (_, frame) in enumerate(frames):
        frame[:] = bytes([number + 1]) * 4096
    rig.put(WRITE, 1, 0, [(ref, 0, 7) for ref, _ in frames])
    assert rig.push() == [(1, WRITE, 0)]
    assert rig.volume.data[:45056] == b"".join(bytes([number + 1]) * 4096 for number in range(11))


def test_the_id_of_a_request_comes_back_as_it_was(rig):
    rig.put(FLUSH, (1 << 64) - 1, 0, [])
    assert rig.push() == [((1 << 64) - 1, FLUSH, 0)]
    assert rig.volume.flushes == 1


@pytest.mark.parametrize(
    ("operation", "sector", "shape", "nr_segments", "status"),
    [
        (READ, 0, [], None, -1),
        (WRITE, 0, [], None, -1),
        (READ, 0, [(0, 0)], 12, -1),
        (READ, 0, [(0, 0)], 255, -1),
        (READ, 0, [(3, 2)], None, -1),
        (READ, 0, [(0, 8)], None, -1),
        (READ, 0, [(255, 255)], None, -1),
        (READ, 0, [(0, 7), (7, 0)], None, -1),
        (READ, 4096, [(0, 0)], None, -1),
        (READ, 4095, [(0, 1)], None, -1),
        (READ, 4089, [(0, 3), (0, 3)], None, -1),
        (READ, (1 << 64) - 1, [(0, 0)], None, -1),
        (FLUSH, 0, [(0, 0)], None, -1),
        (BARRIER, 0, [(0, 0)], None, -2),
        (DISCARD, 0, [(0, 0)], None, -2),
        (INDIRECT, 0, [(0, 0)], None, -2),
        (255, 0, [], None, -2),
        (READ, 4095, [(7, 7)], None, 0),
    ],
)
def test_hostile_fields_are_refused_and_the_disk_is_not_asked(
    rig, operation, sector, shape, nr_segments, status
):
    ref, _ = rig.data_frame()
    rig.put(operation, 9, sector, [(ref, *each) for each in shape], nr_segments)
    assert rig.push() == [(9, operation, status)]
    assert len(rig.volume.done) == (status == 0)
    assert rig.back.state is S.Connected


@pytest.mark.parametrize("mapped_before", [False, True])
def test_a_write_to_a_read_only_disk_is_refused(world, make_volume, mapped_before):
    rig = Rig(world, make_volume(read_only=True))
    rig.bring_to(S.Connected)
    ref, _ = rig.data_frame()
    if mapped_before:
        rig.put(READ, 1, 0, [(ref, 0, 7)])
        rig.push()
    rig.put(WRITE, 2, 0, [(ref, 0, 7)])
    assert rig.push() == [(2, WRITE, -1)]


@pytest.mark.parametrize("persistent", ["0", "1"])
def test_a_grant_that_cannot_be_mapped_fails_its_request_only(world, volume, persistent):
    rig = Rig(world, volume, persistent=persistent)
    rig.bring_to(S.Connected)
    ref, _ = rig.data_frame()
    rig.put(READ, 1, 0, [(ref, 0, 7), (3000, 0, 7)])
    rig.put(READ, 2, 0, [(ref, 0, 7)])
    assert sorted(rig.push()) == [(1, READ, -1), (2, READ, 0)]
    assert len(world.handles) == (2 if persistent == "1" else 1)
    assert len(rig.volume.done) == 1


@pytest.mark.parametrize("ahead", [33, 1 << 31, 0xFFFFFFFF])
def test_a_broken_ring_ends_the_service_of_its_frontend(rig, ahead):
    rig.words[0] = ahead
    rig.kick()
    rig.world.run()
    assert rig.back.state is S.Closing
    assert (rig.world.handles, rig.dom0.ports) == ({}, {})
    assert any("broke the ring" in line for line in rig.dom0.logs)


def test_a_persistent_frame_is_mapped_once(rig):
    ref, _ = rig.data_frame()
    rig.put(READ, 1, 0, [(ref, 0, 7)])
    rig.push()
    calls = rig.world.hypercalls
    for ident in range(5):
        rig.put(READ, ident, 0, [(ref, 0, 7)])
        assert rig.push() == [(ident, READ, 0)]
    assert rig.world.hypercalls == calls
    assert rig.back.statistics().persistent_mappings == 1


def test_without_persistent_grants_everything_is_unmapped_before_the_answer(world, volume):
    rig = Rig(world, volume, persistent="0")
    rig.bring_to(S.Connected)
    ref, _ = rig.data_frame()
    for ident in range(3):
        rig.put(READ, ident, 0, [(ref, 0, 3), (ref, 4, 7)])
    assert sorted(rig.push()) == [(ident, READ, 0) for ident in range(3)]
    assert len(world.handles) == 1, "the ring itself"


def test_a_grant_for_reading_serves_a_write_without_persistent_grants(world, volume):
    rig = Rig(world, volume, persistent="0")
    rig.bring_to(S.Connected)
    ref = rig.grant(rig.pages.allocate(), readonly=True)
    rig.put(WRITE, 1, 0, [(ref, 0, 7)])
    rig.put(READ, 2, 0, [(ref, 0, 7)])
    assert sorted(rig.push()) == [(1, WRITE, 0), (2, READ, -1)]


def test_one_hypercall_maps_what_a_batch_needs(rig):
    refs = [rig.data_frame()[0] for _ in range(32)]
    calls = rig.world.hypercalls
    for ident, ref in enumerate(refs):
        rig.put(READ, ident, 0, [(ref, 0, 7)])
    assert len(rig.push()) == 32
    assert rig.world.hypercalls <= calls + 3


def test_a_request_whose_frame_is_mapped_does_not_overtake_one_whose_is_not(rig):
    known, _ = rig.data_frame()
    rig.put(READ, 1, 0, [(known, 0, 7)])
    rig.push()
    new, _ = rig.data_frame()
    rig.put(READ, 2, 8, [(new, 0, 7)])
    rig.put(READ, 3, 16, [(known, 0, 7)])
    rig.put(FLUSH, 4, 0, [])
    rig.push()
    assert rig.volume.done == [(READ, 0), (READ, 8), (READ, 16), (FLUSH, 0)]


def test_a_frame_that_the_disk_works_on_is_not_unmapped(rig):
    refs = [rig.data_frame()[0] for _ in range(3)]
    rig.back._queue._mappings._limit = 1
    rig.put(READ, 1, 0, [(refs[0], 0, 7)])
    rig.push()
    rig.volume.hold = True
    rig.put(READ, 2, 0, [(refs[0], 0, 7)])
    rig.put(READ, 3, 0, [(refs[1], 0, 3), (refs[2], 4, 7)])
    rig.push()
    used = {mfn for _, _, segments, _ in rig.volume.held for mfn, _, _ in segments}
    mapped = {each.mfn for each in rig.back._queue._mappings._kept.values()}
    assert len(used) == 3
    assert used <= mapped
    rig.back.check()
    while rig.volume.held:
        rig.volume.complete()
    rig.world.run()
    assert sorted(rig.responses()) == [(2, READ, 0), (3, READ, 0)]
    rig.back.check()


def test_closing_waits_for_the_disk_before_it_unmaps(rig):
    ref, _ = rig.data_frame()
    rig.volume.hold = True
    rig.put(READ, 1, 0, [(ref, 0, 7)])
    rig.push()
    rig.front(S.Closing)
    assert len(rig.world.handles) == 2
    rig.volume.complete()
    rig.world.run()
    assert rig.world.handles == {}
    assert rig.back.state is S.Closing


def test_the_backend_ends_when_its_nodes_are_removed(rig):
    rig.world.remove(BACK)
    rig.world.remove("/local/domain/1")
    rig.world.run()
    assert (rig.world.handles, rig.dom0.ports) == ({}, {})
    assert rig.world.watches == []


def detach(rig):
    """What `xl block-detach` writes."""
    rig.world.write(f"{BACK}/online", "0")
    rig.world.write(f"{BACK}/state", "5")
    rig.world.run()


@pytest.mark.parametrize("own", [S.InitWait, S.Connected, S.Closing, S.Closed])
def test_a_device_that_is_detached_ends_in_closed_once_its_frontend_is(world, volume, own):
    rig = Rig(world, volume)
    rig.bring_to(own)
    detach(rig)
    if own is S.Connected:
        assert rig.back.attached, "its frontend may still use it"
    rig.front(S.Closing)
    rig.front(S.Closed)
    assert rig.key("state") == "6"
    assert (world.handles, rig.dom0.ports, world.watches) == ({}, {}, [])


@pytest.mark.parametrize("front", [S.Initialising, S.Initialised, S.Connected])
@pytest.mark.parametrize("own", OWN)
def test_a_device_that_is_offline_connects_to_nobody(world, volume, own, front):
    rig = Rig(world, volume)
    rig.bring_to(own)
    attached = rig.back.attached
    detach(rig)
    rig.front(front)
    assert rig.key("state") in {"5", "6"}
    assert rig.back.attached is attached
    rig.front(S.Closed)
    assert (rig.key("state"), world.watches) == ("6", [])


def test_a_state_that_was_written_over_the_one_of_who_detaches_is_taken_back(rig):
    rig.world.write(f"{BACK}/state", "5")
    rig.world.write(f"{BACK}/state", "4")
    rig.world.write(f"{BACK}/online", "0")
    rig.world.run()
    assert rig.key("state") == "5"


def test_a_device_that_is_detached_by_force_ends_in_closed_without_its_frontend(rig):
    rig.world.remove("/local/domain/1")
    detach(rig)
    assert rig.key("state") == "6"
    assert (rig.world.handles, rig.world.watches) == ({}, [])


def test_who_was_slow_to_leave_touches_no_node_of_the_device_that_came_instead(rig):
    rig.world.remove(BACK)
    rig.world.remove("/local/domain/1")
    rig.world.attach_nodes()
    rig.world.run()
    assert (rig.key("state"), rig.world.watches) == ("1", [])


def test_what_an_earlier_domain_has_not_ended_is_ended(world, volume):
    world.boot(1)
    world.attach_nodes(front_state=4)
    world.nodes |= {f"{BACK}/online": "0", f"{BACK}/state": "5"}
    world.backend(world.boot(0), volume, state=S.Closing)
    world.run()
    assert world.nodes[f"{BACK}/state"] == "5"
    world.write(f"{FRONT}/state", "6")
    world.run()
    assert (world.nodes[f"{BACK}/state"], world.watches) == ("6", [])


def test_a_store_that_was_lost_gets_the_keys_again_and_service_goes_on(rig):
    rig.world.lose_store()
    rig.world.reconnect_stores()
    rig.world.run()
    assert rig.back.state is S.Connected, "nodes that nobody has rebuilt yet are not nodes that were removed"
    assert rig.world.nodes == {}
    rig.world.attach_nodes(front_state=None)
    rig.world.run()
    assert (rig.key("state"), rig.key("sectors")) == ("4", "4096")


def test_who_comes_when_all_is_rebuilt_takes_nodes_that_are_not_there_for_removed(world, volume):
    world.boot(1)
    world.attach_nodes()
    backend = world.backend(world.boot(0), volume, early=False)
    world.run()
    assert world.watches
    world.lose_store()
    world.reconnect_stores()
    world.run()
    assert world.watches == [], "it has ended"
    assert not backend.attached


def test_a_device_of_a_domain_that_went_with_the_store_ends_when_it_is_told(rig):
    rig.world.lose_store()
    rig.world.reconnect_stores()
    rig.world.run()
    rig.back.remove()
    rig.world.run()
    assert (rig.world.handles, rig.dom0.ports) == ({}, {})


def test_an_old_connection_is_not_taken_for_a_new_one_by_renegotiate(world, volume):
    rig = Rig(world, volume)
    rig.front(S.Connected)
    assert rig.back.state is S.InitWait
    assert rig.key("reconnect") == "renegotiate"
    rig.front(S.Initialised)
    assert rig.back.state is S.Connected
    assert rig.back.statistics().renegotiations == 1


def test_a_connection_without_journal_is_not_resumed(world, volume):
    rig = Rig(world, volume, "resume")
    assert rig.key("reconnect") == "resume"
    rig.front(S.Connected)
    assert rig.back.state is S.InitWait
    assert rig.key("reconnect") == "renegotiate"
    statistics = rig.back.statistics()
    assert (statistics.resumes, statistics.resumes_refused) == (0, 1)
    assert world.handles == {}


def test_answers_under_resume_come_in_the_order_of_the_ring(world, volume):
    rig = Rig(world, volume, "resume")
    rig.bring_to(S.Connected)
    ref, _ = rig.data_frame()
    volume.hold = True
    for ident in range(3):
        rig.put(READ, ident, 0, [(ref, 0, 7)])
    rig.put(255, 3, 0, [])
    assert rig.push() == []
    volume.complete(2)
    volume.complete(1)
    world.run()
    assert rig.responses() == []
    volume.complete(0)
    world.run()
    assert rig.responses() == [(0, READ, 0), (1, READ, 0), (2, READ, 0), (3, 255, -2)]


def test_the_mapping_used_longest_ago_goes_first_unless_it_is_pinned(world):
    dom0, guest = world.boot(0), world.boot(1)
    refs = [world.call(guest, guest.kernel.grants.grant(0, guest.kernel.pages.allocate())) for _ in range(4)]
    mapped = MappedGrants(dom0.kernel, 1, limit=2)
    world.call(dom0, mapped.keep(refs))
    mapped.find(refs[0])
    mapped.find(refs[1]).pins = 1
    mapped.find(refs[3])
    world.call(dom0, mapped.shrink())
    assert [mapped.find(ref) is not None for ref in refs] == [False, True, False, True]
    world.call(dom0, mapped.release())
    assert world.handles == {}
    assert dom0.kernel.grants.mapped == 0
