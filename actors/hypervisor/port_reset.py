"""EVTCHNOP_reset: all ports of a domain close, in portions, so that nobody waits for a large one.

Rules: a second reset while one is under way is -EBUSY; ports that the domain has opened behind the
reset's back remain, and then it ends with -EAGAIN. A call that nobody waits for is done in one go.
Source: xen/common/event_channel.c (evtchn_reset and its continuation).
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.event_channels import EventChannels
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.ports import PortTable

PORTION: Final = 1024


class PortReset:
    """The resets under way: the next port of each table that is being reset, and who waits for it."""

    def __init__(self, outbox: Outbox, agenda: Agenda, events: EventChannels) -> None:
        self._outbox = outbox
        self._agenda = agenda
        self._events = events
        self._under_way: dict[PortTable, tuple[int, PortTable, int]] = {}

    def start(self, table: PortTable, caller: PortTable, sequence: int) -> int | None:
        """Reset a table; 0 if it is done, None if `caller` is answered later. EBUSY."""
        if table in self._under_way:
            raise XenError(Errno.EBUSY, f"domain {table.domid} is being reset")
        portion = PORTION if sequence else table.valid_ports
        return self._go_on(table, 1, portion, caller, sequence)

    def forget(self, table: PortTable) -> None:
        """The domain is dying, and its ports close anyway; who waits for the reset is told so."""
        under_way = self._under_way.pop(table, None)
        if under_way is not None:
            self._agenda.cancel((self, table))
            self._reply(under_way[1], under_way[2], -int(Errno.EAGAIN))

    def _go_on(
        self, table: PortTable, first: int, portion: int, caller: PortTable, sequence: int
    ) -> int | None:
        port, closed = first, 0
        while port < table.valid_ports and table.channels:
            if closed == portion:
                self._under_way[table] = (port, caller, sequence)
                self._agenda.set((self, table), self._outbox.now_ns, lambda: self._continue(table))
                return None
            if port in table.channels:
                self._events.close(table, port)
                closed += 1
            port += 1
        return -int(Errno.EAGAIN) if table.channels else 0

    def _continue(self, table: PortTable) -> None:
        port, caller, sequence = self._under_way.pop(table)
        ret = self._go_on(table, port, PORTION, caller, sequence)
        if ret is not None:
            self._reply(caller, sequence, ret)

    def _reply(self, caller: PortTable, sequence: int, ret: int) -> None:
        if caller.link is not None:
            self._outbox.answer(caller.link, sequence, ret)

    def check(self, known: set[PortTable]) -> None:
        """Only ports of domains that live are being reset."""
        for table in self._under_way:
            assert table in known, f"domain {table.domid} is gone and being reset"
