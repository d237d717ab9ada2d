"""All that a network controller has to do with memory, from when it is enabled to its reset.

Rules: what is not here any more cannot touch memory: a reset is that this is dropped.
Source: `actors/abi/network_controller.py`.
"""

from collections.abc import Sequence

from actors.devices.descriptor_ring import BadRingError, DescriptorRing
from actors.devices.nic_settings import NicSettings
from actors.devices.receiver import Receiver
from actors.devices.transmitter import Transmitter
from actors.runtime.memory import Memory


class DmaEngine:
    """The rings of all queues (rx mfn, entries, tx mfn, entries) and the status word; BadRingError."""

    def __init__(
        self,
        memory: Memory,
        settings: NicSettings,
        rings: Sequence[tuple[int, int, int, int]],
        status_mfn: int,
        tx_drops: dict[str, int],
    ) -> None:
        if status_mfn >= memory.nr_frames:
            raise BadRingError(f"status word in frame {status_mfn:#x}, beyond memory")
        self._status = memory.words(status_mfn)
        self._shown: int | None = None
        self.queues = len(rings)
        self.receiver = Receiver(memory, [DescriptorRing(memory, "rx", row[0], row[1]) for row in rings])
        self.transmitter = Transmitter(
            memory,
            [DescriptorRing(memory, "tx", row[2], row[3]) for row in rings],
            tx_drops,
            frame_bytes=settings.frame_bytes,
            bits_per_second=settings.bits_per_second,
        )

    def ring(self, queue: int, tail: int, *, to_send: bool) -> None:
        """A doorbell; BadRingError if the ring has no such index."""
        if to_send:
            self.transmitter.ring(queue, tail)
        else:
            self.receiver.ring(queue, tail)

    def show(self, status: int) -> bool:
        """Write the status word if it is another one; whether it was."""
        if status == self._shown:
            return False
        self._shown = self._status[0] = status
        return True

    def take_news(self) -> list[int]:
        """The queues in which something was received, or that have sent, since this was asked."""
        news = sorted(self.receiver.filled_queues | self.transmitter.done_queues)
        self.receiver.filled_queues.clear()
        self.transmitter.done_queues.clear()
        return news

    def check(self) -> None:
        """Rings are whole."""
        self.receiver.check()
        self.transmitter.check()
