"""Two byte streams in a XenStore ring page: requests to the server, responses to the client.

Rules: indices run free modulo 2**32 and live in the page alone, so that a server which takes over can
reset them; each is read once in an operation and checked, then used. Whoever wrote, or read from a
full stream, sends an event: `peer_waits` says whether the last operation owes one.
Source: xen/include/public/io/xs_wire.h, docs/misc/xenstore-ring.txt.
"""

from actors.abi.xs_wire import (
    XENSTORE_RING_SIZE,
    XS_RING_CONNECTION,
    XS_RING_ERROR,
    XS_RING_EVTCHN_PORT,
    XS_RING_REQ,
    XS_RING_REQ_CONS,
    XS_RING_REQ_PROD,
    XS_RING_RSP,
    XS_RING_RSP_CONS,
    XS_RING_RSP_PROD,
    XS_RING_SERVER_FEATURES,
    XS_RING_SERVER_HOLDS,
    XS_RING_SERVER_INCARNATION,
)

MASK32 = 0xFFFFFFFF

_INDICES = (XS_RING_REQ_CONS // 4, XS_RING_REQ_PROD // 4, XS_RING_RSP_CONS // 4, XS_RING_RSP_PROD // 4)


class XsRingBroken(Exception):  # noqa: N818 (it names what the peer did)
    """The indices of a stream are further apart than the stream is long."""


class XsStream:
    """One direction: `base` is where its bytes lie, the two others are word indices."""

    __slots__ = ("_base", "_cons", "_prod", "_view", "_words", "peer_waits")

    def __init__(self, view: memoryview, words: memoryview, base: int, cons: int, prod: int) -> None:
        self._view = view
        self._words = words
        self._base = base
        self._cons = cons
        self._prod = prod
        self.peer_waits = False

    def read(self) -> bytes:
        """Everything that is there, perhaps nothing; XsRingBroken if the indices make no sense."""
        words = self._words
        prod, cons = words[self._prod], words[self._cons]
        length = (prod - cons) & MASK32
        if length == 0:
            self.peer_waits = False
            return b""
        data = self._from(cons, prod)
        words[self._cons] = prod
        self.peer_waits = length == XENSTORE_RING_SIZE
        return data

    @property
    def consumer(self) -> int:
        """Up to where the reader has taken everything, as the page says."""
        return self._words[self._cons]

    @property
    def producer(self) -> int:
        """Up to where the writer has written, as the page says."""
        return self._words[self._prod]

    def peek(self, position: int) -> bytes:
        """What is there from `position` on, and stays there. XsRingBroken if the indices make no sense."""
        prod = self._words[self._prod]
        return self._from(position, prod) if prod != position else b""

    def consume(self, position: int) -> None:
        """Give up what lies before `position`."""
        words = self._words
        used = (words[self._prod] - words[self._cons]) & MASK32
        words[self._cons] = position
        self.peer_waits = used >= XENSTORE_RING_SIZE

    def room(self) -> int:
        """How many bytes `write` would take; XsRingBroken if the indices make no sense."""
        used = (self._words[self._prod] - self._words[self._cons]) & MASK32
        if used > XENSTORE_RING_SIZE:
            raise XsRingBroken(f"{used} bytes are in a stream of {XENSTORE_RING_SIZE}")
        return XENSTORE_RING_SIZE - used

    def _from(self, cons: int, prod: int) -> bytes:
        length = (prod - cons) & MASK32
        if length > XENSTORE_RING_SIZE:
            raise XsRingBroken(f"{length} bytes between consumer {cons} and producer {prod}")
        start = cons % XENSTORE_RING_SIZE
        first = min(length, XENSTORE_RING_SIZE - start)
        base = self._base
        data = bytes(self._view[base + start : base + start + first])
        if first < length:
            data += self._view[base : base + length - first]
        return data

    def write(self, data: bytes | memoryview) -> int:
        """Put in as much as fits; how many bytes that was. XsRingBroken if the indices make no sense."""
        words = self._words
        prod, cons = words[self._prod], words[self._cons]
        used = (prod - cons) & MASK32
        if used > XENSTORE_RING_SIZE:
            raise XsRingBroken(f"{used} bytes between consumer {cons} and producer {prod}")
        length = min(len(data), XENSTORE_RING_SIZE - used)
        self.peer_waits = length > 0
        if length == 0:
            return 0
        start = prod % XENSTORE_RING_SIZE
        first = min(length, XENSTORE_RING_SIZE - start)
        base = self._base
        self._view[base + start : base + start + first] = data[:first]
        if first < length:
            self._view[base : base + length - first] = data[first:length]
        words[self._prod] = (prod + length) & MASK32
        return length


class XsRing:
    """A ring page: a client writes `requests` and reads `responses`, a server the other way round."""

    __slots__ = ("_words", "requests", "responses")

    def __init__(self, view: memoryview, words: memoryview) -> None:
        """`view` is the page as 4096 bytes, `words` the same page as 1024 u32."""
        self._words = words
        self.requests = XsStream(view, words, XS_RING_REQ, XS_RING_REQ_CONS // 4, XS_RING_REQ_PROD // 4)
        self.responses = XsStream(view, words, XS_RING_RSP, XS_RING_RSP_CONS // 4, XS_RING_RSP_PROD // 4)

    def reset(self) -> None:
        """Empty both streams: the server's part of a reconnect."""
        for index in _INDICES:
            self._words[index] = 0

    @property
    def server_features(self) -> int:
        """What the server can (`XsFeature`)."""
        return self._words[XS_RING_SERVER_FEATURES // 4]

    @server_features.setter
    def server_features(self, value: int) -> None:
        self._words[XS_RING_SERVER_FEATURES // 4] = value

    @property
    def connection(self) -> int:
        """`XsConnection`: whether the client wants a reconnect."""
        return self._words[XS_RING_CONNECTION // 4]

    @connection.setter
    def connection(self, value: int) -> None:
        self._words[XS_RING_CONNECTION // 4] = value

    @property
    def error(self) -> int:
        """`XsError`: why the server has stopped to serve this ring."""
        return self._words[XS_RING_ERROR // 4]

    @error.setter
    def error(self, value: int) -> None:
        self._words[XS_RING_ERROR // 4] = value

    @property
    def evtchn_port(self) -> int:
        """The client's port, as the domain builder left it here for whoever introduces the domain."""
        return self._words[XS_RING_EVTCHN_PORT // 4]

    @evtchn_port.setter
    def evtchn_port(self, value: int) -> None:
        self._words[XS_RING_EVTCHN_PORT // 4] = value

    @property
    def server_holds(self) -> bool:
        """The server has something of this ring that is not in the page."""
        return self._words[XS_RING_SERVER_HOLDS // 4] != 0

    @server_holds.setter
    def server_holds(self, value: bool) -> None:
        self._words[XS_RING_SERVER_HOLDS // 4] = int(value)

    @property
    def server_incarnation(self) -> int:
        """Changes when another server takes the ring over; 0 until the first one has."""
        return self._words[XS_RING_SERVER_INCARNATION // 4]

    @server_incarnation.setter
    def server_incarnation(self, value: int) -> None:
        self._words[XS_RING_SERVER_INCARNATION // 4] = value
