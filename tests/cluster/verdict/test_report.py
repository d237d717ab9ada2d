import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from rich.console import Console

from actors.domu.journal import Journal, MemoryJournal
from actors.domu.journal_header import Word
from actors.domu.stamp import stamp_block
from actors.domu.store_log import StoreLog
from actors.hypervisor.statistics import HypervisorStatistics
from cluster.config.resolved import ResolvedCluster
from cluster.config.volume import Volume
from cluster.experiment.fault_course import SPARED, FaultTarget
from cluster.experiment.guest_record import GuestRecord
from cluster.experiment.host_clock import ClockGap
from cluster.experiment.injection import Injection
from cluster.experiment.lives import Death, Lives
from cluster.experiment.unfired_fault import UnfiredFault
from cluster.verdict.ledger import ReadSectors
from cluster.verdict.report import Report, report_of
from cluster.verdict.run_facts import HostFacts, RunFacts
from cluster.verdict.verdict import Verdict
from tests.cluster.blank_records import blank

Load = Callable[..., ResolvedCluster]
SECTORS = 2048
CLEAN = blank(HypervisorStatistics)


def die(guest: GuestRecord) -> None:
    guest.lives.die(Death.crash)
    guest.start(guest.domid)


@dataclass
class Run:
    """A run of two guests that went well; a test changes what it wants before it asks for the report."""

    cluster: ResolvedCluster
    hosts: dict[str, HostFacts] = field(default_factory=lambda: {"host0": HostFacts(1, 2, "", CLEAN)})
    guests: list[GuestRecord] = field(default_factory=list)
    images: dict[str, bytearray] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False
    driver: str = "simulated"
    clock_gaps: list[ClockGap] = field(default_factory=list)
    injections: list[Injection] = field(
        default_factory=lambda: [
            Injection(1, "crash", "host0", "dom0", 2000, False, 2500, 3000, 4000, label="1")
        ]
    )

    fault_targets: list[FaultTarget] = field(default_factory=list)
    unfired: list[UnfiredFault] = field(default_factory=list)

    def __post_init__(self) -> None:
        for guest in self.cluster.hosts[0].guests:
            name, guest_id = guest.name, guest.guest_id
            journal = MemoryJournal(
                guest=f"host0/{name}", guest_id=guest_id, virtual_device=51712, volume_sectors=SECTORS
            )
            self.images[name] = bytearray(SECTORS * 512)
            self.guests.append(GuestRecord.of(guest, [journal], None))
            self.guests[-1].start(guest_id)
            journal.begin_boot()
            for index in range(4):
                self.write(name, index * 8, index * 1000, index * 1000 + 100)

    def journal(self, name: str) -> Journal:
        return next(each.journals[0] for each in self.guests if each.name == name)

    def guest(self, name: str) -> GuestRecord:
        return next(each for each in self.guests if each.name == name)

    def write(self, name: str, sector: int, issued_ns: int, answered_ns: int) -> None:
        journal = self.journal(name)
        nonce = journal.word(Word.GUEST_ID) << 32 | journal.next_sequence
        sequence = journal.record_write(sector, 8, nonce, issued_ns)
        data = stamp_block(journal.word(Word.GUEST_ID), 51712, sector, 8, sequence, nonce)
        self.images[name][sector * 512 : sector * 512 + 4096] = data
        journal.record_ack(sequence, answered_ns)

    def read_volume(self, volume: Volume) -> ReadSectors:
        image = self.images[volume.guest]
        return lambda sector, count: bytes(image[sector * 512 : (sector + count) * 512])

    def report(self) -> Report:
        facts = RunFacts(
            cluster=self.cluster,
            driver=self.driver,
            hosts=self.hosts,
            guests=self.guests,
            injections=self.injections,
            unknown=self.unknown,
            failures=self.failures,
            interrupted=self.interrupted,
            fault_targets=self.fault_targets,
            unfired=self.unfired,
            clock_gaps=self.clock_gaps,
        )
        return report_of(facts, self.read_volume)


@pytest.fixture
def run(load: Load) -> Run:
    return Run(load())


