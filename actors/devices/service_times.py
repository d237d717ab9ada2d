"""How long a disk takes for a command: a fixed part, and one that is drawn where time is simulated.

Rules: an opcode that is not known takes no time. What is drawn follows from the seed in the settings.
"""

from collections.abc import Callable
from random import Random

from actors.abi.disk_controller import Opcode
from actors.devices.disk_settings import DiskSettings


class ServiceTimes:
    """The service times of one disk, by opcode."""

    def __init__(self, settings: DiskSettings) -> None:
        random = Random(f"{settings.seed}:service")
        fixed = (settings.read_ns, settings.write_ns, settings.flush_ns)
        opcodes = (Opcode.read, Opcode.write, Opcode.flush)
        self._fixed: dict[int, int] = dict(zip(opcodes, fixed, strict=True))
        self._drawn: dict[int, Callable[[], int]] = {
            opcode: settings.service[opcode.name].drawn_from(random)
            for opcode in opcodes
            if opcode.name in settings.service
        }

    def of(self, opcode: int, factor: float) -> int:
        """Nanoseconds for the next command with this opcode, `factor` times as long as usual."""
        fixed, draw = self._fixed.get(opcode, 0), self._drawn.get(opcode)
        time_ns = fixed + draw() if draw is not None else fixed
        return time_ns if factor == 1 else int(time_ns * factor)
