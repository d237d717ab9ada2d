"""The interrupt of a disk: a pulse for completions, or a line that shows what is queued.

Rules: a storm drives it without a cause. One that a fault hides stays unseen while the level lasts.
Source: `actors/abi/disk_controller.py`.
"""

from actors.devices.disk_faults import DiskFaults
from actors.devices.queue_pair import QueuePair
from actors.messages import Line, Pulse
from actors.runtime.machine import Effect, Send

IOAPIC = "ioapic"


class DiskInterrupt:
    """`line` is its level; `completed`: something was since it was last brought up to date."""

    def __init__(self, faults: DiskFaults, *, level_triggered: bool) -> None:
        self.line = self.completed = self._unseen = False
        self.raised = 0
        self._faults = faults
        self._level_triggered = level_triggered

    def update(self, queue: QueuePair | None, *, masked: bool) -> list[Effect]:
        """Bring the line to what the completion queue calls for."""
        completed, self.completed = self.completed, False
        masked = masked or queue is None
        if not self._level_triggered:
            return [] if masked or not completed else self.pulse()
        wanted = not masked and queue is not None and queue.unconsumed > 0
        if not wanted and not self._faults.storming:
            self._unseen = False
        elif not self.line and not self._unseen:
            self._unseen = self._faults.loses_interrupt()
        asserted = self._shows(wanted=wanted)
        if asserted == self.line:
            return []
        self.line = asserted
        self.raised += asserted
        return [Send(IOAPIC, Line(asserted))]

    def pulse(self) -> list[Effect]:
        """An edge, unless it gets lost."""
        if self._faults.loses_interrupt():
            return []
        self.raised += 1
        return [Send(IOAPIC, Pulse())]

    def faults_changed(self) -> None:
        """What was hidden is seen if nothing hides it any more."""
        self._unseen = self._unseen and self._faults.hides_interrupts

    def check(self, queue: QueuePair | None, *, masked: bool) -> None:
        """The line shows what is queued."""
        if queue is None:
            assert self.line == self._shows(wanted=False), "an interrupt of a queue that is gone"
        elif self._level_triggered:
            wanted = queue.unconsumed > 0 and not masked
            assert self.line == self._shows(wanted=wanted), "the interrupt line does not show what is queued"

    def _shows(self, *, wanted: bool) -> bool:
        """Whether a level line is seen asserted: a storm holds it up, a fault may hide it."""
        return (wanted or (self._faults.storming and self._level_triggered)) and not self._unseen
