"""Who follows the requests to the devices of each class through the tracepoints of a run.

Rules: each goes by the points of its own class, and passes over all others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from actors.block.vbd import VBD
from actors.vif.vif import VIF
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.packets import packets
from cluster.lab.trace.recording import Point
from cluster.lab.trace.requests import block_requests
from cluster.lab.trace.traced_request import TracedRequest

Follow = Callable[[Supervisor, Sequence[Point]], Sequence[TracedRequest]]
"""What the points of a run, in the order of time, tell of requests."""


FOLLOWERS: Final[Mapping[str, Follow]] = {VBD.name: block_requests, VIF.name: packets}
"""By the name of the class."""
