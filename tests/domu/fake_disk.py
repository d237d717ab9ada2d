"""A disk that a test answers for."""

from collections.abc import Callable

from actors.block.operations import FLUSH, READ, WRITE

SECTORS = 64


class FakeDisk:
    """Keeps requests until the test answers them; never two at a block, or it says so."""

    def __init__(self) -> None:
        self.sectors = SECTORS
        self.content = bytearray(SECTORS * 512)
        self.waiting: list[tuple] = []
        self.log: list[tuple[int, int]] = []

    def submit(self, operation: int, sector: int, data: bytes | None, count: int, done: Callable) -> None:
        if operation != FLUSH:
            taken = [each[1] for each in self.waiting if each[0] != FLUSH]
            assert sector not in taken, "two requests at one block"
            assert sector + count <= SECTORS
        self.log.append((operation, sector))
        self.waiting.append((operation, sector, data, count, done))

    def answer(self, index: int = 0, status: int = 0) -> None:
        operation, sector, data, count, done = self.waiting.pop(index)
        place = slice(sector * 512, (sector + count) * 512)
        if operation == WRITE and status == 0 and data is not None:
            self.content[place] = data
        done(status, memoryview(self.content)[place] if operation == READ and status == 0 else None)
