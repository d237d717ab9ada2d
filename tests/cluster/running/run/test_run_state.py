import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.notebook.journal_header import Word
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.waiter import Waiter
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.verdict.report import facts_of, report_of
from cluster.running.run import run_state
from cluster.running.run.kept_values import KeptError, plain, sealed
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_state import RunState, read_state
from tests.cluster.blank_records import blank

Load = Callable[..., ResolvedCluster]


class Kept:
    """A directory with the journals and images of a cluster, and the notes of its supervisor."""

    def __init__(self, cluster: ResolvedCluster, folder: Path) -> None:
        self.directory = RunDirectory.create("x", folder / "run")
        self.cluster = self.directory.place(cluster)
        (host,) = self.cluster.hosts
        self.directory.make_images(host)
        self.journals = {each.guest_id: self.directory.make_journals(each) for each in host.guests}
        logs = self.directory.make_store_logs(self.cluster)
        self.supervisor = Supervisor(self.cluster, self.journals, store_logs=logs)
        self.state = RunState(
            self.directory,
            lambda: facts_of(self.cluster, "live", self.supervisor),
            lambda: self.supervisor.phase,
        )

    @property
    def file(self) -> Path:
        return self.directory.path / "state.json"

    def injure(self, number: int) -> None:
        injection = self.supervisor.faults.note(
            "crash",
            "host0",
            "dom0",
            number,
            label=str(number),
            affected=[Waiter(self.cluster.guests[0].guest_id)],
            lives={"dom0": 1},
            options={"a": (1, b"2")},
        )
        assert injection.number == number


@pytest.fixture
def kept(load: Load, tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(load(("disks: [{vdev", "store: {}\n        disks: [{vdev")), tmp_path)
    yield kept
    for journals in kept.journals.values():
        for each in journals:
            each.close()


def test_it_is_written_when_something_has_changed(kept: Kept) -> None:
    kept.state.keep()
    first = kept.file.stat().st_ino
    kept.state.keep()
    same = kept.file.stat().st_ino
    kept.injure(1)
    kept.state.keep()

    assert same == first
    assert [each["kind"] for each in json.loads(kept.file.read_text())["injections"]] == ["crash"]
    assert [each.name for each in kept.directory.path.iterdir() if each.name.startswith(".")] == []


def test_a_record_that_changes_in_any_way_is_written_anew(kept: Kept) -> None:
    guest = kept.supervisor.lab.guests[GuestId(2)]
    kept.injure(1)
    kept.state.keep()
    (injection,) = kept.supervisor.injections
    changes: list[Callable[[], object]] = [
        lambda: guest.lives.domids.append(3),
        lambda: guest.power_losses.append([7]),
        lambda: guest.lives.begin(4),
        injection.waiting_for.clear,
        lambda: injection.settled_at_ns.update({Waiter(GuestId(2), 1): 1}),
        lambda: setattr(injection, "kind", "kill -9"),
        lambda: kept.supervisor.lab.outcome.failures.append("a bug"),
        lambda: setattr(kept.supervisor.phases, "name", "settle"),
    ]
    for change in changes:
        before = kept.file.read_text()
        change()
        kept.state.keep()
        assert kept.file.read_text() != before
        found = read_state(kept.directory, kept.cluster, "live")
        assert found.injections == kept.supervisor.injections
        assert [each.power_losses for each in found.guests] == [
            each.power_losses for each in kept.supervisor.lab.guests.values()
        ]


def test_a_record_that_has_not_changed_is_not_made_into_text_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 51):
        kept.injure(number)
    kept.state.keep()
    made: list[object] = []
    monkeypatch.setattr(run_state, "plain", lambda value: made.append(value) or plain(value))

    kept.supervisor.injections[7].waiting_for.clear()
    kept.state.keep()

    assert [each for each in made if isinstance(each, Injection | GuestRecord | FaultTarget)] == [
        kept.supervisor.injections[7]
    ]


