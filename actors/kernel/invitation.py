"""How a backend tells an offer that was made to it from one that was made to somebody who is dead.

A frontend that is Connected as soon as it has made an offer (`FrontendDevice.offered_state`), as netfront is,
says the same of both. So a backend that waits for an offer sends an invitation along with InitWait, a number,
and the frontend writes that number with its offer.
Rules: an offer to any other invitation was made to somebody else.
"""

from actors.kernel.store import StoreNodes, read_or

KEY = "invitation"


class Invitation:
    """That of one backend, whose frontend is at `frontend_path`."""

    def __init__(self, frontend_path: str) -> None:
        self._path = f"{frontend_path}/{KEY}"
        self._number = 0

    def renew(self, now_ns: int) -> None:
        """What was offered until now is of no use."""
        self._number = max(now_ns, self._number + 1)

    def nodes(self) -> dict[str, str]:
        """What the store is told of it."""
        return {KEY: str(self._number)}

    async def is_answered(self, store: StoreNodes) -> bool:
        """Whether the last offer was made to it."""
        return await read_or(store, self._path, "") == str(self._number)
