"""What is wrong with the words of one fault for its kind, be they in a file or given by hand."""

from collections.abc import Iterator

from cluster.lab.config.schema import FaultWords
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import OPTIONS


def wrong_words(fault: FaultWords, kind: FaultKind) -> Iterator[tuple[str, str, str]]:
    """Each key that does not fit: the key, what was wrong, what would be right."""
    known = f"it has {', '.join(kind.option_names) or 'none of its own'}"
    given = {name: fault.option(name) for name in OPTIONS if fault.option(name) is not None}
    for name in given:
        if name not in kind.option_names:
            yield name, f"{kind.name} has no option {name!r}", known
    for name, value in given.items():
        if value == []:
            yield name, f"{name}: nothing is named", "name some, or leave it out"
    if fault.duration is not None and not kind.lasts:
        yield "duration", f"{kind.name} has no duration", "leave it out: it just happens"
    if fault.duration == 0:
        yield "duration", "a duration of nothing", "more than 0ns, or leave it out"
