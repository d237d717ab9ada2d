from collections.abc import Callable
from pathlib import Path

import pytest

from actors.notebook.journal import MemoryJournal
from actors.notebook.stamp import stamp_block
from cluster.lab.verdict.ledger import COUNTS, ImageFile, LedgerError, LedgerResult, check_volume

SECTORS = 256
GUEST, VDEV = 1, 51712
OTHER_GUEST = 2


class Rig:
    """A guest that writes to an image by itself; each fault is planted by hand."""

    def __init__(self) -> None:
        self.image = bytearray(SECTORS * 512)
        self.journal = MemoryJournal(
            guest="host0/web-0", guest_id=GUEST, virtual_device=VDEV, volume_sectors=SECTORS
        )
        self.now_ns = 0

    def issue(self, sector: int, sectors: int = 8, *, fua: bool = False) -> tuple[int, bytes]:
        self.now_ns += 1
        nonce = 0x1000 + self.journal.next_sequence
        sequence = self.journal.record_write(sector, sectors, nonce, self.now_ns, fua=fua)
        return sequence, stamp_block(GUEST, VDEV, sector, sectors, sequence, nonce)

    def put(self, sector: int, data: bytes) -> None:
        self.image[sector * 512 : sector * 512 + len(data)] = data

    def ack(self, sequence: int) -> None:
        self.now_ns += 1
        self.journal.record_ack(sequence, self.now_ns)

    def write(self, sector: int, sectors: int = 8, *, fua: bool = False) -> bytes:
        sequence, data = self.issue(sector, sectors, fua=fua)
        self.put(sector, data)
        self.ack(sequence)
        return data

    def flush(self) -> None:
        self.ack(self.journal.record_flush(self.now_ns))

    def read(self, sector: int, count: int) -> bytes:
        return bytes(self.image[sector * 512 : (sector + count) * 512])

    def check(self, *, power_lost: bool = False, run_nonces: set[int] | None = None) -> LedgerResult:
        losses = [self.journal.next_sequence] if power_lost else []
        return self.check_after(losses, run_nonces)

    def check_after(self, losses: list[int], run_nonces: set[int] | None = None) -> LedgerResult:
        result = check_volume(self.journal, self.read, power_losses=losses, run_nonces=run_nonces)
        parts = ("stable", "lost", "stale", "torn", "misdirected", "vanished")
        assert result.acknowledged == sum(getattr(result, part) for part in parts)
        return result


def counts(result: LedgerResult) -> dict[str, int]:
    return {name: getattr(result, name) for name in COUNTS if getattr(result, name)}


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_what_was_written_is_stable(rig: Rig) -> None:
    for sector in range(0, SECTORS, 8):
        rig.write(sector)

    result = rig.check()

    assert counts(result) == {"acknowledged": 32, "stable": 32}
    assert result.holds


def test_of_a_guest_that_wrote_nothing_nothing_is_asked(rig: Rig) -> None:
    assert counts(rig.check()) == {}


def test_an_overwritten_write_is_stable(rig: Rig) -> None:
    for _ in range(5):
        rig.write(8)

    assert counts(rig.check()) == {"acknowledged": 5, "stable": 5}


def test_overlapping_writes_of_different_sizes_are_stable(rig: Rig) -> None:
    rig.write(0, 16)
    rig.write(4, 8)
    rig.write(8, 1)

    assert counts(rig.check()) == {"acknowledged": 3, "stable": 3}