def predicting(load: Load, expect: str) -> Run:
    return Run(load(("faults:", f"expect: {expect}\nfaults:")))


def verdict_of(report: Report, name: str) -> Verdict:
    return next(each.verdict for each in report.checks if each.name == name)


def test_a_run_in_which_all_went_well_has_held(run: Run) -> None:
    report = run.report()

    assert report.verdict is Verdict.held
    assert report.exit_code == 0


def test_run_json_has_exactly_the_keys_of_the_contract(load: Load) -> None:
    data = json.loads(predicting(load, "{survivors: all, lost: 0}").report().to_json())

    assert list(data) == [
        *("schema", "verdict", "driver", "seed", "cut_short", "config", "hosts"),
        *("clock_gaps", "faults", "fault_targets", "guests", "checks", "expected"),
    ]
    assert (data["schema"], data["verdict"], data["driver"], data["seed"]) == (1, "held", "simulated", 1)
    assert list(data["config"]) == ["path", "sha256"]
    assert data["hosts"] == [
        {
            "name": "host0",
            "architecture": "restartable-dom0",
            "hwdom": "restart",
            "xenstore": "dom0",
            "xenstore_restart": "lose",
            "reconnect": "renegotiate",
            "frontends": ["reconnect"],
            "boots": 1,
            "dom0_boots": 2,
            "driver_domains": [],
        }
    ]
    assert data["faults"] == [
        {
            "id": "1",
            "kind": "crash",
            "target": "host0/dom0",
            "injected_at_ns": 2000,
            "detected_at_ns": 2500,
            "recovered_at_ns": 4000,
            "destroyed": False,
            "never_fired": None,
        }
    ]
    assert data["guests"][0] == {
        "address": "host0/dom1",
        "name": "web-0",
        "survived": True,
        "came_back": True,
        "boots": 1,
        "outage_ns": {"max": 100, "p99": 100, "p50": 100},
        "requests": {"issued": 4, "completed": 4, "errors": 0, "in_flight": 0},
        "writes": {
            "acknowledged": 4,
            "stable": 4,
            "lost": 0,
            "stale": 0,
            "torn": 0,
            "misdirected": 0,
            "unacknowledged": 0,
        },
    }
    assert all(list(each) == ["name", "verdict", "detail"] for each in data["checks"])
    assert data["expected"] == [
        {"text": "survivors all: 2 of 2", "verdict": "held"},
        {"text": "at most 0 lost: 0", "verdict": "held"},
        {"text": "no errors, as no fault of the run promises any: 0", "verdict": "held"},
    ]


def test_a_lost_write_fails_the_run(run: Run) -> None:
    run.images["web-1"][8 * 512 : 16 * 512] = bytes(4096)

    report = run.report()

    assert verdict_of(report, "ledger") is Verdict.failed
    assert "host0/web-1 vbd 51712 sector 8: write 2 is lost" in report.to_json()
    assert report.exit_code == 1


def test_an_image_that_cannot_be_read_makes_the_verdict_unknown(run: Run) -> None:
    del run.images["web-1"][512:]

    report = run.report()

    assert verdict_of(report, "ledger") is Verdict.unknown
    assert report.to_dict()["guests"][1]["writes"]["lost"] is None  # type: ignore[index]
    assert report.exit_code == 2


def test_a_failure_weighs_more_than_what_is_unknown(run: Run) -> None:
    del run.images["web-1"][512:]
    run.failures.append("host0/sda ended by itself (status 1)")

    report = run.report()

    assert verdict_of(report, "processes") is Verdict.failed
    assert report.exit_code == 1


def test_an_interrupted_run_is_unknown(run: Run) -> None:
    run.interrupted = True
    run.unknown.append("interrupted")

    report = run.report()

    assert report.verdict is Verdict.unknown
    assert report.guests[0].survived is None


def test_a_run_that_is_interrupted_before_its_guests_boot_is_unknown(load: Load) -> None:
    run = predicting(load, "{survivors: all}")
    run.interrupted = True
    run.unknown.append("interrupted")
    for guest in run.guests:
        guest.lives = Lives()

    report = run.report()

    assert [each.survived for each in report.guests] == [None, None]
    assert report.verdict is Verdict.unknown


