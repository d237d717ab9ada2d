"""What leaves a daemon at the end of a turn: ring by ring, once the archive has what it acknowledges.

Rules: nothing leaves before it is kept. An archive that cannot keep something is asked again after a while,
and everybody waits. A turn has an end, however fast a domain fills its ring.
Source: tools/xenstored/core.c (a ring is written to when its turn comes); the archive is ours.
"""

from collections.abc import Callable
from typing import Final

from actors.kernel.kernel import Kernel
from actors.xenstore.archive import ArchiveError, UncommittedChanges
from actors.xenstore.ring_client import RingClient

SETTLE_ROUNDS: Final = 8
"""How often one turn looks into the rings again; a guest may fill its own as fast as it is emptied."""

RETRY_NS: Final = 100_000_000
"""How long an archive that cannot keep something is left alone."""

Sink = Callable[[bytes], None]


class TurnEnd:
    """The end of each turn of one daemon; `take_requests` says whether a ring has asked anything."""

    def __init__(self, kernel: Kernel, take_requests: Callable[[RingClient], bool]) -> None:
        self._kernel = kernel
        self._take_requests = take_requests
        self._touched: dict[int, RingClient] = {}
        self._held: list[tuple[Sink, bytes]] = []
        self._settling = False
        self._dead = False
        self._trouble = ""
        self._retries = False
        self.journal: UncommittedChanges | None = None

    def touch(self, client: RingClient) -> None:
        """Something was done for this ring: what it was answered leaves at the end of the turn."""
        self._touched[client.domid] = client
        self.owe()

    def forget(self, domid: int) -> None:
        """A ring is not served any more."""
        self._touched.pop(domid, None)

    def owe(self) -> None:
        """Something was done in this turn."""
        # While rings settle, the rounds see to what is touched: else this turn would have no end.
        if not self._settling:
            self._kernel.at_turn_end(self._settle)

    def once_kept(self, sink: Sink) -> Sink:
        """Where answers to one who has no ring go: if need be when the archive has what they acknowledge."""
        if self.journal is None:
            return sink

        def hold(message: bytes) -> None:
            self._held.append((sink, message))
            self.owe()

        return hold

    def die(self) -> None:
        """Nothing leaves any more."""
        self._dead = True
        self._touched.clear()
        self._held.clear()

    def _settle(self) -> None:
        if self._dead:
            return
        self._settling = True
        try:
            self._settle_rounds()
        finally:
            self._settling = False
        threads = self._kernel.threads
        if self._trouble:
            if not self._retries:
                self._retries = True
                threads.at(threads.now_ns + RETRY_NS).when_done(self._retry)
        elif self._touched:
            # A domain fills its ring as fast as it is read: the others are to have their turn.
            threads.at(threads.now_ns + 1).when_done(self.owe)

    def _retry(self) -> None:
        self._retries = False
        self.owe()

    def _settle_rounds(self) -> None:
        for _ in range(SETTLE_ROUNDS):
            if not self._keep():
                return
            held, self._held = self._held, []
            for sink, message in held:
                sink(message)
            if not (self._touched or held):
                return
            touched, self._touched = self._touched, {}
            for client in touched.values():
                renewed = client.renewing
                client.settle()
                # What was left in the ring because too much waited can be taken now, perhaps.
                if client.connection is not None and not renewed and self._take_requests(client):
                    self._touched[client.domid] = client

    def _keep(self) -> bool:
        """Have the archive keep what was done, and how the rings will be left; False if it cannot."""
        journal = self.journal
        if journal is None:
            return True
        for client in self._touched.values():
            if journal.is_dirty or client.must_be_kept:
                journal.ring(client.domid, client.record())
        try:
            journal.commit()
        except ArchiveError as error:
            if not self._trouble:
                self._kernel.log(f"xenstored: nothing is answered, the archive cannot keep it: {error}")
            self._trouble = str(error)
            return False
        self._trouble = ""
        return True