def test_an_acknowledged_write_that_never_reached_the_image_is_lost(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    rig.ack(sequence)

    result = rig.check()

    assert counts(result) == {"acknowledged": 1, "lost": 1}
    assert not result.holds
    offender = result.offenders[0]
    assert (offender.guest, offender.sector, offender.sequence) == ("host0/web-0", 8, sequence)
    assert str(offender) == "host0/web-0 vbd 51712 sector 8: write 1 is lost: found no stamp of this guest"


def test_an_unacknowledged_write_may_be_there_or_not(rig: Rig) -> None:
    rig.issue(8)
    _, data = rig.issue(16)
    rig.put(16, data)

    result = rig.check()

    assert counts(result) == {"unacknowledged": 2}
    assert result.holds


def test_a_newer_unacknowledged_write_covers_an_acknowledged_one(rig: Rig) -> None:
    rig.write(8)
    _, data = rig.issue(8)
    rig.put(8, data)

    assert counts(rig.check()) == {"acknowledged": 1, "stable": 1, "unacknowledged": 1}


def test_a_failed_write_is_not_acknowledged(rig: Rig) -> None:
    rig.write(8)
    sequence, data = rig.issue(8)
    rig.put(8, data[:512])
    rig.journal.record_failure(sequence, 100)

    assert counts(rig.check()) == {"acknowledged": 1, "stable": 1, "unacknowledged": 1}


def test_an_older_write_that_is_back_makes_the_newer_ones_stale(rig: Rig) -> None:
    old = rig.write(8)
    rig.write(8)
    rig.write(8)
    rig.put(8, old)

    result = rig.check()

    assert counts(result) == {"acknowledged": 3, "stable": 1, "stale": 2}
    assert result.offenders[0].found == "write 1"


def test_a_replay_that_overtakes_a_later_write_is_found(rig: Rig) -> None:
    first, data = rig.issue(8)
    rig.write(8)
    rig.put(8, data)
    rig.ack(first)

    assert counts(rig.check()) == {"acknowledged": 2, "stable": 1, "stale": 1}


def test_a_write_of_which_only_some_sectors_arrived_is_torn(rig: Rig) -> None:
    rig.write(8)
    sequence, data = rig.issue(8)
    rig.put(8, data[: 3 * 512])
    rig.ack(sequence)

    assert counts(rig.check()) == {"acknowledged": 2, "stable": 1, "torn": 1}


def test_a_sector_that_is_half_of_one_write_and_half_of_another_is_torn(rig: Rig) -> None:
    rig.write(8, 1)
    sequence, data = rig.issue(8, 1)
    rig.put(8, data[:200])
    rig.ack(sequence)

    assert rig.check().torn == 1


def test_a_sector_of_which_only_the_end_arrived_is_torn(rig: Rig) -> None:
    sequence, data = rig.issue(8, 1)
    rig.put(8, bytes(256) + data[256:])
    rig.ack(sequence)

    assert counts(rig.check()) == {"acknowledged": 1, "torn": 1}


def test_swapped_blocks_are_misdirected(rig: Rig) -> None:
    one, two = rig.write(8), rig.write(16)
    rig.put(8, two)
    rig.put(16, one)

    assert counts(rig.check()) == {"acknowledged": 2, "misdirected": 2}


def test_a_write_that_went_to_another_place_is_misdirected_and_so_is_what_it_hit(rig: Rig) -> None:
    rig.write(16)
    sequence, data = rig.issue(8)
    rig.put(16, data)
    rig.ack(sequence)

    assert counts(rig.check()) == {"acknowledged": 2, "misdirected": 2}


def test_a_write_that_went_where_nobody_wrote_is_found_there(rig: Rig) -> None:
    sequence, data = rig.issue(8)
    rig.put(64, data)
    rig.ack(sequence)

    result = rig.check()

    assert counts(result) == {"acknowledged": 1, "misdirected": 1, "strays": 8}
    assert not result.holds


@pytest.mark.parametrize(("guest", "vdev"), [(OTHER_GUEST, VDEV), (GUEST, VDEV + 16)])
def test_a_block_of_another_disk_is_misdirected(rig: Rig, guest: int, vdev: int) -> None:
    rig.write(8)
    rig.put(8, stamp_block(guest, vdev, 8, 8, 1, 0x9999))

    assert counts(rig.check()) == {"acknowledged": 1, "misdirected": 1}
    assert counts(rig.check(run_nonces={0x9999})) == {"acknowledged": 1, "misdirected": 1}


def test_what_another_run_left_counts_as_never_written(rig: Rig) -> None:
    rig.write(8)
    rig.put(8, stamp_block(OTHER_GUEST, VDEV, 8, 8, 1, 0x9999))
    rig.put(64, stamp_block(OTHER_GUEST, VDEV, 8, 8, 1, 0x9999))

    assert counts(rig.check(run_nonces=set())) == {"acknowledged": 1, "lost": 1}


def test_what_an_earlier_run_of_the_same_guest_left_is_not_taken_for_ours(rig: Rig) -> None:
    rig.put(8, stamp_block(GUEST, VDEV, 8, 8, 1, 0x9999))
    sequence, _ = rig.issue(8)
    rig.ack(sequence)

    assert counts(rig.check()) == {"acknowledged": 1, "lost": 1}


def test_an_unflushed_write_may_vanish_with_the_power_only(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    rig.ack(sequence)

    assert counts(rig.check(power_lost=True)) == {"acknowledged": 1, "vanished": 1}
    assert rig.check(power_lost=True).holds
    assert rig.check().lost == 1


def test_a_flushed_write_may_not_vanish_with_the_power(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    rig.ack(sequence)
    rig.flush()

    assert counts(rig.check(power_lost=True)) == {"acknowledged": 1, "lost": 1}


def test_a_flush_covers_only_what_was_acknowledged_before_it_was_issued(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    flush = rig.journal.record_flush(rig.now_ns)
    rig.ack(sequence)
    rig.ack(flush)

    assert counts(rig.check(power_lost=True)) == {"acknowledged": 1, "vanished": 1}


def test_an_unacknowledged_flush_covers_nothing(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    rig.ack(sequence)
    rig.journal.record_flush(rig.now_ns)

    assert counts(rig.check(power_lost=True)) == {"acknowledged": 1, "vanished": 1}


def test_a_write_with_fua_may_not_vanish(rig: Rig) -> None:
    sequence, _ = rig.issue(8, fua=True)
    rig.ack(sequence)

    assert counts(rig.check(power_lost=True)) == {"acknowledged": 1, "lost": 1}


def test_after_a_loss_of_power_a_flushed_write_may_be_what_is_left(rig: Rig) -> None:
    old = rig.write(8)
    rig.flush()
    rig.write(8)
    rig.put(8, old)

    assert counts(rig.check(power_lost=True)) == {"acknowledged": 2, "stable": 1, "vanished": 1}


def test_a_flush_after_the_power_came_back_saves_nothing_that_vanished_before(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    rig.ack(sequence)
    lost_at = rig.journal.next_sequence
    rig.flush()

    assert counts(rig.check_after([lost_at])) == {"acknowledged": 1, "vanished": 1}


def test_what_was_flushed_before_the_first_of_two_losses_must_outlive_both(rig: Rig) -> None:
    sequence, _ = rig.issue(8)
    rig.ack(sequence)
    rig.flush()
    first = rig.journal.next_sequence
    rig.flush()

    assert counts(rig.check_after([first, rig.journal.next_sequence])) == {"acknowledged": 1, "lost": 1}


def test_what_was_written_after_the_last_loss_of_power_may_not_vanish(rig: Rig) -> None:
    lost_at = rig.journal.next_sequence
    sequence, _ = rig.issue(8)
    rig.ack(sequence)

    assert counts(rig.check_after([lost_at])) == {"acknowledged": 1, "lost": 1}


def test_a_half_written_sector_is_torn_even_after_a_loss_of_power(rig: Rig) -> None:
    rig.write(8)
    rig.flush()
    sequence, data = rig.issue(8)
    rig.ack(sequence)
    rig.put(8, data[:256])

    result = rig.check(power_lost=True)

    assert counts(result) == {"acknowledged": 2, "stable": 1, "torn": 1}
    assert not result.holds


def test_no_more_offenders_are_kept_than_anybody_reads(rig: Rig) -> None:
    for sector in range(SECTORS):
        sequence, _ = rig.issue(sector, 1)
        rig.ack(sequence)

    result = rig.check()

    assert result.lost == SECTORS
    assert len(result.offenders) == 20


def test_an_image_that_is_too_short_cannot_be_checked(rig: Rig) -> None:
    rig.write(8)
    del rig.image[-512:]

    with pytest.raises(LedgerError, match="ends before its volume"):
        rig.check()


def test_a_write_beyond_the_volume_cannot_be_checked(rig: Rig) -> None:
    rig.write(SECTORS - 4)

    with pytest.raises(LedgerError, match="beyond"):
        rig.check()


def test_an_image_file_is_read_as_it_is(rig: Rig, tmp_path: Path) -> None:
    rig.write(8)
    path = tmp_path / "web-0-xvda.img"
    path.write_bytes(rig.image)

    with ImageFile(path) as image:
        assert counts(check_volume(rig.journal, image.read)) == {"acknowledged": 1, "stable": 1}


PLANTED: dict[str, Callable[[Rig, dict[int, bytes]], None]] = {
    "lost": lambda rig, _: rig.put(80, bytes(4096)),
    "stale": lambda rig, first: rig.put(80, first[80]),
    "torn": lambda rig, first: rig.put(80, first[80][:2048]),
    "misdirected": lambda rig, _: rig.put(80, rig.read(160, 8)),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_one_planted_fault_among_many_writes_is_found_and_nothing_else(rig: Rig, fault: str) -> None:
    first = {sector: rig.write(sector) for sector in range(0, SECTORS, 8)}
    for sector in range(0, SECTORS, 8):
        rig.write(sector)
    PLANTED[fault](rig, first)

    found = {offender.verdict for offender in rig.check().offenders}

    assert found == {fault}
    assert {offender.sector // 8 * 8 for offender in rig.check().offenders} == {80}
