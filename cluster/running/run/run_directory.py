"""The folder of one run: what was made for it, what it left behind, and its report.

    about.json   configuration/   resolved.json   state.json   run.json
    journals/HOST-GUEST-VDEV.journal   images/HOST-GUEST-VDEV.img   logs/HOST-ACTOR.log
    journals/HOST-GUEST-talkN.talk   interrupts/HOST-DOMAIN.txt   samples.jsonl   trace.json

Rules: a folder that holds anything is never used; a file of the report is there as a whole or not at all.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from actors.abi.types import SECTOR_SIZE
from actors.address import Address
from actors.notebook.journal import Journal
from actors.notebook.store_log import StoreLog
from actors.notebook.talk_journal import TalkJournal
from cluster.lab.config.errors import ConfigError, Finding, reason_of
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest

FOLDERS: Final = ("images", "journals", "logs")
RUNS: Final = Path("runs")
_TRIES: Final = 100


class Written(Protocol):
    """A report, as text."""

    def to_json(self) -> str:
        """The text of `run.json`."""
        ...


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One run's folder."""

    path: Path

    @classmethod
    def create(cls, name: str, out: Path | None = None, *, now: datetime | None = None) -> "RunDirectory":
        """Make `out`, or `runs/TIME-NAME`. ConfigError if `out` holds anything or cannot be made."""
        path = out or _free_name(RUNS, f"{(now or datetime.now(UTC)):%Y%m%dT%H%M%S}-{name}")
        try:
            if path.is_dir() and any(path.iterdir()):
                raise ConfigError(
                    [Finding(path, 0, "the run directory holds something", "an empty or new one")]
                )
            for folder in FOLDERS:
                (path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            wrong = f"no run directory can be made: {reason_of(error)}"
            raise ConfigError([Finding(path, 0, wrong, "name one with --out DIR")]) from error
        return cls(path.absolute())

    @property
    def images(self) -> Path:
        """Where the images are that the run makes."""
        return self.path / "images"

    def place(self, cluster: ResolvedCluster) -> ResolvedCluster:
        """The cluster with the images that are made for it in this folder."""
        return cluster.placed(self.images)

    def make_images(self, host: ResolvedHost) -> None:
        """Make the images of a host that has been placed here: sparse, all zeros."""
        for volume in host.volumes:
            if volume.made:
                assert volume.path.parent == self.images, f"{volume.name} has not been placed here"
                with volume.path.open("xb") as file:
                    file.truncate(volume.sectors * SECTOR_SIZE)

    def make_journals(self, guest: ResolvedGuest) -> list[Journal]:
        """Make and open a journal for each disk of a guest."""
        return [
            Journal.create(
                self.journal_path(guest.host, volume.name),
                guest=guest.address,
                guest_id=guest.guest_id,
                virtual_device=volume.virtual_device,
                volume_sectors=volume.sectors,
            )
            for volume in guest.volumes
        ]

    def make_store_logs(self, cluster: ResolvedCluster) -> dict[GuestId, StoreLog]:
        """Make and open a log for each guest that works with XenStore."""
        return {
            guest.guest_id: StoreLog.create(self.store_log_path(guest.host, guest.name), nodes)
            for guest in cluster.guests
            if (nodes := guest.store_nodes)
        }

    def make_talk_journals(self, cluster: ResolvedCluster) -> dict[GuestId, list[TalkJournal]]:
        """Make and open a journal for each talk of each guest."""
        return {
            guest.guest_id: [
                TalkJournal.create(self.talk_path(guest.host, each.name), guest.talk_identity(each))
                for each in guest.talks
            ]
            for guest in cluster.guests
        }

    def talk_path(self, host: str, talk: str) -> Path:
        """The journal of a talk, named as `web-0-talk0`."""
        return self.path / "journals" / f"{host}-{talk}.talk"

    def journal_path(self, host: str, volume: str) -> Path:
        """The journal of a volume, named as `web-0-xvda`."""
        return self.path / "journals" / f"{host}-{volume}.journal"

    def store_log_path(self, host: str, guest: str) -> Path:
        """The log of what a guest wrote into XenStore."""
        return self.path / "journals" / f"{host}-{guest}.store"

    def write_report(self, report: Written) -> Path:
        """Write `run.json`; the file."""
        return self.write("run.json", report.to_json() + "\n")

    def write_interrupts(self, tables: Mapping[str, str]) -> None:
        """Write the last /proc/interrupts of domains, by address."""
        folder = self.path / "interrupts"
        folder.mkdir(exist_ok=True)
        for address, text in tables.items():
            self.write(f"interrupts/{Address.parse(address).file}.txt", text)

    def write(self, name: str, text: str, *, sync: bool = True) -> Path:
        """Write a file as a whole: beside it, to the disk if `sync`, then in its place."""
        path, fresh = self.path / name, (self.path / name).with_name(f".{Path(name).name}.new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
        return path


def _free_name(parent: Path, name: str) -> Path:
    for attempt in range(1, _TRIES):
        path = parent / (name if attempt == 1 else f"{name}-{attempt}")
        if not path.exists():
            return path
    raise ConfigError([Finding(parent / name, 0, "too many runs in one second", "name one with --out DIR")])
