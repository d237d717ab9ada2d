"""The line in which the requests of a block backend wait for their frames to be mapped, and to be unmapped.

Rules: they leave it in the order in which they came. One hypercall serves all that wait. A frame that is not
kept is unmapped before the answer: the frontend revokes its grant as soon as it has that.
Source: Linux drivers/block/xen-blkback/blkback.c (xen_blkbk_map, xen_blkbk_unmap_and_respond).
"""

from collections import deque
from collections.abc import Callable

from actors.block.mapped_grants import MappedGrants
from actors.block.operations import ERROR, WRITE
from actors.block.vbd_request import VbdRequest
from actors.kernel.threads import Threads

Answer = Callable[[VbdRequest, int], None]


class GrantLine:
    """The line of one queue: `start` is given what is mapped (or refused), `answer` what is unmapped."""

    def __init__(
        self,
        threads: Threads,
        mappings: MappedGrants,
        *,
        persistent: bool,
        start: Callable[[VbdRequest], None],
        answer: Answer,
    ) -> None:
        self._threads = threads
        self._mappings = mappings
        self._persistent = persistent
        self._start = start
        self._answer = answer
        self._to_unmap: list[tuple[VbdRequest, int]] = []
        self._mapping = False
        self._unmapping = False
        self._stopped = False
        self.held: deque[VbdRequest] = deque()

    def __len__(self) -> int:
        return len(self.held) + len(self._to_unmap)

    def hold(self, request: VbdRequest) -> None:
        """Have its frames mapped, and then start it."""
        self.held.append(request)
        if not self._mapping:
            self._mapping = True
            self._threads.spawn("map grants", self._map_held())

    def finish(self, request: VbdRequest, status: int) -> None:
        """It is done: answer it as soon as its frames are given back."""
        for mapping in request.mappings:
            mapping.pins -= 1
        if self._persistent or not request.mappings:
            self._answer(request, status)
            return
        self._to_unmap.append((request, status))
        if not self._unmapping:
            self._unmapping = True
            self._threads.spawn("unmap grants", self._unmap_finished())

    def stop(self) -> None:
        """Map nothing more."""
        self._stopped = True

    def refuse_held(self) -> None:
        """Answer what waits with an error; what is being mapped is answered after that."""
        while self.held and not self._mapping:
            self._answer(self.held.popleft(), ERROR)

    async def _map_held(self) -> None:
        while self.held and not self._stopped:
            batch = list(self.held)
            if self._persistent:
                await self._mappings.keep([row[0] for each in batch for row in each.segments])
                found = [[self._mappings.find(row[0]) for row in each.segments] for each in batch]
            else:
                wanted = [(row[0], each.operation == WRITE) for each in batch for row in each.segments]
                mapped = iter(await self._mappings.map(wanted))
                found = [[next(mapped) for _ in each.segments] for each in batch]
            for request, mappings in zip(batch, found, strict=True):
                request.mappings = [each for each in mappings if each is not None]
                for mapping in request.mappings:
                    mapping.pins += 1
            for request in batch:
                self.held.popleft()
                self._start(request)
            await self._mappings.shrink()
        self._mapping = False
        self.refuse_held()

    async def _unmap_finished(self) -> None:
        while self._to_unmap:
            batch, self._to_unmap = self._to_unmap, []
            await self._mappings.unmap([mapping for request, _ in batch for mapping in request.mappings])
            for request, status in batch:
                self._answer(request, status)
        self._unmapping = False
