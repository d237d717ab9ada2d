"""What a live actor sends: the way that leads to each peer, and the links that have something to send.

Rules: what is sent in a turn leaves at its end, once for each link. While rules break a link, the way to
its peer leads by those that are late; when the link closes, both are gone.
"""

from collections.abc import Callable, Sequence
from random import Random

import trio

from actors.runtime.late_messages import LateMessages
from actors.runtime.link import Link
from actors.runtime.link_rules import LinkRule, LinkRules


class Outgoing:
    """`links` has those that are open, by name, and `ways` for each of them whose `send` is to be called.

    `give_up(link, reason)` closes the link of a peer for whom more than `max_backlog_bytes` wait.
    """

    def __init__(
        self, clock: Callable[[], int], give_up: Callable[[Link, str], object], max_backlog_bytes: int
    ) -> None:
        self.links: dict[str, Link] = {}
        self.ways: dict[str, Link | LateMessages] = {}
        self.touched: list[Link] = []
        self._clock = clock
        self._give_up = give_up
        self._max_backlog_bytes = max_backlog_bytes
        self._nursery: trio.Nursery | None = None

    def start(self, nursery: trio.Nursery) -> None:
        """From now on late messages and backlogs are sent by tasks in here."""
        self._nursery = nursery

    def open(self, link: Link) -> None:
        """A link begins with its greeting."""
        self.links[link.name] = self.ways[link.name] = link
        link.touched = self.touched
        self._drain_later(link, link.greet())

    def close(self, link: Link) -> None:
        """A link has ended; another may have its name already."""
        if self.links.get(link.name) is link:
            del self.links[link.name]
            way = self.ways.pop(link.name)
            if isinstance(way, LateMessages):
                way.close()

    def flush(self) -> None:
        """Send what is queued."""
        for link in self.touched:
            if link.open and link.queued:
                self._drain_later(link, link.flush())
        self.touched.clear()

    async def drained(self) -> None:
        """Wait until the streams have taken what was sent."""
        for link in list(self.links.values()):
            if link.drained is not None:
                await link.drained.wait()

    def set_rules(self, name: str, rules: Sequence[LinkRule], seed: str) -> None:
        """Break what is sent on a link by these rules; with none of them it is sound again."""
        link = self.links.get(name)
        if link is None:
            return
        decided, way = LinkRules(rules, Random(seed)), self.ways[name]
        if isinstance(way, LateMessages):
            way.rules = decided  # with none of them, too: what is late stays ahead of the rest
        else:
            assert self._nursery is not None, "links are open while the driver runs"
            late = self.ways[name] = LateMessages(decided, self._clock, link.send, self.flush)
            self._nursery.start_soon(late.run)

    def _drain_later(self, link: Link, waiting: int) -> None:
        """Have bytes written that the stream did not take; over the limit the link is closed."""
        if waiting > self._max_backlog_bytes:
            self._give_up(link, f"the peer does not read: {waiting} bytes wait for it")
        elif waiting and link.drained is None and self._nursery is not None:
            link.drained = trio.Event()
            self._nursery.start_soon(link.drain)
