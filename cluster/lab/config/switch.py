"""The switch that joins the network controllers of hosts: how a file describes it, and what it is told."""

from collections.abc import Sequence
from typing import Final

from actors.devices.switch_settings import DEFAULT_QUEUE_BYTES
from cluster.lab.config.strict import Strict
from cluster.lab.config.values import BitRate, Duration, Size

SWITCH: Final = "switch"
"""Its address, and its name wherever it is meant: it belongs to no host."""
WIRE: Final = "wire"
"""What a controller's link to it is called; the other end has the controller's address."""


class SwitchSchema(Strict):
    """Each port of it: how fast it sends (0bit: at once), how long frames travel, what may wait there."""

    latency: Duration = 0
    jitter: Duration = 0
    rate: BitRate = 0
    queue: Size = DEFAULT_QUEUE_BYTES

    def argument(self, ports: Sequence[str], seed: int) -> dict[str, object]:
        """What the switch is told; `ports` are the addresses of the controllers."""
        own = {
            "bits_per_second": self.rate,
            "latency_ns": self.latency,
            "jitter_ns": self.jitter,
            "queue_bytes": self.queue,
        }
        return {"ports": [{"name": each, **own} for each in ports], "seed": f"{seed}:{SWITCH}"}
