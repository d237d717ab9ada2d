"""One link by which events go between this domain and another, with nobody between.

Rules: events that wait for a port are one, as a pending bit is. No more than UPCALL_WINDOW messages of an end
are under way, so a storm collapses, and a peer that stands still is owed one event for each port. A peer that
does not keep to that has broken the protocol.
"""

from actors.event_messages import Notify, NotifyTaken
from actors.messages import UPCALL_WINDOW


class LinkBrokenError(Exception):
    """The peer has sent what it may not."""


class DirectLink:
    """The end of one domain; `domid` is the other one's."""

    def __init__(self, domid: int, name: str) -> None:
        self.domid = domid
        self.name = name
        self._owed: set[int] = set()
        self._unconfirmed = 0
        self._untaken = 0

    def notify(self, remote_port: int) -> None:
        """An event for a port of the peer."""
        self._owed.add(remote_port)

    def message(self) -> Notify | NotifyTaken | None:
        """What is to be sent at the end of a turn."""
        taken = self._untaken
        if self._owed and self._unconfirmed < UPCALL_WINDOW:
            self._unconfirmed += 1
            self._untaken = 0
            ports, self._owed = sorted(self._owed), set()
            return Notify(ports, taken)
        if taken >= UPCALL_WINDOW:
            self._untaken = 0
            return NotifyTaken(taken)
        return None

    def take(self, message: object) -> list[int]:
        """The ports for which events have come, whosever they are. LinkBrokenError."""
        if type(message) is Notify:
            self._confirm(message.taken)
            if self._untaken >= UPCALL_WINDOW:
                raise LinkBrokenError("more events than may be under way")
            self._untaken += 1
            return message.ports
        if type(message) is NotifyTaken:
            self._confirm(message.count)
            return []
        raise LinkBrokenError(f"{type(message).__name__} is no event")

    def _confirm(self, count: int) -> None:
        if not 0 <= count <= self._unconfirmed:
            raise LinkBrokenError(f"{count} events taken of {self._unconfirmed}")
        self._unconfirmed -= count

    def check(self) -> None:
        """The window is kept in both directions."""
        assert 0 <= self._unconfirmed <= UPCALL_WINDOW, f"{self.name}: {self._unconfirmed} under way"
        assert 0 <= self._untaken <= UPCALL_WINDOW, f"{self.name}: {self._untaken} not confirmed"
