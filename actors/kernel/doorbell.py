"""Shows the other end of a ring, once at the end of a turn, what the turn has put there.

Source: xen/include/public/io/ring.h (RING_PUSH_REQUESTS_AND_CHECK_NOTIFY, the same for responses).
"""

from collections.abc import Callable

from actors.kernel.kernel import Kernel
from actors.kernel.ring import BackRing, FrontRing


class Doorbell:
    """The bell of one ring: `notify` sends the event, if the other end has asked for one.

    `due`: something was put that the other end cannot see yet.
    """

    __slots__ = ("_at_turn_end", "_notify", "_ring", "due")

    def __init__(self, kernel: Kernel, ring: FrontRing | BackRing, notify: Callable[[], None]) -> None:
        self._at_turn_end = kernel.at_turn_end
        self._ring = ring
        self._notify = notify
        self.due = False

    def ring_at_turn_end(self) -> None:
        """Something was put; whoever puts much asks for `due` before."""
        self.due = True
        self._at_turn_end(self._push)

    def silence(self) -> None:
        """The ring is lost: what was put is not shown."""
        self.due = False

    def _push(self) -> None:
        if self.due:
            self.due = False
            if self._ring.push():
                self._notify()
