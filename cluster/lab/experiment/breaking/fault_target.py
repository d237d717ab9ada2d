"""One target that was chosen for one time of a fault, be it that something was done to it or not."""

from dataclasses import dataclass
from typing import Final

from cluster.lab.experiment.breaking.injection import Injection

SPARED: Final = "spared by its probability"


@dataclass(slots=True)
class FaultTarget:
    """One target that was chosen, and what became of it. `skipped` says why nothing was done to it."""

    fault: int
    occurrence: int
    kind: str
    target: str
    cause: str
    selected_at_ns: int
    injection: Injection | None = None
    skipped: str = ""
    label: str = ""

    @property
    def was_missed(self) -> bool:
        """Whether the configuration asked for it and it could not be done; whoever asks by hand is told."""
        return bool(self.fault and self.skipped) and self.skipped != SPARED
