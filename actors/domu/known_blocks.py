"""What the blocks of a disk must hold, as far as their guest knows.

Rules: a block is known from the answer to a write on until the next write to it is issued. What a write
that failed has left, nobody knows.
"""

from actors.notebook.stamp import stamp_block


class KnownBlocks:
    """The blocks of one guest's disk, `sectors` sectors each; `identity` is (guest id, virtual device)."""

    __slots__ = ("_guest_id", "_known", "_sectors", "_virtual_device")

    def __init__(self, identity: tuple[int, int], sectors: int) -> None:
        self._guest_id, self._virtual_device = identity
        self._sectors = sectors
        self._known: dict[int, tuple[int, int]] = {}

    def overwrite(self, block: int, sequence: int, nonce: int) -> bytes:
        """The content of a write that is about to be issued: until it is answered, the block is not known."""
        self._known.pop(block, None)
        sectors = self._sectors
        return stamp_block(self._guest_id, self._virtual_device, block * sectors, sectors, sequence, nonce)

    def written(self, block: int, sequence: int, nonce: int) -> None:
        """A write was answered with success."""
        self._known[block] = (sequence, nonce)

    def agrees(self, block: int, data: bytes | memoryview) -> bool | None:
        """Whether a block holds what it must; None if that is not known."""
        known = self._known.get(block)
        if known is None:
            return None
        sequence, nonce = known
        sectors = self._sectors
        return data == stamp_block(
            self._guest_id, self._virtual_device, block * sectors, sectors, sequence, nonce
        )
