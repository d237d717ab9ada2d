"""Asks both stores the same and says where they differ first, in as few steps as that takes."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.abi.xs_wire import XsType
from tests.xenstore.differential.excused import UNORDERED, compared
from tests.xenstore.differential.ours import OurStore
from tests.xenstore.differential.real import Died, RealStore
from tests.xenstore.differential.steps import CLIENTS, NEVER_BEGUN, Heard, Step

ALL_EVERY = 16
"""After so many steps each client is asked for events, not only those that ours had something for."""

SHRINKS = 400
"""How many shorter streams are tried."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The steps that were asked up to the first difference, and what was said in the last one."""

    steps: Sequence[Step]
    ours: str
    real: str

    def __str__(self) -> str:
        lines = [f"after {len(self.steps)} steps our store and the real one differ:"]
        lines += [f"  {each}" for each in self.steps]
        lines += ["the real one:", *_indented(self.real), "ours:", *_indented(self.ours)]
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")]


class Comparison:
    """Runs streams through both; `shim` is the library that stands for Xen."""

    def __init__(self, shim: Path) -> None:
        self._shim = shim

    def first_difference(self, steps: Sequence[Step], all_every: int = ALL_EVERY) -> Difference | None:
        """Where both differ first, if they do; each begins with an empty store."""
        # A short name, since the path of a Unix socket ends at 107 bytes.
        with tempfile.TemporaryDirectory(prefix="xs-", dir="/tmp") as folder:
            real = RealStore(Path(folder), self._shim)
            try:
                return _run(OurStore(), real, steps, all_every)
            finally:
                real.close()

    def shrunk(self, found: Difference) -> Difference:
        """A difference in the same step after as few others as leaving out some can reach."""
        found = self.first_difference(found.steps, all_every=1) or found
        left, size = SHRINKS, max(1, len(found.steps) // 2)
        while left and size:
            start, before = 0, len(found.steps)
            while left and start < len(found.steps):
                left -= 1
                fewer = [*found.steps[:start], *found.steps[start + size :]]
                again = self.first_difference(fewer, all_every=1)
                if again is None or again.steps[-1] != found.steps[-1]:
                    start += size
                else:
                    found = again
            size = size // 2 if size > 1 or len(found.steps) == before else 1
        return found


def _run(ours: OurStore, real: RealStore, steps: Sequence[Step], all_every: int) -> Difference | None:
    begun: dict[int, tuple[int, int]] = {0: (0, 0), NEVER_BEGUN: (NEVER_BEGUN, NEVER_BEGUN)}
    for count, step in enumerate(steps, 1):
        our_id, real_id = begun.get(step.transaction, (NEVER_BEGUN, NEVER_BEGUN))
        try:
            said = ours.take(step.client, step.kind, our_id, step.payload)
        except AssertionError as error:
            return Difference(steps[:count], f"an invariant of ours is broken: {error}", "(not asked)")
        listeners = [
            each for each in CLIENTS if each in said.after or each == step.client or count % all_every == 0
        ]
        try:
            really = real.take(step.client, step.kind, real_id, step.payload, listeners)
        except Died as error:
            return Difference(steps[:count], str(said), str(error))
        if _differ(step, said, really):
            return Difference(steps[:count], str(said), str(really))
        if step.kind == XsType.TRANSACTION_START and said.answer and really.answer:
            begun[step.number] = _id_of(said.answer), _id_of(really.answer)
    return None


def _differ(step: Step, ours: Heard, real: Heard) -> bool:
    if compared(ours.answer) != compared(real.answer):
        return True
    if step.kind in UNORDERED[0]:
        ours, real = _unordered(step.client, ours), _unordered(step.client, real)
    return ours.before != real.before or ours.after != real.after


def _unordered(asker: int, heard: Heard) -> Heard:
    events = heard.before + heard.after.get(asker, [])
    others = {client: told for client, told in heard.after.items() if client != asker}
    return Heard(heard.answer, events, others)


def _id_of(answer: tuple[int, bytes]) -> int:
    kind, payload = answer
    return int(payload[:-1]) if kind == XsType.TRANSACTION_START else NEVER_BEGUN
