"""What both ends of a device tell of themselves, whatever its class.

Rules: a class has a record of its own for each end, which has these fields, too.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrontendStatistics:
    """A frontend since it was made: the name of its state, and what `XenbusFrontend` counts."""

    state: str
    reconnects: int
    published_again: int


@dataclass(frozen=True, slots=True)
class BackendStatistics:
    """A backend: of `device`, of domain `domid`; the name of its state, and what `Recoveries` counts."""

    domid: int
    device: int
    state: str
    resumes: int
    renegotiations: int
    resumes_refused: int