def test_an_interrupted_run_may_have_lost_what_was_not_flushed(run: Run) -> None:
    run.images["web-1"][:] = bytes(SECTORS * 512)
    run.interrupted = True
    run.unknown.append("interrupted")

    report = run.report()

    assert verdict_of(report, "ledger") is Verdict.held
    assert report.verdict is Verdict.unknown


def test_a_guest_that_never_came_back_has_no_outage_but_a_failure(run: Run) -> None:
    run.journal("web-1").set_wanted(wanted=True)
    run.journal("web-1").record_read(5000)

    report = run.report()

    guest = report.to_dict()["guests"][1]  # type: ignore[index]
    assert guest["survived"] is False
    assert guest["outage_ns"] == {"max": None, "p99": None, "p50": None}
    assert guest["requests"]["in_flight"] == 1
    assert verdict_of(report, "liveness") is Verdict.failed


def test_that_guests_hang_can_be_predicted(load: Load) -> None:
    run = predicting(load, "{survivors: none}")
    for guest in run.guests:
        run.journal(guest.name).set_wanted(wanted=True)
        run.journal(guest.name).record_read(5000)

    assert run.report().verdict is Verdict.held


def test_a_guest_that_died_and_booted_again_did_not_survive(run: Run) -> None:
    die(run.guest("web-0"))

    report = run.report()

    assert report.guests[0].survived is False
    assert report.guests[0].came_back is True
    assert report.verdict is Verdict.held


def test_a_guest_that_left_in_order_and_booted_again_survived(run: Run) -> None:
    guest = run.guest("web-0")
    guest.lives.end()
    guest.start(5)

    report = run.report()

    assert report.guests[0].survived is True
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "yes, 2 boots" in out.getvalue()


def test_requests_of_a_boot_that_ended_count_as_never_answered(run: Run) -> None:
    journal = run.journal("web-0")
    journal.record_read(5000)
    journal.begin_boot()

    report = run.report()

    assert (report.guests[0].issued, report.guests[0].completed, report.guests[0].in_flight) == (5, 4, 1)
    assert verdict_of(report, "conservation") is Verdict.held


def test_a_request_that_was_answered_twice_fails_the_run(run: Run) -> None:
    journal = run.journal("web-0")
    journal._words[Word.COMPLETED] += 1

    assert verdict_of(run.report(), "conservation") is Verdict.failed


def test_a_read_that_gave_something_else_fails_the_run(run: Run) -> None:
    run.journal("web-0").record_mismatch()

    assert verdict_of(run.report(), "read back") is Verdict.failed


@pytest.mark.parametrize("key", ["grants_mapped", "frames_lingering", "foreign_frames"])
def test_what_is_left_over_fails_the_run(run: Run, key: str) -> None:
    run.hosts["host0"] = HostFacts(1, 2, "", blank(HypervisorStatistics, **{key: 3}))

    report = run.report()

    assert verdict_of(report, "leaks") is Verdict.failed
    assert f"host0: {key} 3" in report.to_json()


def test_what_was_not_counted_is_unknown(run: Run) -> None:
    run.hosts["host0"] = HostFacts(1, 2, "", None)

    assert run.report().verdict is Verdict.unknown


def test_on_a_halted_host_nothing_is_left_to_count(run: Run) -> None:
    run.hosts["host0"] = HostFacts(1, 1, "dom0 crashed", None)

    assert verdict_of(run.report(), "leaks") is Verdict.held


EXPECTATIONS: list[tuple[str, str, Verdict]] = [
    ("{}", "no errors, as no fault of the run promises any: 1", Verdict.failed),
    ("{survivors: all}", "survivors all: 1 of 2", Verdict.failed),
    ("{survivors: 1}", "survivors 1: 1 of 2", Verdict.held),
    ("{survivors: none}", "survivors none: 1 of 2", Verdict.failed),
    ("{outage_max: 1us}", "outage at most 1 us: 100 ns", Verdict.held),
    ("{outage_max: 99ns}", "outage at most 99 ns: 100 ns", Verdict.failed),
    ("{lost: 0}", "at most 0 lost: 1", Verdict.failed),
    ("{lost: 1}", "at most 1 lost: 1", Verdict.held),
    ("{stale: 0}", "at most 0 stale: 0", Verdict.held),
    ("{errors: 0}", "at most 0 errors: 1", Verdict.failed),
    ("{errors: 1}", "at most 1 errors: 1", Verdict.held),
]


