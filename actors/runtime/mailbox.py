"""What waits for a live actor outside of its links: events of its owner's, and links to be opened.

Rules: it is taken out in the order in which it was put in. A mailbox holds any number.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Mail = TypeVar("Mail")


class Mailbox(Generic[Mail]):
    """`filled` is called whenever something is put in."""

    def __init__(self, filled: Callable[[], object]) -> None:
        self.waiting: list[Mail] = []
        self.filled = filled

    def put(self, what: Mail) -> None:
        """Have something taken."""
        self.waiting.append(what)
        self.filled()

    def take(self) -> list[Mail]:
        """All that is there."""
        taken, self.waiting = self.waiting, []
        return taken
