"""Finds a guest of which something is still so, and for which all therefore wait.

Rules: who was found last is asked first, as nearly always it is still so of him: to ask all guests whenever
something has happened would take the square of their number.
"""

from collections.abc import Callable, Iterable
from itertools import chain

from cluster.lab.experiment.guest_record import GuestRecord


class Holdout:
    """One for whatever is waited for. `got_on` is called when none is left up to where one was ever found."""

    def __init__(self, guests: Iterable[GuestRecord], got_on: Callable[[], object]) -> None:
        self._got_on = got_on
        self._furthest = 0
        self._guests = list(guests)
        self._at = 0

    def find(self, is_so: Callable[[GuestRecord], bool]) -> GuestRecord | None:
        """A guest of which it is so; None if it is so of none."""
        for at in chain(range(self._at, len(self._guests)), range(self._at)):
            if is_so(self._guests[at]):
                self._at = at
                if at > self._furthest:
                    self._furthest = at
                    self._got_on()
                return self._guests[at]
        return None
