"""A new life goes on with what the last one has left in the recovery box, before it asks anybody else.

All rings are mapped by one hypercall, and all ports are bound in the same turn. What a record says is not
believed: the grant has to be there, the port to be kept for this domain, the ring to be that of this very
connection, its indices possible, and what is behind it known. Whatever is not so is let go of, and its record
with it: that device, and no other, is found in the store, as without a box.
Source: M. Le and Y. Tamir, "Applying Microreboot to System Software" (2012), for taking over without a
dialogue with those who are served; the checks are ours.
"""

from collections.abc import Callable

from actors.abi.errno import XenError
from actors.kernel.grants import Mapping
from actors.kernel.handover import Handover
from actors.kernel.kernel import Kernel
from actors.kernel.recovery_box import RecoveryBox
from actors.kernel.resumable_backend import ResumableBackend
from actors.kernel.ring import RingBroken
from actors.kernel.xenbus_backend import ResumeImpossibleError

MakeBackend = Callable[[Handover], ResumableBackend]


class _Attempt:
    """One record: its backend, as long as there is no `refusal`; the port that is bound, if one is."""

    def __init__(self, handover: Handover, backend: ResumableBackend) -> None:
        self.handover = handover
        self.backend = backend
        self.mapping: Mapping | None = None
        self.port: int | None = None
        self.refusal = ""


class Adoption:
    """Takes up what is in the box. `make` makes a backend for a record; KeyError if it is not known here."""

    def __init__(self, kernel: Kernel, box: RecoveryBox, make: MakeBackend) -> None:
        self._kernel = kernel
        self._box = box
        self._make = make

    async def perform(self) -> list[ResumableBackend]:
        """The backends that go on, each served already; they have yet to `run`."""
        kernel = self._kernel
        attempts = [each for handover in self._box.found.values() if (each := self._begin(handover))]
        bound = [kernel.threads.spawn("adopt", self._bind(each)).finished for each in attempts]
        wanted = [(each.handover.domid, each.handover.ring_ref) for each in attempts]
        for attempt, mapping in zip(attempts, await kernel.grants.map_all(wanted), strict=True):
            attempt.mapping = mapping
        for ended in bound:
            await ended
        for attempt in attempts:
            self._take_up(attempt)
        for attempt in attempts:
            if attempt.refusal:
                await self._let_go(attempt)
        return [each.backend for each in attempts if not each.refusal]

    def _begin(self, handover: Handover) -> _Attempt | None:
        try:
            return _Attempt(handover, self._make(handover))
        except KeyError as error:
            self._forget(handover, f"nothing is known of {error}")
            return None

    async def _bind(self, attempt: _Attempt) -> None:
        handover, irq = attempt.handover, self._kernel.irq
        try:
            event = attempt.backend.event
            attempt.port = await irq.bind_interdomain(handover.domid, handover.remote_port, *event)
        except XenError as error:
            attempt.refusal = str(error)

    def _take_up(self, attempt: _Attempt) -> None:
        if attempt.mapping is None:
            attempt.refusal = attempt.refusal or f"grant {attempt.handover.ring_ref} is not there"
        if attempt.mapping is None or attempt.port is None:
            return
        try:
            attempt.backend.adopt(attempt.handover, attempt.mapping, attempt.port)
        except (ResumeImpossibleError, RingBroken) as error:
            attempt.refusal = str(error)

    async def _let_go(self, attempt: _Attempt) -> None:
        self._forget(attempt.handover, attempt.refusal)
        if attempt.port is not None:
            self._kernel.irq.unbind(attempt.port)
        if attempt.mapping is not None:
            await self._kernel.grants.unmap(attempt.mapping)

    def _forget(self, handover: Handover, why: str) -> None:
        device_class, domid, number = handover.device
        self._box.erase(handover.device)
        self._kernel.log(
            f"recovery box: {device_class} {number} of domain {domid} is not gone on with: {why}"
        )
