"""The interrupts of a network controller: one for each queue, and that of queue 0 for its status, too.

Rules: each has a line of its own, on the links `ioapic`, `ioapic1`, `ioapic2`..., or a message of its own.
Source: `actors/abi/network_controller.py`.
"""

from actors.abi.network_controller import CAUSE_STATUS
from actors.devices.nic_faults import NicFaults
from actors.devices.nic_interrupt import NicInterrupt
from actors.messages import Line, MsiWrite
from actors.runtime.machine import Effect, Send

IOAPIC = "ioapic"


class NicInterrupts:
    """All of one controller. `mask` and `interval_ns` are those of the registers now."""

    def __init__(self, faults: NicFaults, queues: int, *, level_triggered: bool) -> None:
        self._faults = faults
        self._all = [
            NicInterrupt(faults, f"{IOAPIC}{queue or ''}", level_triggered=level_triggered)
            for queue in range(queues)
        ]

    def reset(self) -> None:
        """Nothing waits."""
        for each in self._all:
            each.reset()

    def happened(self, queue: int) -> None:
        """There is something to take from a queue."""
        self._all[queue].causes |= 1 << queue

    def status_changed(self) -> None:
        """The status word is another one."""
        self._all[0].causes |= CAUSE_STATUS

    @property
    def causes(self) -> int:
        """All that wait, as the register has them."""
        return sum(each.causes for each in self._all)

    def acknowledge(self, causes: int) -> None:
        """The host has seen these."""
        for each in self._all:
            each.causes &= ~causes

    def program(self, message: MsiWrite) -> None:
        """The message of a queue; those that are not there have none."""
        if 0 <= message.entry < len(self._all):
            self._all[message.entry].program(message)

    def update(self, now_ns: int, *, mask: int, interval_ns: int) -> list[Effect]:
        """Show what is to be shown now, and what a storm does."""
        storm_ns = self._faults.storm_ns
        effects: list[Effect] = []
        if storm_ns is not None and storm_ns <= now_ns and not self._all[0].is_level:
            self._faults.next_storm(now_ns)
            effects += self._all[0].edge()
        for each in self._all:
            effects += each.update(now_ns, mask=mask, interval_ns=interval_ns)
        return effects

    def release(self) -> list[Effect]:
        """Let all lines go; what waits is shown again later."""
        return [effect for each in self._all for effect in each.release()]

    def due_ns(self, *, mask: int, interval_ns: int) -> int | None:
        """When one is to be shown next, as far as that is known."""
        times = [each.due_ns(mask=mask, interval_ns=interval_ns) for each in self._all]
        if not self._all[0].is_level:
            times.append(self._faults.storm_ns)
        return min((each for each in times if each is not None), default=None)

    def line_opened(self, link: str) -> list[Effect]:
        """A link is there: its other end does not know what the line is at."""
        return [Send(link, Line(True)) for each in self._all if each.pin == link and each.line]

    def faults_changed(self) -> None:
        """What was hidden is seen if nothing hides it any more."""
        for each in self._all:
            each.faults_changed()

    @property
    def raised(self) -> int:
        """How many there have been."""
        return sum(each.raised for each in self._all)

    def check(self) -> None:
        """Each by itself."""
        for each in self._all:
            each.check()
