"""One ring of a network interface as it lies in memory, and whether each request on it has one answer.

Rules: it reads the page and nothing else: what is asked is noted when it is shown, what is answered then.
Answers keep the order of the ring, so the answer in a slot is to the request that was there, and those that
have none lie behind. A ring that has broken this once is judged no more.
Source: xen/include/public/io/netif.h, ring.h.
"""

from collections import deque
from typing import Final

from actors.abi.netif import (
    EXTRA,
    EXTRA_MORE,
    RX_REQUEST,
    RX_RESPONSE,
    RX_SLOT_BYTES,
    TX_REQUEST,
    TX_RESPONSE,
    TX_SLOT_BYTES,
    NetifStatus,
    RxFlags,
    TxFlags,
)
from actors.abi.ring import (
    REQ_PROD,
    RING_HEADER_BYTES,
    RING_MASK,
    RSP_EVENT,
    RSP_PROD,
    ring_entries,
)

_EXTRA: Final = -1
_EXTRA_INFO, _MORE_DATA = int(TxFlags.EXTRA_INFO), int(TxFlags.MORE_DATA)
_RX_EXTRA_INFO, _NULL = int(RxFlags.EXTRA_INFO), int(NetifStatus.NULL)


class NetifRing:
    """A ring that is called `name`, in a frame of which `words` and `page` are views.

    `wrong`: what was answered against the rules, or nothing.
    """

    slot_bytes = 0

    def __init__(self, name: str, words: memoryview, page: memoryview) -> None:
        self.name = name
        self.wrong = ""
        self.words = words
        self._page = page
        self._slots = ring_entries(self.slot_bytes)
        self._first = self._asked = self._answered = 0
        self._kept: deque[int] = deque()

    @property
    def went_back(self) -> bool:
        """Whether what is in the frame now is another ring, or none: indices never go back."""
        return (self.words[REQ_PROD] - self._asked) & RING_MASK > RING_MASK // 2

    def look(self) -> None:
        """Take in what was asked and answered since the last look; between two there is a turn of one end."""
        words, page = self.words, self._page
        while not self.wrong and self._asked != words[REQ_PROD]:
            self._kept.append(self._request(page, self._offset(self._asked)))
            self._asked = (self._asked + 1) & RING_MASK
        while not self.wrong and self._answered != words[RSP_PROD]:
            if self._answered == self._asked:
                self.wrong = f"{self.name} has an answer to request {self._answered}, which was not asked"
                return
            asked = self._kept[(self._answered - self._first) & RING_MASK]
            told = self._response(page, self._offset(self._answered))
            if told not in {asked, None}:
                self.wrong = (
                    f"{self.name} has an answer to {_word(told)} in the slot of {_word(asked)}: "
                    "one was answered twice, the other never"
                )
            self._answered = (self._answered + 1) & RING_MASK
        self._forget()

    def without_answer(self) -> int:
        """Requests for data that have no answer."""
        return self._data_from(self._answered)

    def without_taker(self) -> int:
        """Requests for data whose answer the frontend has not taken, as far as it has told."""
        return self._data_from(self._first)

    def _forget(self) -> None:
        """What the frontend has taken is done: it wants an event with the answer after that."""
        taken = (self.words[RSP_EVENT] - 1) & RING_MASK
        done = min((taken - self._first) & RING_MASK, (self._answered - self._first) & RING_MASK)
        for _ in range(done):
            self._kept.popleft()
        self._first = (self._first + done) & RING_MASK

    def _data_from(self, index: int) -> int:
        before = (index - self._first) & RING_MASK
        return sum(each != _EXTRA for at, each in enumerate(self._kept) if at >= before)

    def _offset(self, index: int) -> int:
        return RING_HEADER_BYTES + (index & self._slots - 1) * self.slot_bytes

    def _request(self, page: memoryview, offset: int) -> int:
        """The id of the request in a slot; -1 if it has an extra."""
        raise NotImplementedError

    def _response(self, page: memoryview, offset: int) -> int | None:
        """The id of what is answered in a slot; -1 for an extra, None if that does not tell."""
        raise NotImplementedError


class TransmitRing(NetifRing):
    """Packets to the backend: an extra is a request, and is answered as one."""

    slot_bytes = TX_SLOT_BYTES

    def __init__(self, name: str, words: memoryview, page: memoryview) -> None:
        super().__init__(name, words, page)
        self._in_packet = self._extra_follows = False

    def _request(self, page: memoryview, offset: int) -> int:
        if self._extra_follows:
            self._extra_follows = EXTRA.unpack_from(page, offset)[1] & EXTRA_MORE != 0
            return _EXTRA
        _, _, flags, ident, _ = TX_REQUEST.unpack_from(page, offset)
        self._extra_follows = not self._in_packet and flags & _EXTRA_INFO != 0
        self._in_packet = flags & _MORE_DATA != 0
        return int(ident)

    def _response(self, page: memoryview, offset: int) -> int | None:
        ident, status = TX_RESPONSE.unpack_from(page, offset)
        return _EXTRA if status == _NULL else int(ident)


class ReceiveRing(NetifRing):
    """Buffers for packets to the frontend: an extra is in the answer to a buffer, and names none."""

    slot_bytes = RX_SLOT_BYTES

    def __init__(self, name: str, words: memoryview, page: memoryview) -> None:
        super().__init__(name, words, page)
        self._extra_follows = False

    def _request(self, page: memoryview, offset: int) -> int:
        return int(RX_REQUEST.unpack_from(page, offset)[0])

    def _response(self, page: memoryview, offset: int) -> int | None:
        if self._extra_follows:
            self._extra_follows = EXTRA.unpack_from(page, offset)[1] & EXTRA_MORE != 0
            return None
        ident, _, flags, _ = RX_RESPONSE.unpack_from(page, offset)
        self._extra_follows = flags & _RX_EXTRA_INFO != 0
        return int(ident)


def _word(ident: int | None) -> str:
    return "an extra" if ident == _EXTRA else f"request {ident}"
