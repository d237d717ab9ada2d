"""A fault of the configuration that has not come, or not as often as it says."""

from dataclasses import dataclass
from typing import Final

from cluster.lab.config.resolved import ResolvedFault

NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class UnfiredFault:
    """One fault, or what is left of a repeated one: `label` is `2`, `2.3` or `2.3-2.50`.

    `target`: what it was aimed at, for people; `why`: what it waited for, and what became of that.
    """

    label: str
    kind: str
    target: str
    why: str
    optional: bool = False

    @classmethod
    def of(cls, fault: ResolvedFault, first: int, why: str) -> "UnfiredFault":
        """All times of a fault from the `first` that has not come."""
        label = fault.label(first)
        if first < fault.count:
            label += f"-{fault.label(fault.count)}"
        more = len(fault.targets) - NAMED_MAX
        target = ", ".join(fault.targets[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
        return cls(label, fault.kind, target, why, fault.optional)

    @property
    def title(self) -> str:
        """`2 crash of host0/dom0`."""
        return f"{self.label} {self.kind} of {self.target}"
