"""The configuration of a run in its directory: the files as they were read, and what they were resolved to.

    configuration/quickstart.yaml   configuration/guests/db.cfg   configuration/elsewhere/1-db.cfg
    resolved.json

Rules: files lie to each other as they did where they were read; one that was not below the folder of the
first goes to `elsewhere`. A run is done again from what was resolved: nothing is read or decided anew.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

from cluster.lab.config.errors import reason_of
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.source_file import SourceFile
from cluster.running.run.kept_values import KeptError, OtherVersionError, opened, plain, sealed, value_of

FOLDER: Final = "configuration"
ELSEWHERE: Final = "elsewhere"
RESOLVED: Final = "resolved.json"
SCHEMA: Final = 1


def keep_sources(directory: Path, sources: tuple[SourceFile, ...]) -> list[dict[str, str]]:
    """Write the files; where each is in the directory (`file`) and where it was read (`read_from`)."""
    kept: dict[Path, str] = {}
    home = _absolute(sources[0].path).parent if sources else Path("/")
    for source in sources:
        path = _absolute(source.path)
        if path in kept:
            continue
        name = kept[path] = next(each for each in _names(path, home) if each not in kept.values())
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(source.content)
    return [{"file": name, "read_from": str(path)} for path, name in kept.items()]


def resolved_text(cluster: ResolvedCluster) -> str:
    """The text of `resolved.json`; the files are beside it."""
    return sealed(json.dumps({"schema": SCHEMA, "cluster": plain(replace(cluster, sources=()))}, indent=1))


def read_resolved(directory: Path, files: list[dict[str, str]]) -> ResolvedCluster:
    """The cluster that `resolved_text` was made of; `files` as `keep_sources` gave them. KeptError."""
    path = directory / RESOLVED
    try:
        kept = opened(path.read_text(encoding="utf-8"))
        if kept["schema"] != SCHEMA:
            raise OtherVersionError(f"it is of schema {kept['schema']!r}; this version reads schema {SCHEMA}")
        cluster = value_of(kept["cluster"])
        sources = tuple(
            SourceFile(Path(each["read_from"]), (directory / each["file"]).read_bytes()) for each in files
        )
    except OSError as error:
        raise KeptError(f"{error.filename}: {reason_of(error)}") from error
    except KeptError as error:
        raise type(error)(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeptError(f"{path}: not a configuration that this version can read: {error}") from error
    if not isinstance(cluster, ResolvedCluster):
        raise KeptError(f"{path}: not a configuration")
    return replace(cluster, sources=sources)


def resolved_anew(directory: Path, files: list[dict[str, str]], seed: int) -> tuple[Path, ResolvedCluster]:
    """What the kept files describe to this version, and which was read. ConfigError.

    They are read where they were if they are there as they were: images lie beside them.
    """
    there = [Path(each["read_from"]) for each in files]
    kept = [directory / each["file"] for each in files]
    same = all(map(_have_the_same, there, kept))
    first = (there if same else kept)[0]
    return first, load_cluster(first).with_seed(seed)


def _have_the_same(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _names(path: Path, home: Path) -> Iterator[str]:
    """What a file may be called here, the best name first."""
    if path.is_relative_to(home):
        yield str(FOLDER / path.relative_to(home))
    for number in count(1):
        yield f"{FOLDER}/{ELSEWHERE}/{number}-{path.name}"


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 (`..` goes, links stay: as the file names it)
