"""What a disk is given when it starts: its volumes, its cache and its speed.

Rules: the argument comes from a configuration file; ValueError names the key that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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
        rows = argument.get("volumes", [])
        if not isinstance(rows, list | tuple) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("disk: volumes: a list of maps is wanted")
        volumes = tuple(_volume(row) for row in rows)
        _refuse_overlaps(volumes)
        trigger = _text(argument, "trigger", "edge")
        if trigger not in {"edge", "level"}:
            raise ValueError(f"disk: trigger: {trigger!r} is neither edge nor level")
        cached = _flag(argument, "write_cache", default=True)
        return cls(
            volumes=volumes,
            cache_sectors=_number(argument, "cache_sectors", DEFAULT_CACHE_SECTORS) if cached else 0,
            write_back_ns=_number(argument, "write_back_ns", DEFAULT_WRITE_BACK_NS),
            level_triggered=trigger == "level",
            read_ns=_number(argument, "read_ns", 0),
            write_ns=_number(argument, "write_ns", 0),
            flush_ns=_number(argument, "flush_ns", 0),
            ignores_flush=_flag(argument, "ignores_flush", default=False),
            service=_service(argument.get("service", {})),
            seed=_text(argument, "seed", ""),
            driver=_text(argument, "driver", "dom0"),
        )


def _volume(row: Mapping[str, object]) -> VolumeSettings:
    return VolumeSettings(
        name=_text(row, "name"),
        path=_text(row, "path"),
        sectors=_number(row, "sectors"),
        offset_sector=_number(row, "offset_sector", 0),
        read_only=_flag(row, "read_only", default=False),
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


def _number(source: Mapping[str, object], key: str, default: int | None = None) -> int:
    value = source.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"disk: {key}: {value!r} is not a number of 0 or more")
    return value


def _text(source: Mapping[str, object], key: str, default: str | None = None) -> str:
    value = source.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"disk: {key}: {value!r} is not text")  # noqa: TRY004, a bad file, not a bad call
    return value


def _flag(source: Mapping[str, object], key: str, *, default: bool) -> bool:
    value = source.get(key, default)
    if not isinstance(value, bool):
        raise ValueError(f"disk: {key}: {value!r} is neither true nor false")  # noqa: TRY004, as above
    return value
