"""The judge's notes of a run under way, `state.json`: all that the supervisor knows and nothing else has.

A fault is in there before it is done, a loss of power before it is over, the rest within `INTERVAL_S`: so who
reads it after the death of everything never takes what a fault did for a loss that nobody excuses.
Rules: written as a whole or not at all, and only if it has changed. It is never waited for a disk: what a
process has written outlives its process. Of records that have not changed since, the text is kept.
"""

import json
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from dataclasses import fields, replace
from typing import Any, Final, cast

from actors.hypervisor.statistics import HypervisorStatistics
from actors.notebook.journal_reader import JournalError, JournalReader
from actors.notebook.store_log_reader import StoreLogError, StoreLogReader
from actors.notebook.talk_journal_reader import TalkJournalError, TalkJournalReader
from cluster.lab.config.errors import reason_of
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.lives import Lives
from cluster.lab.experiment.statistics_maps import map_of, record_of
from cluster.lab.verdict.run_facts import HostFacts, RunFacts
from cluster.running.run.kept_values import KeptError, opened, plain, sealed, value_of
from cluster.running.run.run_directory import RunDirectory

FILE: Final = "state.json"
SCHEMA: Final = 1
INTERVAL_S: Final = 0.5
LAST_PHASE: Final = "done"
_ELSEWHERE: Final = ("cluster", "driver", "cut_short", "changed_images")
_MADE_HERE: Final = ("guests", "hosts", "injections", "fault_targets")
_PLAIN_FACTS: Final = [each.name for each in fields(RunFacts) if each.name not in {*_ELSEWHERE, *_MADE_HERE}]
"""The facts that are in the file as they are: every one but those that others know, and those made below."""


class RunState:
    """Keeps the notes of one run up. `facts` and `phase` say what is so now."""

    def __init__(
        self, directory: RunDirectory, facts: Callable[[], RunFacts], phase: Callable[[], str]
    ) -> None:
        self._directory = directory
        self._facts = facts
        self._phase = phase
        self._texts = _Texts()
        self._written = ""

    def keep(self) -> None:
        """Write what is so now, if it is not what is written already."""
        text = self._texts.of(self._facts(), self._phase())
        if text != self._written:
            self._directory.write(FILE, text, sync=False)
            self._written = text


def state_text(facts: RunFacts, phase: str) -> str:
    """The text of the file."""
    return _Texts().of(facts, phase)


def read_state(directory: RunDirectory, cluster: ResolvedCluster, driver: str) -> RunFacts:
    """The facts of a run, with its journals; `cut_short` if it did not get to its end. KeptError.

    `cluster` has its images in the directory.
    """
    path = directory.path / FILE
    try:
        facts = facts_of_text(path.read_text(encoding="utf-8"), cluster, driver)
        _attach(facts, directory)
    except FileNotFoundError as error:
        raise KeptError(
            f"{error.filename} is missing: nothing was started, or somebody removed it"
        ) from error
    except OSError as error:
        raise KeptError(f"{error.filename}: {reason_of(error)}") from error
    except (JournalError, StoreLogError, TalkJournalError) as error:
        raise KeptError(str(error)) from error
    except KeptError as error:
        raise KeptError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeptError(f"{path}: not written by this version of Domzero: {error}") from error
    return facts


class _Texts:
    """Makes the text; keeps that of each record together with what it was made of."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[list[object], str]] = {}

    def of(self, facts: RunFacts, phase: str) -> str:
        head: dict[str, object] = {"schema": SCHEMA, "phase": phase}
        head |= {name: plain(getattr(facts, name)) for name in _PLAIN_FACTS}
        head["hosts"] = {name: _host(each) for name, each in facts.hosts.items()}
        lists: Mapping[str, list[str]] = {
            "guests": [self._text("guest", at, each, _guest) for at, each in enumerate(facts.guests)],
            "injections": [self._text("fault", each.number, each, plain) for each in facts.injections],
            "fault_targets": [
                self._text("target", at, each, _target) for at, each in enumerate(facts.fault_targets)
            ],
        }
        parts = [json.dumps(head)[:-1], *(_listed(name, rows) for name, rows in lists.items())]
        return sealed(",\n".join(parts) + "}\n")

    def _text(
        self,
        what: str,
        number: int,
        record: GuestRecord | Injection | FaultTarget,
        data: Callable[..., object],
    ) -> str:
        now = [getattr(record, each.name) for each in fields(record)]
        kept = self._kept.get((what, number))
        if kept is not None and kept[0] == now:
            return kept[1]
        text = json.dumps(data(record))
        # What changes in its place is copied, so that it differs once it has changed.
        then = [copy(each) if isinstance(each, list | dict) else _own(each) for each in now]
        self._kept[what, number] = then, text
        return text


def _own(value: object) -> object:
    return deepcopy(value) if isinstance(value, Lives) else value


def _listed(name: str, rows: list[str]) -> str:
    return f'"{name}": [\n' + ",\n".join(rows) + "\n]"


def _host(facts: HostFacts) -> object:
    made = cast("dict[str, object]", plain(replace(facts, statistics=None)))
    return made if facts.statistics is None else {**made, "statistics": map_of(facts.statistics)}


def _host_of(data: object) -> HostFacts:
    """The facts of a host. A ValueError if its statistics are not those of this version."""
    facts = cast("HostFacts", value_of(data))
    if facts.statistics is None:
        return facts
    values = cast("dict[str, object]", facts.statistics)  # in the file they are a map
    return replace(facts, statistics=record_of(HypervisorStatistics, values))


def _guest(record: GuestRecord) -> object:
    return plain(replace(record, journals=[], talks=[], store_log=None))


def _target(record: FaultTarget) -> object:
    number = record.injection.number if record.injection is not None else None
    return {"injection": number, "target": plain(replace(record, injection=None))}


def facts_of_text(text: str, cluster: ResolvedCluster, driver: str) -> RunFacts:
    """What `state_text` was made of, but for the journals. ValueError, KeyError, TypeError if none."""
    data = opened(text)
    if data["schema"] != SCHEMA:
        raise KeptError(f"it is of schema {data['schema']!r}; this version reads schema {SCHEMA}")
    injections = cast("list[Injection]", value_of(data["injections"]))
    by_number = {each.number: each for each in injections}
    rows = cast("list[dict[str, object]]", data["fault_targets"])
    targets = [
        replace(
            cast("FaultTarget", value_of(each["target"])),
            injection=by_number[cast("int", each["injection"])] if each["injection"] is not None else None,
        )
        for each in rows
    ]
    others = {name: value_of(data[name]) for name in _PLAIN_FACTS}
    return RunFacts(
        cluster=cluster,
        driver=driver,
        hosts={name: _host_of(each) for name, each in data["hosts"].items()},
        guests=cast("list[GuestRecord]", value_of(data["guests"])),
        injections=injections,
        fault_targets=targets,
        cut_short="" if data["phase"] == LAST_PHASE else str(data["phase"]),
        **cast("dict[str, Any]", others),
    )


def _attach(facts: RunFacts, directory: RunDirectory) -> None:
    """Give every guest its journals and its log, which are only read."""
    described = {each.guest_id: each for each in facts.cluster.guests}
    for guest in facts.guests:
        born = described[guest.guest_id]
        paths = [directory.journal_path(born.host, each.name) for each in born.volumes]
        guest.journals = [JournalReader.open(each) for each in paths]
        guest.talks = [
            TalkJournalReader.open(directory.talk_path(born.host, each.name)) for each in born.talks
        ]
        if born.store_nodes:
            guest.store_log = StoreLogReader.open(directory.store_log_path(born.host, born.name))
