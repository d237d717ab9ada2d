import pytest

from cluster.studies.campaign.history import History, Operation
from cluster.studies.campaign.sector_record import SectorRecord


class Disk:
    """A disk whose clients are told what the test says."""

    def __init__(self) -> None:
        self.history = History()
        self.record = SectorRecord("host0/web-0/51712")

    def begin(self, f: str, sector: int, sectors: int, value: int = 0) -> Operation:
        operation = self.history.invoke("web", f, f"{sector}+{sectors}", value, 0)
        self.record.note(operation, sector, sectors)
        return operation

    def write(self, value: int, sector: int = 0, sectors: int = 8) -> None:
        self.history.ok(self.begin("write", sector, sectors, value), value, 0)

    def read(self, *values: int, sector: int = 0) -> None:
        self.history.ok(self.begin("read", sector, len(values)), list(values), 0)

    def flush(self) -> None:
        self.history.ok(self.begin("flush", 0, 0), 0, 0)

    def lose_power(self) -> int:
        return self.history.index


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_blocks_that_are_read_as_they_were_written_are_in_order(disk: Disk) -> None:
    disk.read(*[0] * 8)
    disk.write(5)
    disk.read(*[5] * 8)
    disk.write(6, sector=8)
    disk.read(*[6] * 8, sector=8)

    assert disk.record.violations() == []


def test_a_stale_read_is_named_with_its_sectors(disk: Disk) -> None:
    disk.write(5)
    disk.write(6)
    disk.read(*[5] * 8)

    (found,) = disk.record.violations()
    assert found.startswith("host0/web-0/51712 sectors 0 to 7: ")


def test_a_read_of_sectors_that_differ_is_judged_sector_by_sector(disk: Disk) -> None:
    disk.write(5)
    disk.write(6)
    disk.read(6, 6, 6, 6, 5, 6, 6, 6)

    (found,) = disk.record.violations()
    assert found.startswith("host0/web-0/51712 sector 4: ")


def test_blocks_that_overlap_are_judged_sector_by_sector(disk: Disk) -> None:
    disk.write(5, sector=0, sectors=8)
    disk.write(6, sector=4, sectors=8)
    disk.read(5, 5, 5, 5, 6, 6, 6, 6)
    assert disk.record.violations() == []

    disk.read(5, sector=4)
    (found,) = disk.record.violations()
    assert found.startswith("host0/web-0/51712 sector 4: ")


def test_what_was_not_flushed_may_be_gone_with_the_power(disk: Disk) -> None:
    disk.write(5)
    disk.flush()
    disk.write(6)
    loss = disk.lose_power()
    disk.read(*[5] * 8)

    assert disk.record.violations((loss,)) == []
    assert disk.record.violations()


def test_what_was_flushed_may_not_be_gone_with_the_power(disk: Disk) -> None:
    disk.write(5)
    disk.write(6)
    disk.flush()
    loss = disk.lose_power()
    disk.read(*[5] * 8)

    assert disk.record.violations((loss,))


def test_what_the_power_left_stays(disk: Disk) -> None:
    disk.write(5)
    disk.write(6)
    loss = disk.lose_power()
    disk.read(*[5] * 8)
    assert disk.record.violations((loss,)) == []

    disk.read(*[6] * 8)
    assert disk.record.violations((loss,))


def test_a_second_loss_may_take_back_to_before_the_first(disk: Disk) -> None:
    disk.write(5)
    first = disk.lose_power()
    disk.write(6)
    second = disk.lose_power()
    disk.read(*[5] * 8)

    assert disk.record.violations((first, second)) == []
