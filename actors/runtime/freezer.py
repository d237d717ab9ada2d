"""What keeps a live machine from being given anything, while the rest of its process runs.

Rules: what comes meanwhile waits where it is, and links stay open.
"""

from collections.abc import Callable


class Freezer:
    """Frozen or not; `thawed` is called when it is no more."""

    def __init__(self, thawed: Callable[[], object]) -> None:
        self.frozen = False
        self._thawed = thawed

    def freeze(self) -> None:
        """Give it nothing from now on."""
        self.frozen = True

    def thaw(self) -> None:
        """Let it run on."""
        if self.frozen:
            self.frozen = False
            self._thawed()
