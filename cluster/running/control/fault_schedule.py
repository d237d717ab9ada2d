"""What `domzero status` is told of the faults: those that were done, then those that are still to come.

Rules: times are seconds from now; None for what is not known, or not so.
"""

from cluster.lab.experiment.supervisor import Supervisor

DONE_MAX = 20


def fault_schedule(supervisor: Supervisor, now_ns: int) -> list[dict[str, object]]:
    """The last `DONE_MAX` that were done, in their order, and what comes of the configuration's list."""
    causes = {
        each.injection.number: each.cause
        for each in supervisor.lab.fault_run.targets
        if each.injection is not None
    }
    done: list[dict[str, object]] = [
        {
            "id": each.label,
            "kind": each.kind,
            "target": each.address,
            "when": causes.get(each.number, "from outside"),
            "ago_s": (now_ns - each.injected_at_ns) / 1e9,
            "recovered": each.recovered_at_ns is not None,
            "due_s": None,
        }
        for each in supervisor.injections[-DONE_MAX:]
    ]
    coming: list[dict[str, object]] = [
        {
            "id": each.label,
            "kind": each.kind,
            "target": each.target,
            "when": each.why,
            "ago_s": None,
            "recovered": None,
            "due_s": None if due_ns is None else max(due_ns - now_ns, 0) / 1e9,
        }
        for each, due_ns in supervisor.lab.fault_run.coming
    ]
    return [*done, *(coming if supervisor.breakable else [])]
