"""The supervisor: phases of a run, faults, processes that end by themselves, and what it asks for."""

from collections.abc import Callable
from signal import SIGKILL

import pytest

from actors.domu.guest import GuestStatistics
from actors.messages import (
    CannotGoOn,
    ConsoleInput,
    DomainEvent,
    MachineHalt,
    StartDomain,
    StateWritten,
    StopDomain,
)
from actors.notebook.journal_header import GuestState
from actors.reading_messages import Statistics
from actors.runtime.machine import DeadlinePassed, Exit, Freeze, Kill, ProcessEnded, Received, Send, Spawn
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.phases import BOOT_LIMIT_NS, QUIET_LIMIT_NS
from cluster.lab.experiment.statistics_maps import map_of
from tests.cluster.blank_records import blank
from tests.cluster.lab.experiment.conducted import HYPERVISOR, Experiment, S

CRASHED, HUNG = 3, 4


def test_guests_work_when_all_of_them_are_up(experiment: Experiment) -> None:
    assert experiment.supervisor.phase == "boot"
    experiment.boot()
    assert [what for what, _ in experiment.seen] == ["boot", "workload"]


def test_a_state_of_a_device_that_no_fault_waits_for_is_no_reason_to_look_at_all_guests(
    experiment: Experiment,
) -> None:
    experiment.boot()
    experiment.now_ns += experiment.cluster.duration_ns
    assert experiment.say(StateWritten("backend", 1, 51712, 4, "vbd")) == []
    assert experiment.supervisor.phase == "workload"
    experiment.tick()
    assert experiment.supervisor.phase != "workload"


