"""What keeps a live machine from being given anything, while the rest of its process runs.

Rules: what comes meanwhile waits where it is, and links stay open.
"""

import trio


class Freezer:
    """Frozen or not; whoever gives the machine events waits `until_thawed` first."""

    def __init__(self) -> None:
        self._thawed: trio.Event | None = None

    @property
    def frozen(self) -> bool:
        """Whether the machine is to be given nothing."""
        return self._thawed is not None

    def freeze(self) -> None:
        """Give it nothing from now on."""
        if self._thawed is None:
            self._thawed = trio.Event()

    def thaw(self) -> None:
        """Let it run on."""
        if self._thawed is not None:
            self._thawed.set()
            self._thawed = None

    async def until_thawed(self) -> None:
        """Wait while it is frozen."""
        while self._thawed is not None:
            await self._thawed.wait()
