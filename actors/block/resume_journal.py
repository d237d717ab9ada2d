"""What lets a new backend take up the ring of a dead one: responses that survive any moment of death.

A response overwrites the slot of a request. If the backend dies after that and before `rsp_prod` moves,
its successor would take a damaged request. So the first 16 bytes of the slot are saved in the header's
private part together with the response's index before the response is written, and put back by the
successor if that index is the one that is still to be answered.
Rules: responses are given in the order of the ring, or `rsp_prod` would not say which requests are
answered. Bytes first, then the index, then the response, then `rsp_prod`: dying in between leaves
either the request or all it takes to restore it. A page without MAGIC was not kept so.
What is read here is as hostile as the rest of the page: a restored request is checked like any other.
Source: xen/include/public/io/ring.h (the 48 private bytes of the header); the scheme is our own.
"""

from collections import deque
from typing import Final

from actors.abi.blkif import BLKIF_SLOT_BYTES, RESPONSE
from actors.abi.ring import RING_HEADER_BYTES, RING_MASK, RING_PRIVATE_OFFSET, RSP_PROD, ring_entries
from actors.block.vbd_request import UNANSWERED, VbdRequest
from actors.kernel.ring import BackRing

MAGIC: Final = 0x52_5A_44_4A
_MAGIC: Final = RING_PRIVATE_OFFSET // 4
_INDEX: Final = _MAGIC + 1
_SAVED: Final = RING_PRIVATE_OFFSET + 8
_SAVED_BYTES: Final = 16
_GENERATION: Final = (_SAVED + _SAVED_BYTES) // 4
_ENTRIES: Final = ring_entries(BLKIF_SLOT_BYTES)


class ResumeJournal:
    """The journal in one ring page, given as words and as bytes."""

    __slots__ = ("_page", "_unanswered", "_words")

    def __init__(self, words: memoryview, page: memoryview) -> None:
        self._words = words
        self._page = page
        self._unanswered: deque[VbdRequest] = deque()

    def begin(self, *, kept: bool) -> None:
        """Say whether a journal is kept from now on; nothing is saved yet."""
        self._words[_INDEX] = (self._words[RSP_PROD] - 1) & RING_MASK
        self._words[_MAGIC] = MAGIC if kept else 0

    def is_kept(self) -> bool:
        """Whether whoever answered here last kept a journal."""
        return bool(self._words[_MAGIC] == MAGIC)

    def restore(self) -> None:
        """Put back the request that the last response of a dead backend may have damaged."""
        index = self._words[RSP_PROD]
        if self._words[_INDEX] == index:
            slot = RING_HEADER_BYTES + (index & _ENTRIES - 1) * BLKIF_SLOT_BYTES
            self._page[slot : slot + _SAVED_BYTES] = bytes(self._page[_SAVED : _SAVED + _SAVED_BYTES])

    @property
    def generation(self) -> int:
        """That of the connection, as `handover` has it."""
        return int(self._words[_GENERATION])

    @generation.setter
    def generation(self, generation: int) -> None:
        self._words[_GENERATION] = generation

    def take(self, request: VbdRequest) -> None:
        """The next request of the ring is taken."""
        self._unanswered.append(request)

    def answer(self, ring: BackRing, request: VbdRequest, status: int) -> None:
        """One is done with this status: publish its response as soon as all before it are."""
        request.status = status
        unanswered = self._unanswered
        while unanswered and unanswered[0].status != UNANSWERED:
            self._respond(ring, unanswered.popleft())

    def _respond(self, ring: BackRing, request: VbdRequest) -> None:
        response = RESPONSE.pack(request.ident, request.operation, request.status)
        index = ring.rsp_prod
        slot = ring.put()
        self._page[_SAVED : _SAVED + _SAVED_BYTES] = self._page[slot : slot + _SAVED_BYTES]
        self._words[_INDEX] = index
        self._page[slot : slot + RESPONSE.size] = response
        ring.publish()