def test_it_is_read_with_journals_and_logs(kept: Kept) -> None:
    journal = kept.journals[GuestId(2)][0]
    journal.begin_boot()
    kept.state.keep()

    found = read_state(kept.directory, kept.cluster, "live")

    assert [[each.guest for each in guest.journals] for guest in found.guests] == [
        ["host0/web-0"],
        ["host0/web-1"],
    ]
    assert found.guests[1].journals[0].word(Word.BOOTS) == 1
    assert all(each.store_log is not None and each.store_log.nodes == 4 for each in found.guests)


def test_what_only_the_end_can_show_is_unknown_of_a_run_that_was_cut_short(kept: Kept) -> None:
    kept.state.keep()

    facts = read_state(kept.directory, kept.cluster, "live")
    report = report_of(facts)
    verdicts = {each.name: each.verdict.value for each in report.checks}

    assert facts.cut_short == "boot"
    assert report.to_dict()["cut_short"] == "boot"
    for name in ("course", "leaks", "processes", "liveness", "store writes"):
        assert verdicts[name] == "unknown", name
    assert report.exit_code == 2
    assert report.checks[0].detail == "the run was cut short: everything ended in its phase 'boot'"


def test_what_a_hypervisor_held_at_the_end_comes_back_as_its_record(kept: Kept) -> None:
    domain = blank(DomainStatistics, domid=3, hypercalls={"a.b": 1})
    held = blank(HypervisorStatistics, domains=[domain], grants_mapped=2)
    kept.supervisor.lab.outcome.leaks["host0"] = held
    kept.state.keep()

    facts = read_state(kept.directory, kept.cluster, "live")

    assert facts.hosts["host0"].statistics == held


def test_a_write_that_a_disk_had_not_written_back_is_not_lost_when_all_was_killed(kept: Kept) -> None:
    journal = kept.journals[GuestId(1)][0]
    journal.begin_boot()
    journal.record_ack(journal.record_write(0, 8, 99, 1), 2)
    kept.state.keep()

    (ledger,) = [
        each.ledger
        for each in report_of(read_state(kept.directory, kept.cluster, "live")).guests
        if each.issued
    ]

    assert ledger is not None
    assert (ledger.acknowledged, ledger.vanished, ledger.lost) == (1, 1, 0)


def test_what_a_guest_that_was_killed_had_counted_by_half_is_unknown(kept: Kept) -> None:
    journal = kept.journals[GuestId(1)][0]
    journal.begin_boot()
    journal.record_read(1)
    journal._words[Word.IN_FLIGHT] = 0
    kept.state.keep()

    report = report_of(read_state(kept.directory, kept.cluster, "live"))
    (check,) = [each for each in report.checks if each.name == "conservation"]

    assert check.verdict.value == "unknown"


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda kept: kept.file.unlink(), "state.json is missing: nothing was started"),
        (lambda kept: kept.file.write_text("{"), "it was changed after it had been written"),
        (lambda kept: kept.file.write_text(sealed('{"schema": 1}')), "not written by this version"),
        (lambda kept: kept.file.write_text(kept.file.read_text()[:-9]), "or is cut off"),
        (lambda kept: kept.file.write_text(kept.file.read_text().replace("[[7]]", "[]")), "it was changed"),
        (
            lambda kept: kept.directory.journal_path("host0", "web-0-xvda").unlink(),
            "web-0-xvda.journal is missing",
        ),
        (lambda kept: kept.directory.journal_path("host0", "web-0-xvda").write_bytes(b"x"), "too short"),
        (lambda kept: kept.directory.store_log_path("host0", "web-1").write_bytes(b"x"), "too short"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_directory_that_lacks_something_is_refused(
    kept: Kept, break_it: Callable[[Kept], object], said: str
) -> None:
    kept.supervisor.lab.guests[GuestId(1)].power_losses.append([7])
    kept.state.keep()
    break_it(kept)

    with pytest.raises(KeptError, match=said):
        read_state(kept.directory, kept.cluster, "live")
