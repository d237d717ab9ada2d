"""The file of a sweep: a header, then a line for each seed that is done; JSON, append-only.

Rules: a line that was cut off when its writer was killed is cut away; a seed is counted once, whatever the
file holds twice (two shards' files may be put together with `cat`); results of another plan are refused.
Only the seeds are kept in memory, since a sweep may have a hundred million.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

from cluster.lab.config.errors import ConfigError, Finding, reason_of
from cluster.lab.config.yaml_source import YamlSource
from cluster.lab.documents.document_kind import SWEEP, what_is
from cluster.studies.campaign.trial import Record

SCHEMA: Final = 2
VERDICTS: Final = ("held", "failed", "unknown")


def section_header(source: YamlSource, key: str, section: Record) -> Record:
    """What tells the results of a configuration and a section beside it from those of others."""
    tree = {**source.tree, key: section}
    sha256 = hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
    return {"name": tree.get("name"), "sha256": sha256, key: section}


def folder_of(home: str, header: Record) -> Path:
    """Where the results of such a header lie if nobody says otherwise: `HOME/NAME-SHA`."""
    return Path(home) / f"{header['name']}-{header['sha256'][:8]}"


class Results:
    """The results of one plan, in a file; `seeds` are those that are done."""

    def __init__(self, path: Path, header: Record) -> None:
        """Open or make the file. ConfigError if it holds something else or cannot be written."""
        self.seeds: set[int] = set()
        self._header: Record = {"schema": SCHEMA, **header}
        self._file = self._open(path)

    def add(self, record: Record) -> bool:
        """Keep the record of a seed; False if there is one already."""
        seed = record["seed"]
        assert isinstance(seed, int), "a seed is a number"
        if seed in self.seeds:
            return False
        self.seeds.add(seed)
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        return True

    def records(self) -> Iterator[Record]:
        """Every record that is kept, one after the other out of the file; of a seed the first."""
        shown: set[int] = set()
        self._file.seek(0)
        for line in self._file:
            record = json.loads(line)
            if "schema" not in record and record["seed"] not in shown:
                shown.add(record["seed"])
                yield record

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Those seeds that are still to be done, in their order."""
        return [each for each in seeds if each not in self.seeds]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _open(self, path: Path) -> TextIO:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            size = self._read(path) if path.exists() else 0
            # Read through the same file in the end, which is there for as long as it is open.
            file = path.open("a+", encoding="utf-8")
            file.truncate(size)
            if not size:
                file.write(json.dumps(self._header) + "\n")
                file.flush()
        except OSError as error:
            wrong = f"the results cannot be kept: {reason_of(error)}"
            raise ConfigError([Finding(path, 0, wrong, "name a file with --out FILE")]) from error
        return file

    def _read(self, path: Path) -> int:
        """Take what is there in; how many bytes of it are whole lines."""
        size = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    self._take(path, number, _parsed(path, number, line.decode("utf-8", "replace")))
                    size += len(line)
        return size

    def _take(self, path: Path, number: int, data: Record) -> None:
        if "schema" in data:
            if data["schema"] != SCHEMA:
                wrong = f"{what_is(data)}; only those of schema {SCHEMA} can be continued"
                raise ConfigError([Finding(path, number, wrong, "name another file with --out")])
            if data != self._header:
                raise _other(path, number, data, self._header)
        elif number == 1:
            raise ConfigError([Finding(path, 1, "no results of a sweep", "name another file with --out")])
        else:
            self.seeds.add(_seed_of(path, number, data))


def read_results(path: Path) -> tuple[Record, Iterator[Record]]:
    """The header of a file of results and its records, as they are read; of a seed the first. ConfigError."""
    records = _lines(path)
    header = next(records, None)
    if header is None or not SWEEP.reads(header):
        wrong = "no results of a sweep: it is empty" if header is None else SWEEP.refusal(header)
        raise ConfigError([Finding(path, 1, wrong, "name the file that `domzero sweep` said it wrote")])
    return header, records if header["schema"] == SCHEMA else map(_of_schema_1, records)


def _of_schema_1(record: Record) -> Record:
    """Devices were vbds, and their class was not said."""
    return {**record, "states": [f"vbd {each}" for each in record["states"]]}


def _lines(path: Path) -> Iterator[Record]:
    """The first header, then the records; a last line that is cut off is left out."""
    shown: set[int] = set()
    header: Record | None = None
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                data = _parsed(path, number, line.decode("utf-8", "replace"))
                if number == 1 or "schema" in data:
                    if header is not None and data != header:
                        raise _other(path, number, data, header)
                    if header is None:
                        header = data
                        yield data
                elif (seed := _seed_of(path, number, data)) not in shown:
                    shown.add(seed)
                    yield data
    except OSError as error:
        raise ConfigError([Finding(path, 0, reason_of(error), "name a file that can be read")]) from error


def _seed_of(path: Path, number: int, data: Record) -> int:
    """Whose line it is."""
    seed = data.get("seed")
    if not isinstance(seed, int) or data.get("verdict") not in VERDICTS:
        raise ConfigError([Finding(path, number, "not the result of a seed", "remove the line")])
    return seed


def _parsed(path: Path, number: int, line: str) -> Record:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise ConfigError([Finding(path, number, "not a JSON object", "name the results of a sweep")])
    return data


def _other(path: Path, number: int, found: Record, wanted: Record) -> ConfigError:
    differs = [key for key in wanted if found.get(key) != wanted[key]]
    shown = ", ".join(f"{key} {found.get(key)!r} instead of {wanted[key]!r}" for key in differs)
    wrong = f"results of another sweep: {shown}"
    return ConfigError([Finding(path, number, wrong, "name another file with --out, or remove this one")])
