"""The backend alone: every pair of states, what it publishes, what it refuses, what it maps."""

from itertools import product

import pytest

from actors.abi.interface import XenbusState as S
from actors.block.mapped_grants import MappedGrants
from actors.kernel.backend_actions import ACTIONS
from tests.block.backend_rig import FRONT, OWN, Rig

READ, WRITE, BARRIER, FLUSH, DISCARD, INDIRECT = 0, 1, 2, 3, 5, 6


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
    mapped, ports = world.mapped, rig.dom0.ports
    rig.front(front)
    rig.front(front)
    after = AFTER.get((own, front), own)
    assert rig.back.state is after
    assert rig.key("state") == str(int(after))
    if (own, front) not in ACTIONS:
        assert (world.mapped, rig.dom0.ports) == (mapped, ports)
    if after in {S.Closing, S.Closed}:
        assert world.mapped == []
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
    assert (world.mapped, rig.dom0.ports) == ([], {})
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
    assert len(world.mapped) == (2 if persistent == "1" else 1)
    assert len(rig.volume.done) == 1


@pytest.mark.parametrize("ahead", [33, 1 << 31, 0xFFFFFFFF])
def test_a_broken_ring_ends_the_service_of_its_frontend(rig, ahead):
    rig.words[0] = ahead
    rig.kick()
    rig.world.run()
    assert rig.back.state is S.Closing
    assert (rig.world.mapped, rig.dom0.ports) == ([], {})
    assert any("broke the ring" in line for line in rig.dom0.logs)


def test_a_persistent_frame_is_mapped_once(rig):
    ref, _ = rig.data_frame()
    rig.put(READ, 1, 0, [(ref, 0, 7)])
    rig.push()
    calls = rig.world.xen.hypercalls
    for ident in range(5):
        rig.put(READ, ident, 0, [(ref, 0, 7)])
        assert rig.push() == [(ident, READ, 0)]
    assert rig.world.xen.hypercalls == calls
    assert rig.back.statistics().persistent_mappings == 1


def test_without_persistent_grants_everything_is_unmapped_before_the_answer(world, volume):
    rig = Rig(world, volume, persistent="0")
    rig.bring_to(S.Connected)
    ref, _ = rig.data_frame()
    for ident in range(3):
        rig.put(READ, ident, 0, [(ref, 0, 3), (ref, 4, 7)])
    assert sorted(rig.push()) == [(ident, READ, 0) for ident in range(3)]
    assert len(world.mapped) == 1, "the ring itself"


def test_a_grant_for_reading_serves_a_write_without_persistent_grants(world, volume):
    rig = Rig(world, volume, persistent="0")
    rig.bring_to(S.Connected)
    ref = rig.grant(rig.pages.allocate(), readonly=True)
    rig.put(WRITE, 1, 0, [(ref, 0, 7)])
    rig.put(READ, 2, 0, [(ref, 0, 7)])
    assert sorted(rig.push()) == [(1, WRITE, 0), (2, READ, -1)]


def test_one_hypercall_maps_what_a_batch_needs(rig):
    refs = [rig.data_frame()[0] for _ in range(32)]
    calls = rig.world.xen.hypercalls
    for ident, ref in enumerate(refs):
        rig.put(READ, ident, 0, [(ref, 0, 7)])
    assert len(rig.push()) == 32
    assert rig.world.xen.hypercalls <= calls + 3


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
    assert len(rig.world.mapped) == 2
    rig.volume.complete()
    rig.world.run()
    assert rig.world.mapped == []
    assert rig.back.state is S.Closing


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
    assert world.mapped == []
    assert dom0.kernel.grants.mapped == 0