@pytest.mark.parametrize(("expect", "text", "verdict"), EXPECTATIONS, ids=[row[0] for row in EXPECTATIONS])
def test_predictions_are_judged(load: Load, expect: str, text: str, verdict: Verdict) -> None:
    run = predicting(load, expect)
    die(run.guest("web-0"))
    run.images["web-1"][8 * 512 : 16 * 512] = bytes(4096)
    run.journal("web-1").record_failure(run.journal("web-1").record_read(3100), 3150)
    run.journal("web-1").record_read_done(run.journal("web-1").record_read(3160), 8, 3200)

    found = run.report().expected

    assert (text, verdict) in [(each.text, each.verdict) for each in found]


@pytest.mark.parametrize(("kind", "judged"), [("crash", 1), ("disk-error", 0), ("frontend-disconnect", 0)])
def test_that_no_request_fails_is_predicted_unless_a_fault_promises_it(
    run: Run, kind: str, judged: int
) -> None:
    run.injections[0].kind = kind

    assert len(run.report().expected) == judged


def test_a_guest_whose_last_answer_was_an_error_never_came_back(run: Run) -> None:
    run.journal("web-1").record_failure(run.journal("web-1").record_read(3200), 3250)

    report = run.report()

    assert [each.survived for each in report.guests] == [True, False]
    assert report.guests[1].outage_max_ns is None
    assert verdict_of(report, "liveness") is Verdict.failed
    console = Console(file=io.StringIO(), width=80)
    report.print_summary(console)
    assert "never did I/O again: web-1" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_longest_outage_is_that_which_was_seen_from_outside(run: Run) -> None:
    run.journal("web-1").set_wanted(wanted=True)
    run.journal("web-1").set_due(5000)
    run.guest("web-1").look(9000)
    run.journal("web-1").set_wanted(wanted=False)

    assert [each.outage_max_ns for each in run.report().guests] == [100, 4000]


def test_a_prediction_about_an_interrupted_run_is_unknown(load: Load) -> None:
    run = predicting(load, "{survivors: all, outage_max: 1s}")
    run.interrupted = True

    assert [each.verdict for each in run.report().expected] == [Verdict.unknown] * 3


@pytest.mark.parametrize(
    ("restart", "kind", "target", "verdict"),
    [
        ("persist", "xenstored-kill", "xenstored", Verdict.failed),
        ("lose", "xenstored-kill", "xenstored", Verdict.held),
        ("lose", "xenstored-live-update", "xenstored", Verdict.held),
        ("lose", "crash", "dom0", Verdict.held),
        ("lose", "toolstack-kill", "dom0", Verdict.failed),
        ("lose", "crash", "web-0", Verdict.failed),
        ("live-update", "xenstored-kill", "xenstored", Verdict.held),
        ("live-update", "xenstored-live-update", "xenstored", Verdict.failed),
        ("live-update", "toolstack-kill", "dom0", Verdict.failed),
    ],
)
def test_a_lost_write_of_the_store_is_a_failure_unless_it_may_lose_all(
    load: Load, restart: str, kind: str, target: str, verdict: Verdict
) -> None:
    run = Run(load(("    memory: 1GiB", f"    memory: 1GiB\n    xenstore: {{restart: {restart}}}")))
    run.guests[0].store_log = log = StoreLog.in_memory(2)
    log.acknowledge(0, log.issue(0, 1), 2)
    log.read_back(0, [0])
    log.finish()
    run.injections = [Injection(1, kind, "host0", target, 2000)]

    assert verdict_of(run.report(), "store writes") is verdict


