"""One port of a switch: frames that leave by it, one after the other, and when each arrives.

Rules: frames never overtake each other. What waits is bounded; what goes onto the wire at once does not wait.
"""

from collections import deque
from random import Random

from actors.devices.switch_settings import PortSettings
from actors.network.line_rate import wire_time_ns


class SwitchPort:
    """`open`: something is plugged in. `waiting_bytes` are not on the wire yet."""

    def __init__(self, settings: PortSettings) -> None:
        self.name = settings.name
        self.open = False
        self.frames = self.bytes = self.waiting_bytes = 0
        self._settings = settings
        self._random = Random(settings.seed)
        self._free_ns: int | None = None
        self._waiting: deque[tuple[int, int]] = deque()  # when it goes onto the wire, bytes
        self._travelling: deque[tuple[int, bytes]] = deque()  # when it arrives

    def offer(self, data: bytes, now_ns: int, slowness: float) -> bool:
        """Let a frame leave; False if too much waits already."""
        self._begin_until(now_ns)
        begins_ns = now_ns if self._free_ns is None else max(now_ns, self._free_ns)
        if begins_ns > now_ns:
            if self.waiting_bytes + len(data) > self._settings.queue_bytes:
                return False
            self._waiting.append((begins_ns, len(data)))
            self.waiting_bytes += len(data)
        self._free_ns = begins_ns + int(wire_time_ns(len(data), self._settings.bits_per_second) * slowness)
        self._travelling.append((self._arrival_ns(self._free_ns), data))
        return True

    def _arrival_ns(self, left_ns: int) -> int:
        """When a frame arrives that has left then: not before those that left before it."""
        arrives_ns = left_ns + self._settings.latency_ns
        if not self._settings.jitter_ns:
            return arrives_ns
        arrives_ns += self._random.randrange(self._settings.jitter_ns + 1)
        return max(arrives_ns, self._travelling[-1][0]) if self._travelling else arrives_ns

    def arrived(self, now_ns: int) -> list[bytes]:
        """The frames that have reached the other end until now."""
        self._begin_until(now_ns)
        travelling = self._travelling
        frames: list[bytes] = []
        while travelling and travelling[0][0] <= now_ns:
            frames.append(travelling.popleft()[1])
        self.frames += len(frames)
        self.bytes += sum(map(len, frames))
        return frames

    @property
    def due_ns(self) -> int | None:
        """When the next one arrives."""
        return self._travelling[0][0] if self._travelling else None

    def unplug(self) -> int:
        """Nothing is there any more; how many frames are lost by that."""
        lost = len(self._travelling)
        self.open = False
        self.waiting_bytes = 0
        self._free_ns = None
        self._waiting.clear()
        self._travelling.clear()
        return lost

    def check(self) -> None:
        """What waits is what was counted, and no more than may; nothing overtakes."""
        assert self.waiting_bytes == sum(size for _, size in self._waiting), "bytes that nobody counted"
        assert self.waiting_bytes <= self._settings.queue_bytes, "more waits than may"
        times = [arrives_ns for arrives_ns, _ in self._travelling]
        assert times == sorted(times), "a frame overtakes another one"

    def _begin_until(self, now_ns: int) -> None:
        while self._waiting and self._waiting[0][0] <= now_ns:
            self.waiting_bytes -= self._waiting.popleft()[1]
