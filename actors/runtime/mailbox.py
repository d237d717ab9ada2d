"""What waits for a live actor outside of its links: events of its owner's, and links to be opened.

Rules: it is taken out in the order in which it was put in. A mailbox holds any number.
"""

from typing import Generic, TypeVar

import trio

Mail = TypeVar("Mail")


class Mailbox(Generic[Mail]):
    """One task takes; whoever is in the same loop puts."""

    def __init__(self) -> None:
        self.waiting: list[Mail] = []
        self._filled = trio.Event()

    def put(self, what: Mail) -> None:
        """Have something taken."""
        self.waiting.append(what)
        self._filled.set()

    async def wait(self) -> None:
        """Wait until there is something."""
        await self._filled.wait()

    def take(self) -> list[Mail]:
        """All that is there."""
        self._filled = trio.Event()
        taken, self.waiting = self.waiting, []
        return taken