def test_a_store_that_cannot_go_on_is_a_failure_even_when_the_guests_have_stopped(
    experiment: Experiment,
) -> None:
    experiment.boot()
    experiment.supervisor.go_down()
    while experiment.supervisor.phase in {"workload", "settle"}:
        experiment.tick(S // 100)
    experiment.say(CannotGoOn("xenstored cannot be started"))

    assert experiment.supervisor.lab.outcome.failures == [f"{HYPERVISOR}: xenstored cannot be started"]


def test_what_does_not_boot_is_unknown_and_named(experiment: Experiment) -> None:
    experiment.start(0)
    experiment.tick(BOOT_LIMIT_NS + 1)

    assert experiment.supervisor.lab.outcome.unknown == ["not up within 60 s: host0/web-0, host0/web-1"]


def test_a_boot_has_its_whole_time_again_whenever_a_guest_gets_on(experiment: Experiment) -> None:
    experiment.start(0)
    for domid in (1, 2):
        experiment.tick(BOOT_LIMIT_NS - S)
        experiment.start(domid)
    first = next(iter(experiment.journals.values()))[0]
    experiment.tick(BOOT_LIMIT_NS - S)
    first.begin_boot()
    first.set_state(GuestState.running)
    experiment.tick()
    experiment.tick(BOOT_LIMIT_NS - S)
    assert experiment.supervisor.phase == "boot"
    experiment.tick(S + 1)

    assert experiment.supervisor.lab.outcome.unknown == ["not up within 237 s: host0/web-1"]


def test_a_shutdown_has_its_whole_time_again_when_the_guest_that_all_wait_for_has_ended(
    experiment: Experiment,
) -> None:
    experiment.boot()
    for (journal,) in experiment.journals.values():
        journal.set_wanted(wanted=False)
    experiment.supervisor.go_down()
    while experiment.supervisor.phase != "shutdown":
        experiment.tick(S // 100)
    experiment.tick(QUIET_LIMIT_NS - S)
    experiment.say(DomainEvent(1, 1, "dying", 0))
    experiment.give(ProcessEnded("host0/dom1", 0))
    experiment.tick(QUIET_LIMIT_NS - S)
    assert experiment.supervisor.phase == "shutdown"
    experiment.tick(S + 1)

    assert experiment.supervisor.lab.outcome.unknown == ["did not shut down within 19 s: host0/web-1"]


def test_a_boot_does_not_go_on_for_a_guest_that_starts_again_and_again(experiment: Experiment) -> None:
    for domid in range(3):
        experiment.start(domid)
    for incarnation in range(1, 4):
        experiment.tick(BOOT_LIMIT_NS // 3)
        experiment.say(DomainEvent(1, incarnation, "dying", 0))
        experiment.give(ProcessEnded("host0/dom1", SIGKILL))
        experiment.start(1, incarnation + 1)
    experiment.tick(1)

    assert experiment.supervisor.phase != "boot"


def test_an_outage_that_a_new_life_ends_was_seen_to_its_end_however_rare_the_looks_are(
    experiment: Experiment,
) -> None:
    experiment.boot()
    (journal,) = next(iter(experiment.journals.values()))
    journal.record_read(experiment.now_ns)
    experiment.tick(1_000_000)
    experiment.now_ns += 1_000_000
    experiment.say(DomainEvent(1, 1, "dying", 0))

    assert next(iter(experiment.supervisor.lab.guests.values())).longest_outage_ns == 2_000_000


def test_a_machine_that_halts_before_its_guests_are_up_ends_the_run_at_once(
    experiment: Experiment,
) -> None:
    experiment.start(0)
    experiment.say(MachineHalt("dom0 powered off"))

    why = "host0 halted before its guests were up: dom0 powered off; logs/host0-dom0.log says why"
    assert experiment.supervisor.lab.outcome.unknown == [why]
    assert ("halted", "host0/dom0") in experiment.seen
    experiment.give(ProcessEnded("host0/dom0", SIGKILL))
    while not experiment.supervisor.phases.finished and experiment.now_ns < S:
        experiment.tick(S // 100)
    assert experiment.supervisor.phase == "off"
    assert experiment.supervisor.lab.outcome.unknown == [why]


def test_a_fault_is_done_in_its_time(with_fault: Experiment) -> None:
    with_fault.boot()
    assert with_fault.tick(2 * S - 1) == [] or with_fault.faults == []

    assert Kill("host0/dom0") in with_fault.tick(1)
    assert with_fault.faults == [("crash", "dom0")]


def test_a_fault_is_kept_before_it_is_done_and_once(with_fault: Experiment) -> None:
    with_fault.boot()
    assert with_fault.kept == []

    effects = with_fault.supervisor.handle(DeadlinePassed(), with_fault.now_ns + 2 * S)

    assert with_fault.kept == [[("crash", "dom0")]]
    assert Kill("host0/dom0") in effects
    with_fault.tick(3 * S)
    assert len(with_fault.kept) == 1


def test_a_loss_of_power_is_kept_before_the_power_comes_back(load: Callable[..., ResolvedCluster]) -> None:
    fault = "{kind: crash, target: host0/dom0, at: 2s}"
    loss = "{kind: host-power-loss, target: host0, at: 2s, duration: 1s}"
    experiment = Experiment(load((fault, loss))).boot()
    noted: list[list[list[int]]] = []
    experiment.supervisor.lab.fault_run._keep = lambda: noted.append(
        experiment.supervisor.lab.guests[GuestId(1)].power_losses
    )
    running = [each.address for each in experiment.tick(2 * S) if isinstance(each, Kill)]
    assert noted == [[]]

    experiment.now_ns += S
    noted.clear()
    started = [experiment.give(ProcessEnded(address, SIGKILL)) for address in running]

    assert noted == [[[1]]]
    assert any(isinstance(each, Spawn) for each in started[-1])


def test_a_fault_that_was_injected_is_not_reported_a_second_time(with_fault: Experiment) -> None:
    with_fault.boot().tick(2 * S)
    with_fault.say(DomainEvent(0, 1, "shutdown", CRASHED))
    with_fault.say(DomainEvent(0, 1, "dying", 0))
    with_fault.say(StopDomain(0, 1))
    with_fault.give(ProcessEnded("host0/dom0", SIGKILL))

    assert with_fault.faults == [("crash", "dom0")]
    assert with_fault.supervisor.injections[0].detected_at_ns == with_fault.now_ns
    assert with_fault.supervisor.lab.outcome.failures == []


def told_first_by_the_process_table(experiment: Experiment, status: int) -> None:
    experiment.give(ProcessEnded("host0/dom0", status))
    experiment.say(DomainEvent(0, 1, "shutdown", CRASHED))
    experiment.say(StopDomain(0, 1))


def told_first_by_the_hypervisor(experiment: Experiment, status: int) -> None:
    experiment.say(DomainEvent(0, 1, "shutdown", CRASHED))
    experiment.say(StopDomain(0, 1))
    experiment.give(ProcessEnded("host0/dom0", status))


ORDERS = pytest.mark.parametrize("told", [told_first_by_the_process_table, told_first_by_the_hypervisor])


@ORDERS
def test_a_kill_from_outside_is_a_fault_whoever_tells_first(experiment: Experiment, told: Callable) -> None:
    told(experiment.boot(), SIGKILL)

    assert experiment.faults == [("kill -9", "dom0")]
    assert experiment.supervisor.injections[0].detected_at_ns == experiment.now_ns
    assert experiment.supervisor.lab.outcome.failures == []


@ORDERS
def test_an_exit_code_of_a_domain_is_a_failure_of_ours(experiment: Experiment, told: Callable) -> None:
    told(experiment.boot(), 1 << 8)

    assert experiment.faults == [("status 256", "dom0")]
    (failure,) = experiment.supervisor.lab.outcome.failures
    assert failure.startswith("host0/dom0 failed (status 256)")


def test_a_stop_from_outside_is_a_hang(experiment: Experiment) -> None:
    experiment.boot().say(DomainEvent(0, 1, "shutdown", HUNG))
    experiment.say(StopDomain(0, 1))
    experiment.give(ProcessEnded("host0/dom0", SIGKILL))

    assert experiment.faults == [("hang", "dom0")]


def test_a_second_kill_is_a_second_fault(experiment: Experiment) -> None:
    told_first_by_the_hypervisor(experiment.boot(), SIGKILL)
    experiment.tick(S)
    experiment.start(0, incarnation=2)
    experiment.give(ProcessEnded("host0/dom0", SIGKILL))

    assert experiment.faults == [("kill -9", "dom0"), ("kill -9", "dom0")]


def test_the_end_of_a_device_is_a_failure(experiment: Experiment) -> None:
    experiment.boot().give(ProcessEnded("host0/sda", SIGKILL))

    assert experiment.faults == []
    assert experiment.supervisor.lab.outcome.failures == ["host0/sda ended by itself (status 9)"]


@pytest.mark.parametrize("on_crash", ["destroy", "restart"])
def test_a_guest_that_is_destroyed_is_not_recovered_by_another_of_its_name(
    load: Callable[..., ResolvedCluster], on_crash: str
) -> None:
    """The next dom0 creates it anew."""
    experiment = Experiment(load(("count: 2", f"count: 2\n        on_crash: {on_crash}"))).boot()
    experiment.give(ProcessEnded("host0/dom1", SIGKILL))
    experiment.say(DomainEvent(1, 1, "shutdown", CRASHED))
    (fault,) = experiment.supervisor.injections
    assert (fault.is_open, fault.destroyed) == (True, False)

    experiment.say(DomainEvent(1, 1, "dying", 0))
    assert fault.destroyed == (not fault.is_open) == (on_crash == "destroy")

    experiment.tick(S // 10)
    experiment.say(StartDomain(3, 1, experiment.cluster.hosts[0].guests[0].handle, []))
    experiment.now_ns += S // 10
    experiment.answer()
    experiment.tick()
    assert (fault.recovered_at_ns is None) == (on_crash == "destroy")


def test_a_recovery_is_seen_in_the_journals(with_fault: Experiment) -> None:
    with_fault.boot().tick(2 * S)
    with_fault.give(ProcessEnded("host0/dom0", SIGKILL))
    with_fault.answer()
    with_fault.tick(S)
    assert with_fault.supervisor.faults.recovering, "an answer from before the new dom0 is none"

    with_fault.start(0, incarnation=2)
    with_fault.now_ns += S
    with_fault.answer()
    with_fault.tick()

    assert not with_fault.supervisor.faults.recovering
    assert with_fault.supervisor.injections[0].recovered_at_ns == with_fault.now_ns
    assert [what for what, _ in with_fault.seen if what in {"fault", "recovered"}] == ["fault", "recovered"]


def test_a_hang_freezes_and_a_target_that_does_not_run_is_refused(experiment: Experiment) -> None:
    experiment.boot()

    (hung,) = experiment.supervisor.inject(ResolvedFault("hang", ("host0/web-1",), None))
    assert hung.injection is not None
    assert Freeze("host0/dom2") in experiment.tick()
    (missed,) = experiment.supervisor.inject(ResolvedFault("crash", ("host0/nobody",), None))
    assert (missed.injection, missed.skipped) == (None, "it does not run")
    assert not missed.was_missed, "whoever did it by hand has been told"
    assert (hung.label, missed.label) == ("x1", "x2")


def test_guests_are_told_to_stop_when_the_time_is_up(experiment: Experiment) -> None:
    experiment.boot().tick(6 * S)
    effects = experiment.tick()

    told = [each for each in effects if isinstance(each, Send) and each.message == ConsoleInput("stop")]
    assert [each.link for each in told] == ["host0/dom1", "host0/dom2"]
    assert experiment.supervisor.phase == "stop"


def test_an_abort_cuts_the_power_and_leaves_the_verdict_open(experiment: Experiment) -> None:
    experiment.boot().supervisor.abort()
    killed = [each.address for each in experiment.tick() if isinstance(each, Kill)]
    assert len(killed) == 6

    effects = [effect for address in killed for effect in experiment.give(ProcessEnded(address, SIGKILL))]

    assert experiment.supervisor.phases.finished
    assert any(isinstance(each, Exit) for each in effects)
    assert experiment.supervisor.lab.outcome.unknown == ["interrupted"]
    assert experiment.faults == []


def test_statistics_count_only_from_whom_they_were_asked(experiment: Experiment) -> None:
    asked = {
        each.link: each.message.sequence
        for each in experiment.boot().tick(2 * S)
        if isinstance(each, Send) and hasattr(each.message, "sequence")
    }
    sequence = asked[HYPERVISOR]
    said = map_of(blank(GuestStatistics))
    experiment.give(Received("host0/dom1", Statistics(sequence, said)))
    assert ("host0", "web-0") not in experiment.supervisor.lab.readings.heard_ns

    experiment.give(Received("host0/dom1", Statistics(asked["host0/dom1"], said)))
    assert ("host0", "web-0") in experiment.supervisor.lab.readings.heard_ns
