"""What guests wrote into the store and the store has lost."""

import pytest

from actors.notebook.store_log import StoreLog
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.verdict.check import Verdict
from tests.cluster.lab.verdict.judged_run import Load, Run, verdict_of


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
