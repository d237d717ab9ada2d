"""Xen's shared rings: the frontend's end, which asks, and the backend's, which answers.

Rules: the shared indices are the peer's to write and hostile: each is read once, checked, then used.
Whoever takes is to copy a slot out in one go. A consumer that found nothing calls `rest` before it
sleeps. `push` says whether the peer is to be sent an event.
Source: xen/include/public/io/ring.h (RING_PUSH_*_AND_CHECK_NOTIFY, RING_FINAL_CHECK_FOR_*).
"""

from collections.abc import Callable, Iterator
from threading import Lock

from actors.abi.ring import (
    REQ_EVENT,
    REQ_PROD,
    RING_HEADER_BYTES,
    RING_MASK,
    RSP_EVENT,
    RSP_PROD,
    owes_event,
    ring_entries,
)

# Taking and releasing a lock is a full barrier on x86: a store before it is seen by others before
# a load after it is done, which nothing else in Python promises.
_BARRIER = Lock()


class RingBroken(Exception):  # noqa: N818 (it names what the peer did)
    """The peer's producer index makes no sense: the ring can no longer be used."""


class FrontRing:
    """The frontend's end. Slots are byte offsets into the page."""

    __slots__ = ("_pushed", "_slot_bytes", "_words", "entries", "req_prod", "rsp_cons")

    def __init__(self, words: memoryview, slot_bytes: int) -> None:
        """Make a new ring in this page."""
        self._words = words
        self._slot_bytes = slot_bytes
        self.entries = ring_entries(slot_bytes)
        self.req_prod = 0
        self.rsp_cons = 0
        self._pushed = 0
        words[REQ_PROD] = 0
        words[RSP_PROD] = 0
        words[REQ_EVENT] = 1
        words[RSP_EVENT] = 1

    @property
    def free(self) -> int:
        """How many requests may be put."""
        return self.entries - ((self.req_prod - self.rsp_cons) & RING_MASK)

    def put(self) -> int:
        """The slot for the next request; the peer sees it after `push`."""
        index = self.req_prod
        assert (index - self.rsp_cons) & RING_MASK < self.entries, "the ring is full"
        self.req_prod = (index + 1) & RING_MASK
        return RING_HEADER_BYTES + (index & self.entries - 1) * self._slot_bytes

    def push(self) -> bool:
        """Show the peer what was put; whether it must be sent an event."""
        old, new = self._pushed, self.req_prod
        self._words[REQ_PROD] = new
        self._pushed = new
        with _BARRIER:
            pass
        return owes_event(old, new, self._words[REQ_EVENT])

    def available(self) -> int:
        """How many responses are there; RingBroken if more than were asked for."""
        count = (self._words[RSP_PROD] - self.rsp_cons) & RING_MASK
        if count > (self._pushed - self.rsp_cons) & RING_MASK:
            raise RingBroken(f"{count} responses to {(self._pushed - self.rsp_cons) & RING_MASK} requests")
        return count

    def take(self) -> int:
        """The slot of the next response; only as often as `available` said."""
        index = self.rsp_cons
        self.rsp_cons = (index + 1) & RING_MASK
        return RING_HEADER_BYTES + (index & self.entries - 1) * self._slot_bytes

    def rest(self) -> bool:
        """Ask for an event with the next response; True if one has come meanwhile: then go on."""
        self._words[RSP_EVENT] = (self.rsp_cons + 1) & RING_MASK
        with _BARRIER:
            pass
        return bool(self._words[RSP_PROD] != self.rsp_cons)


def answers(ring: FrontRing, in_another_turn: Callable[[], None]) -> Iterator[int]:
    """How many responses there are to take, again and again until the ring is at rest. RingBroken.

    A backend that never ends is looked at `in_another_turn`, once as many came as the ring has slots.
    """
    left = ring.entries
    while True:
        count = ring.available()
        if not count and not ring.rest():
            return
        if left <= 0:
            in_another_turn()
            return
        left -= count or 1
        yield count


class BackRing:
    """The backend's end. It begins where the responses in the page end."""

    __slots__ = ("_slot_bytes", "_told", "_words", "entries", "req_cons", "rsp_prod")

    def __init__(self, words: memoryview, slot_bytes: int) -> None:
        """Attach to the ring in this page; everything without a response is a new request."""
        self._words = words
        self._slot_bytes = slot_bytes
        self.entries = ring_entries(slot_bytes)
        self.rsp_prod: int = words[RSP_PROD]
        self.req_cons = self.rsp_prod
        self._told = self.rsp_prod
        self.available()

    def available(self) -> int:
        """How many requests are there; RingBroken if there would be more unanswered than slots."""
        prod = self._words[REQ_PROD]
        unanswered = (prod - self.rsp_prod) & RING_MASK
        count: int = (prod - self.req_cons) & RING_MASK
        if unanswered > self.entries or count > unanswered:
            raise RingBroken(f"{unanswered} requests without response in {self.entries} slots")
        return count

    def take(self) -> int:
        """The slot of the next request; only as often as `available` said."""
        index = self.req_cons
        self.req_cons = (index + 1) & RING_MASK
        return RING_HEADER_BYTES + (index & self.entries - 1) * self._slot_bytes

    def rest(self) -> bool:
        """Ask for an event with the next request; True if one has come meanwhile: then go on."""
        self._words[REQ_EVENT] = (self.req_cons + 1) & RING_MASK
        with _BARRIER:
            pass
        return bool(self._words[REQ_PROD] != self.req_cons)

    def wants(self, count: int) -> bool:
        """Ask for an event once `count` requests are there; True if they have come meanwhile: then go on."""
        self._words[REQ_EVENT] = (self.req_cons + count) & RING_MASK
        with _BARRIER:
            pass
        return self.available() >= count

    def put(self) -> int:
        """The slot for the next response; the peer sees it after `publish` or `push`."""
        index = self.rsp_prod
        assert index != self.req_cons, "a response without a request"
        self.rsp_prod = (index + 1) & RING_MASK
        return RING_HEADER_BYTES + (index & self.entries - 1) * self._slot_bytes

    def publish(self) -> None:
        """Show the peer what was put, and leave the question of an event to `push`."""
        self._words[RSP_PROD] = self.rsp_prod

    def push(self) -> bool:
        """Show the peer what was put; whether it must be sent an event since the last `push`."""
        old, new = self._told, self.rsp_prod
        self._words[RSP_PROD] = new
        self._told = new
        with _BARRIER:
            pass
        return owes_event(old, new, self._words[RSP_EVENT])