def test_half_a_transaction_is_a_failure_whatever_the_policy(run: Run) -> None:
    run.guests[0].store_log = log = StoreLog.in_memory(2)
    log.issue(1, 1)
    log.read_back(1, [0, 1])
    log.finish()

    assert verdict_of(run.report(), "store writes") is Verdict.failed


@pytest.mark.parametrize(("restart", "verdict"), [("persist", Verdict.failed), ("lose", Verdict.held)])
def test_a_client_that_is_never_answered_again_is_a_failure_where_nothing_may_be_lost(
    load: Load, restart: str, verdict: Verdict
) -> None:
    run = Run(load(("    memory: 1GiB", f"    memory: 1GiB\n    xenstore: {{restart: {restart}}}")))
    run.guests[0].store_log = log = StoreLog.in_memory(2)
    log.begin_boot()

    assert verdict_of(run.report(), "store writes") is verdict


def test_without_clients_of_the_store_there_is_nothing_to_check(run: Run) -> None:
    assert "store writes" not in [each.name for each in run.report().checks]


def test_a_digest_is_compared_with_the_image(run: Run) -> None:
    digest = hashlib.sha256(run.images["web-0"]).digest()
    run.journal("web-0").set_digest(digest)
    run.journal("web-1").set_digest(digest)

    report = run.report()

    assert verdict_of(report, "sha256 web-0 xvda") is Verdict.held
    assert verdict_of(report, "sha256 web-1 xvda") is Verdict.failed


def test_of_nothing_at_all_nothing_is_known() -> None:
    assert Verdict.all_of([]) is Verdict.unknown


def test_a_person_is_told_the_policy_the_fault_the_guests_and_the_verdict(load: Load) -> None:
    run = predicting(load, "{survivors: all, lost: 0}")
    out = io.StringIO()
    run.report().print_summary(Console(file=out, width=160, color_system=None))

    text = out.getvalue()
    for expected in (
        "host0 restartable-dom0 (hwdom restart, xenstore dom0, reconnect renegotiate, frontends reconnect): ",
        "crash",
        "host0/dom0",
        "500 ns",
        "web-1",
        "at most 0 lost: 0",
        "verdict: held (seed 1, simulated driver)",
    ):
        assert expected in text


NEVER = UnfiredFault("2", "crash", "host0/dom0", "when fault 1 is recovered: that was never so")


def test_a_fault_that_never_fired_is_in_the_report_and_leaves_the_verdict_unknown(run: Run) -> None:
    run.unfired = [NEVER]

    report = run.report()

    assert (report.verdict, report.exit_code) == (Verdict.unknown, 2)
    assert verdict_of(report, "faults") is Verdict.unknown
    assert report.to_dict()["faults"][1] == {  # type: ignore[index]
        "id": "2",
        "kind": "crash",
        "target": "host0/dom0",
        "injected_at_ns": None,
        "detected_at_ns": None,
        "recovered_at_ns": None,
        "destroyed": False,
        "never_fired": NEVER.why,
    }
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "2 crash  host0/dom0     never fired" in out.getvalue()
    assert f"2 never fired: {NEVER.why}" in out.getvalue()


def test_an_optional_fault_that_never_fired_is_told_and_changes_nothing(run: Run) -> None:
    run.unfired = [replace(NEVER, optional=True)]

    report = run.report()

    assert report.verdict is Verdict.held
    assert [each["id"] for each in report.to_dict()["faults"]] == ["1", "2"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("skipped", "verdict"), [("it does not run", Verdict.unknown), (SPARED, Verdict.held), ("", Verdict.held)]
)
def test_a_fault_that_could_not_be_done_never_fired_either(run: Run, skipped: str, verdict: Verdict) -> None:
    target = FaultTarget(1, 1, "crash", "host0/dom0", "at 2 s", 2000, skipped=skipped, label="1")
    run.fault_targets = [target]

    report = run.report()

    assert report.verdict is verdict
    told = [each["never_fired"] for each in report.to_dict()["faults"]]  # type: ignore[attr-defined]
    assert told == ([None, skipped] if skipped else [None])


