"""What is seen of the guests that wait for a target, from the moment at which it runs again."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.records import FaultRecords
from cluster.lab.experiment.breaking.waiter import Waiter
from cluster.lab.experiment.domain_processes import DomainChange

CRASHED, STARTED, ANSWERED, LOOKED = 1_000, 2_000, 2_500, 5_000


@pytest.mark.parametrize("waits_since", [0, 900], ids=["nothing waits", "a request waits"])
def test_a_guest_that_is_served_before_anybody_looks_was_served_then(
    load: Callable[..., ResolvedCluster], waits_since: int
) -> None:
    cluster = load()
    (host,), planned = cluster.hosts, cluster.guests[0]
    guest = SimpleNamespace(
        guest_id=planned.guest_id,
        works=True,
        is_up=True,
        is_dead=False,
        returns=False,
        oldest_issue_ns=waits_since,
        last_success_ns=500,
    )
    records = FaultRecords([host], {planned.guest_id: guest}, lambda _what, _text: None)  # type: ignore[dict-item]
    crash: Injection = records.note(
        "crash",
        host.name,
        "dom0",
        CRASHED,
        label="1",
        affected=[Waiter(planned.guest_id)],
        lives={"dom0": 1},
        options={},
    )
    board = SimpleNamespace(state=SimpleNamespace(power="on"))

    records.target_started(DomainChange(host.name, "dom0", 0, 2, "started", 0, STARTED))
    guest.oldest_issue_ns, guest.last_success_ns = 0, ANSWERED
    assert records.watch({host.name: board}, LOOKED)  # type: ignore[dict-item]
    assert crash.recovered_at_ns == ANSWERED
