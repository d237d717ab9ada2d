"""What a disk is given when it starts: its volumes, its cache and its speed.

Rules: the argument comes from a configuration file; ValueError names the key that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.devices.argument import Argument
from actors.runtime.distribution import Distribution

DEFAULT_CACHE_SECTORS = 8192
DEFAULT_WRITE_BACK_NS = 200_000_000


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """`sectors` of the image at `path`, from `offset_sector` on."""

    name: str
    path: str
    sectors: int
    offset_sector: int
    read_only: bool

    def overlaps(self, other: "VolumeSettings") -> bool:
        """True if both have a sector of the same image in common."""
        return (
            self.path == other.path
            and self.offset_sector < other.offset_sector + other.sectors
            and other.offset_sector < self.offset_sector + self.sectors
        )


@dataclass(frozen=True, slots=True)
class DiskSettings:
    """A disk's argument, checked.

    `cache_sectors` (0: no cache) limits the dirty sectors of each volume, `write_back_ns` how long they
    stay dirty. `read_ns`, `write_ns`, `flush_ns`: service time of a command. `ignores_flush`: a disk that
    lies: it acknowledges FLUSH and FUA and does nothing. `service`: what is drawn, seeded by `seed`, on top
    of the service times (`read`, `write`, `flush`), for simulated time. `driver`: the link of the domain
    that drives it.
    """

    volumes: tuple[VolumeSettings, ...]
    cache_sectors: int
    write_back_ns: int
    level_triggered: bool
    read_ns: int
    write_ns: int
    flush_ns: int
    ignores_flush: bool
    service: dict[str, Distribution]
    seed: str
    driver: str

    @classmethod
    def from_argument(cls, argument: Mapping[str, object]) -> "DiskSettings":
        """Check an argument; ValueError if it makes no sense."""
        given = Argument("disk", argument)
        volumes = tuple(_volume(row) for row in given.rows("volumes"))
        _refuse_overlaps(volumes)
        level_triggered = given.level_triggered()
        cached = given.flag("write_cache", default=True)
        return cls(
            volumes=volumes,
            cache_sectors=given.number("cache_sectors", DEFAULT_CACHE_SECTORS) if cached else 0,
            write_back_ns=given.number("write_back_ns", DEFAULT_WRITE_BACK_NS),
            level_triggered=level_triggered,
            read_ns=given.number("read_ns", 0),
            write_ns=given.number("write_ns", 0),
            flush_ns=given.number("flush_ns", 0),
            ignores_flush=given.flag("ignores_flush", default=False),
            service=_service(argument.get("service", {})),
            seed=given.text("seed", ""),
            driver=given.text("driver", "dom0"),
        )


def _volume(row: Argument) -> VolumeSettings:
    return VolumeSettings(
        name=row.text("name"),
        path=row.text("path"),
        sectors=row.number("sectors"),
        offset_sector=row.number("offset_sector", 0),
        read_only=row.flag("read_only", default=False),
    )


def _service(rows: object) -> dict[str, Distribution]:
    if not isinstance(rows, dict):
        raise ValueError("disk: service: a map is wanted")  # noqa: TRY004, a bad file, not a bad call
    return {str(name): Distribution.from_row(row) for name, row in rows.items()}


def _refuse_overlaps(volumes: tuple[VolumeSettings, ...]) -> None:
    for index, one in enumerate(volumes):
        for other in volumes[:index]:
            if one.overlaps(other) and not (one.read_only and other.read_only):
                raise ValueError(f"disk: volumes {other.name} and {one.name} overlap in {one.path}")
