"""Copies from and to frames that others have granted, all of a turn by one hypercall.

The bytes pass through frames of our own. Whoever asks is called back in the order of asking, in a later turn.
Rules: what one asks for is copied by one call; one call is under way at a time, and what comes meanwhile goes
with the next. A guest sees the bytes as they were when the hypervisor copied them, whatever it does after.
Source: xen/include/public/grant_table.h (GNTTABOP_copy); Linux drivers/net/xen-netback/netback.c.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from actors.abi.hypercalls import Gnttabop
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import GNTCOPY_DEST_GREF, GNTCOPY_SOURCE_GREF
from actors.abi.types import DOMID_SELF, PAGE_SIZE
from actors.kernel.hypercalls import Hypercalls
from actors.kernel.pages import OutOfPages, Pages
from actors.kernel.threads import Future
from actors.messages import HypercallReply

FRAMES_MAX: Final = 64
"""Frames that the bytes of one call pass through."""
OPS_MAX: Final = 512
"""Copies by one call: it has to fit a message."""

Piece = tuple[int, int, int]
"""(grant reference, first byte, bytes), within one frame."""


class TurnEnd(Protocol):
    """Calls back once at the end of this turn."""

    def __call__(self, callback: Callable[[], None]) -> None:
        """As `Kernel.at_turn_end`."""
        ...


@dataclass(slots=True)
class _Request:
    """One that is asked for: with `data`, it goes to the pieces."""

    domid: int
    pieces: Sequence[Piece]
    data: bytes | None
    done: Callable[[Sequence[bool], bytes], None]
    places: list[tuple[int, int]]


class GrantCopies:
    """The copies of one kernel."""

    def __init__(self, xen: Hypercalls, pages: Pages, at_turn_end: TurnEnd) -> None:
        self._xen = xen
        self._pages = pages
        self._at_turn_end = at_turn_end
        self._asked: deque[_Request] = deque()
        self._under_way: list[_Request] = []
        self._gfns: list[int] = []
        self._frames: list[memoryview] = []
        self.calls = 0
        self.copies = 0

    def read(self, domid: int, pieces: Sequence[Piece], done: Callable[[bytes | None], None]) -> None:
        """`done(bytes)` of all the pieces, one after the other; None if one cannot be had."""

        def copied(good: Sequence[bool], data: bytes) -> None:
            done(data if all(good) else None)

        self._ask(_Request(domid, pieces, None, copied, []))

    def write(
        self, domid: int, pieces: Sequence[Piece], data: bytes, done: Callable[[Sequence[bool]], None]
    ) -> None:
        """Bytes, as many as the pieces have; `done` is told of each piece whether they are there."""
        self._ask(_Request(domid, pieces, data, lambda good, _: done(good), []))

    def _ask(self, request: _Request) -> None:
        self._asked.append(request)
        if not self._under_way:
            self._at_turn_end(self._issue)

    def _issue(self) -> None:
        if self._under_way or not self._asked:
            return
        asked, ops, at = self._asked, list[object](), (0, 0)
        while asked and (not ops or len(ops) + len(asked[0].pieces) <= OPS_MAX):
            places = self._place(asked[0].pieces, at)
            if places is None and ops:
                break  # with the next call
            request = asked.popleft()
            self._under_way.append(request)
            if places is not None:
                request.places = places
                ops += self._ops(request)
                if places:
                    last, first = places[-1]
                    at = last, first + request.pieces[-1][2]
        self.calls += 1
        self.copies += len(ops)
        answer = self._xen.call(Number.grant_table_op, Gnttabop.copy, {"ops": ops})
        answer.when_done(lambda: self._answered(answer))

    def _place(self, pieces: Sequence[Piece], at: tuple[int, int]) -> list[tuple[int, int]] | None:
        """Where each piece passes: (which of our frames, first byte); None if there are too few of these."""
        index, first = at
        places = []
        for _, _, length in pieces:
            if first + length > PAGE_SIZE:
                index, first = index + 1, 0
            if not self._has_frame(index):
                return None
            places.append((index, first))
            first += length
        return places

    def _has_frame(self, index: int) -> bool:
        while index >= len(self._frames):
            if index >= FRAMES_MAX:
                return False
            try:
                gfn = self._pages.allocate()
            except OutOfPages:
                return False
            self._gfns.append(gfn)
            self._frames.append(self._pages.frame(gfn))
        return True

    def _ops(self, request: _Request) -> list[object]:
        domid, data, taken = request.domid, request.data, 0
        ops: list[object] = []
        for (ref, offset, length), (index, first) in zip(request.pieces, request.places, strict=True):
            theirs: dict[str, object] = {"domid": domid, "ref": ref, "offset": offset}
            ours: dict[str, object] = {"domid": DOMID_SELF, "gfn": self._gfns[index], "offset": first}
            if data is None:
                ops.append({"source": theirs, "dest": ours, "len": length, "flags": GNTCOPY_SOURCE_GREF})
                continue
            self._frames[index][first : first + length] = data[taken : taken + length]
            taken += length
            ops.append({"source": ours, "dest": theirs, "len": length, "flags": GNTCOPY_DEST_GREF})
        return ops

    def _answered(self, answer: Future[HypercallReply]) -> None:
        reply = answer.result()
        rows = cast("list[dict[str, int]]", (reply.out or {}).get("ops", [])) if reply.ret == 0 else []
        good = [each["status"] == 0 for each in rows]
        batch, self._under_way = self._under_way, []
        results, at = [], 0
        for each in batch:
            count = len(each.pieces)
            if len(each.places) == count and at + count <= len(good):
                results.append((each, good[at : at + count], self._gathered(each)))
                at += count
            else:
                results.append((each, [False] * count, b""))
        for request, statuses, data in results:
            request.done(statuses, data)
        if self._asked:
            self._at_turn_end(self._issue)

    def _gathered(self, request: _Request) -> bytes:
        if request.data is not None:
            return b""
        return b"".join(
            [
                self._frames[index][first : first + length]
                for (_, _, length), (index, first) in zip(request.pieces, request.places, strict=True)
            ]
        )
