"""The line of requests that wait for their frames."""

from collections.abc import Sequence
from typing import Any

import pytest

from actors.block.grant_line import GrantLine
from actors.block.mapped_grants import MappedGrant
from actors.block.operations import ERROR, OKAY, READ
from actors.block.vbd_request import VbdRequest
from actors.kernel.threads import Future, Threads

REFUSED = 99


class Frames:
    """Maps when it is told to; a reference of REFUSED is refused. Stands in for `MappedGrants`."""

    def __init__(self) -> None:
        self.kept: dict[int, MappedGrant] = {}
        self.unmapped: list[int] = []
        self.answer: Future[None] = Future()

    async def keep(self, refs: Sequence[int]) -> None:
        await self.answer
        self.kept |= {ref: MappedGrant(ref, ref) for ref in refs if ref != REFUSED}

    def find(self, ref: int) -> MappedGrant | None:
        return self.kept.get(ref)

    async def map(self, wanted: Sequence[tuple[int, bool]]) -> list[MappedGrant | None]:
        await self.answer
        return [None if ref == REFUSED else MappedGrant(ref, ref) for ref, _ in wanted]

    async def unmap(self, mappings: Sequence[MappedGrant]) -> None:
        self.unmapped += [each.handle for each in mappings]

    async def shrink(self) -> None:
        """Nothing is too much."""


class Queue:
    """What is behind the line: it notes what it is given."""

    def __init__(self, *, persistent: bool) -> None:
        self.frames: Any = Frames()
        self.threads = Threads()
        self.started: list[tuple[int, int]] = []
        self.answered: list[tuple[int, int, int]] = []
        self.line = GrantLine(
            self.threads, self.frames, persistent=persistent, start=self.start, answer=self.answer
        )

    def start(self, request: VbdRequest) -> None:
        self.started.append((request.ident, len(request.mappings)))

    def answer(self, request: VbdRequest, status: int) -> None:
        self.answered.append((request.ident, status, len(self.frames.unmapped)))

    def hold(self, *refs: int) -> list[VbdRequest]:
        requests = [VbdRequest(ref, READ, segments=[(ref, 0, 7)]) for ref in refs]
        for request in requests:
            self.line.hold(request)
        self.threads.run(0)
        return requests

    def mapped(self) -> None:
        self.frames.answer.set(None)
        self.threads.run(0)


@pytest.mark.parametrize("persistent", [False, True])
def test_those_that_wait_are_started_in_order_with_what_was_mapped(persistent: bool) -> None:
    queue = Queue(persistent=persistent)
    queue.hold(3, REFUSED, 5)
    assert (queue.started, len(queue.line)) == ([], 3)
    queue.mapped()
    assert (queue.started, len(queue.line)) == ([(3, 1), (REFUSED, 0), (5, 1)], 0)


@pytest.mark.parametrize(("persistent", "unmapped"), [(False, 1), (True, 0)])
def test_a_frame_that_is_not_kept_is_unmapped_before_the_answer(persistent: bool, unmapped: int) -> None:
    queue = Queue(persistent=persistent)
    (request,) = queue.hold(3)
    queue.mapped()
    queue.line.finish(request, OKAY)
    queue.threads.run(0)
    assert queue.answered == [(3, OKAY, unmapped)]
    assert [each.pins for each in request.mappings] == [0]


def test_what_is_being_mapped_when_the_line_stops_is_started_and_the_rest_refused() -> None:
    queue = Queue(persistent=True)
    queue.hold(3)
    queue.hold(4)
    queue.line.stop()
    queue.line.refuse_held()
    assert queue.answered == []
    queue.mapped()
    assert queue.started == [(3, 1)]
    assert queue.answered == [(4, ERROR, 0)]