@pytest.mark.parametrize(
    ("expect", "verdict"),
    [
        ("{survivors: none}", Verdict.unknown),
        ("{survivors: 1}", Verdict.unknown),
        ("{survivors: 2}", Verdict.unknown),
        ("{outage_max: 99ns}", Verdict.failed),
        ("{outage_max: 100ns}", Verdict.unknown),
        ("{lost: 0}", Verdict.unknown),
    ],
)
def test_a_prediction_that_came_true_without_a_fault_is_unknown(
    load: Load, expect: str, verdict: Verdict
) -> None:
    run = predicting(load, expect)
    run.unfired = [NEVER]

    assert run.report().expected[0].verdict is verdict


def test_more_deaths_than_predicted_are_a_failure_even_without_a_fault(load: Load) -> None:
    run = predicting(load, "{survivors: all}")
    run.unfired = [NEVER]
    die(run.guest("web-0"))

    assert run.report().expected[0].verdict is Verdict.failed


def gap(phase: str, guests: int = 0, faults: tuple[str, ...] = ()) -> ClockGap:
    return ClockGap(phase, 1000, 10_000_001_000, 0, guests, faults, met_by_others=True)


@pytest.mark.parametrize(
    ("gaps", "verdict", "detail"),
    [
        ([], Verdict.held, "this machine ran all the time"),
        ([gap("shutdown")], Verdict.held, "a gap of 10 s (shutdown), when nothing was measured"),
        (
            [gap("workload", 2, ("2.3",)), gap("off")],
            Verdict.unknown,
            "a gap of 10 s (workload), 10 s (off): nothing is known of "
            "outages of 2 guests, times of fault 2.3",
        ),
        (
            [gap("settle", 0, ("1",))],
            Verdict.unknown,
            "a gap of 10 s (settle): nothing is known of times of fault 1",
        ),
    ],
)
def test_what_was_measured_over_a_gap_of_the_clock_is_unknown(
    run: Run, gaps: list[ClockGap], verdict: Verdict, detail: str
) -> None:
    run.driver, run.clock_gaps = "live", gaps

    report = run.report()

    assert report.verdict is verdict
    assert [each.detail for each in report.checks if each.name == "host clock"] == [detail]


def test_a_gap_of_the_clock_is_in_run_json_and_in_the_summary(run: Run) -> None:
    run.driver, run.clock_gaps = "live", [gap("workload", 2, ("2.3",))]

    report = run.report()

    assert report.to_dict()["clock_gaps"] == [
        {
            "phase": "workload",
            "began_at_ns": 1000,
            "ended_at_ns": 10_000_001_000,
            "suspended_ns": 0,
            "lasted_ns": 10_000_000_000,
            "guests": 2,
            "faults": ["2.3"],
            "alone": False,
        }
    ]
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "clock gap 10 s (workload): this machine did not run" in out.getvalue()


def test_a_supervisor_that_alone_did_not_run_takes_nothing_from_the_guests(load: Load) -> None:
    run = predicting(load, "{outage_max: 1s}")
    run.driver, run.clock_gaps = "live", [replace(gap("workload", 2), met_by_others=False)]

    report = run.report()

    assert report.verdict is Verdict.held
    (detail,) = [each.detail for each in report.checks if each.name == "host clock"]
    assert detail == "a gap of 10 s (workload), of the supervisor alone, when nothing was measured"
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "clock gap 10 s (workload): the supervisor alone did not run" in out.getvalue()


def test_virtual_time_has_no_gaps_to_look_for(run: Run) -> None:
    assert "host clock" not in [each.name for each in run.report().checks]


@pytest.mark.parametrize("expect", ["{outage_max: 99ns}", "{outage_max: 1s}"])
def test_an_outage_over_a_gap_of_the_clock_is_not_judged(load: Load, expect: str) -> None:
    run = predicting(load, expect)
    run.driver, run.clock_gaps = "live", [gap("workload", 2)]

    assert run.report().expected[0].verdict is Verdict.unknown


def test_the_summary_names_a_guest_that_never_came_back(run: Run) -> None:
    run.journal("web-1").record_read(5000)
    out = io.StringIO()
    run.report().print_summary(Console(file=out, width=160, color_system=None))

    assert "never came back" in out.getvalue()
