"""The interrupt of one queue of a network controller: edge, level or message, not more often than asked.

Rules: a cause that waits is shown at once, or when the time between two interrupts is over. An edge or a
message shows all causes that wait then. A level lasts until the host has taken them away. A storm drives it
without a cause; what a fault hides of a level stays unseen while the level lasts.
Source: `actors/abi/network_controller.py`; PCI Local Bus 3.0, 6.8.3 (messages, masks and what is pending).
"""

from actors.devices.nic_faults import NicFaults
from actors.messages import InterruptVector, Line, MsiWrite, Pulse
from actors.runtime.machine import Effect, Send

XEN = "xen"


class NicInterrupt:
    """`causes` wait to be shown, or to be acknowledged; `line` is the level of the line on link `pin`."""

    def __init__(self, faults: NicFaults, pin: str, *, level_triggered: bool) -> None:
        self.causes = 0
        self.line = self._unseen = False
        self.raised = 0
        self.pin = pin
        self._faults = faults
        self._level_triggered = level_triggered
        self._message: MsiWrite | None = None
        self._shown_ns: int | None = None

    def reset(self) -> None:
        """Nothing waits, and the last one is forgotten. What it is told to send is the bus's, and stays."""
        self.causes = 0
        self._shown_ns = None

    def program(self, message: MsiWrite) -> None:
        """Messages in place of the line, or none if the address is 0."""
        self._message = message if message.address else None

    @property
    def is_level(self) -> bool:
        """Whether it lasts until it is acknowledged."""
        return self._level_triggered and self._message is None

    def update(self, now_ns: int, *, mask: int, interval_ns: int) -> list[Effect]:
        """Show what is to be shown now; causes in `mask` wait."""
        wanted = self.causes & ~mask
        if not (self.is_level and self.line) and self._shown_ns is not None:
            wanted = wanted if now_ns >= self._shown_ns + interval_ns else 0
        if self.is_level:
            return self._level(now_ns, wanted=wanted != 0)
        effects = self._set_line(asserted=False)
        if wanted and not (self._message is not None and self._message.masked):
            self.causes &= mask
            self._shown_ns = now_ns
            effects += self.edge()
        return effects

    def release(self) -> list[Effect]:
        """Let the line go, whatever waits."""
        return self._set_line(asserted=False)

    def due_ns(self, *, mask: int, interval_ns: int) -> int | None:
        """When what waits may be shown, or None if time alone does not bring that about."""
        if not self.causes & ~mask or self.line or self._unseen or self._shown_ns is None:
            return None
        masked = self._message is not None and self._message.masked
        return None if masked else self._shown_ns + interval_ns

    def edge(self) -> list[Effect]:
        """An edge or a message, be it without a cause, unless it gets lost."""
        message = self._message
        if (message is not None and message.masked) or self._faults.loses_interrupt():
            return []
        self.raised += 1
        return [Send(self.pin, Pulse()) if message is None else Send(XEN, InterruptVector(message.data))]

    def faults_changed(self) -> None:
        """What was hidden is seen if nothing hides it any more."""
        self._unseen = self._unseen and self._faults.hides_interrupts

    def check(self) -> None:
        """Only a level lasts."""
        assert not self.line or self._level_triggered, "an edge that stays"

    def _level(self, now_ns: int, *, wanted: bool) -> list[Effect]:
        """Bring the line to what is wanted of it, or to what a storm makes of it."""
        if not wanted and not self._faults.storming:
            self._unseen = self._unseen and self.causes != 0
            return self._set_line(asserted=False)
        if not self.line and not self._unseen:
            self._unseen = self._faults.loses_interrupt()
            if wanted and not self._unseen:
                self._shown_ns = now_ns
        return self._set_line(asserted=not self._unseen)

    def _set_line(self, *, asserted: bool) -> list[Effect]:
        if asserted == self.line:
            return []
        self.line = asserted
        self.raised += asserted
        return [Send(self.pin, Line(asserted))]
