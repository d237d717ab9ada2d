"""A request to a device as it is drawn, whatever its class."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cluster.lab.trace.recording import Point


@dataclass(slots=True, eq=False, kw_only=True)
class TracedRequest:
    """A request of a guest: `hops` are the points it met, in order; `done_ns` is 0 if it was never answered.

    `phases`: what begins at a point, and how deep inside of the request; whatever is as deep or deeper ends
    there. `arrows`: the points between which they are drawn. `status` is 0 if the answer was success.
    `category`: what it is one of; `is_awaited`: its guest waits for it, so that it counts for outages.
    """

    category: ClassVar[str] = "request"
    is_awaited: ClassVar[bool] = True

    phases: ClassVar[Mapping[int, tuple[int, str]]] = {}
    arrows: ClassVar[tuple[int, ...]] = ()

    guest: str
    submitted_ns: int
    hops: list[Point] = field(default_factory=list)
    done_ns: int = 0
    status: int = 0

    @property
    def name(self) -> str:
        """What it asks for."""
        raise NotImplementedError

    @property
    def told(self) -> dict[str, object]:
        """What else is shown of it."""
        raise NotImplementedError
