from collections.abc import Callable

from actors.notebook.journal import MemoryJournal
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.waiter import Waiter
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.fault_schedule import DONE_MAX, fault_schedule

S = 1_000_000_000


def supervisor_of(cluster: ResolvedCluster) -> Supervisor:
    journals = {
        guest.guest_id: [MemoryJournal(guest="g", guest_id=1, virtual_device=51712, volume_sectors=2048)]
        for guest in cluster.guests
    }
    return Supervisor(cluster, journals)


def strike(supervisor: Supervisor, *, by_hand: bool = True) -> None:
    label = supervisor.faults.label_by_hand()
    injection = supervisor.faults.note(
        "disk-stall",
        "host0",
        "sda",
        0,
        label=label,
        affected=[Waiter(each.guest_id) for each in supervisor.lab.cluster.guests[:1]],
        lives={},
        options={},
    )
    if by_hand:
        supervisor.lab.fault_run.targets.append(
            FaultTarget(0, 1, "disk-stall", "host0/sda", "by hand", 0, injection=injection)
        )


def test_what_was_done_comes_first_then_what_is_to_come(load: Callable[..., ResolvedCluster]) -> None:
    supervisor = supervisor_of(load())
    supervisor.lab.fault_run.begin(0)
    before = fault_schedule(supervisor, S)
    strike(supervisor)
    strike(supervisor, by_hand=False)
    by_hand, outside, *after = fault_schedule(supervisor, S)

    assert [each["ago_s"] for each in before] == [None] * len(before)
    assert [each["when"] for each in before] == [each.cause for each in supervisor.lab.cluster.faults]
    assert (by_hand["kind"], by_hand["target"], by_hand["when"]) == ("disk-stall", "host0/sda", "by hand")
    assert (by_hand["ago_s"], by_hand["due_s"], by_hand["recovered"]) == (1.0, None, False)
    assert outside["when"] == "from outside"
    assert after == before


def test_of_many_the_last_are_told(load: Callable[..., ResolvedCluster]) -> None:
    supervisor = supervisor_of(load().without_faults())
    for _ in range(DONE_MAX + 5):
        strike(supervisor)

    told = fault_schedule(supervisor, S)

    assert [each["id"] for each in told] == [each.label for each in supervisor.injections[-DONE_MAX:]]
