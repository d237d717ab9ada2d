"""A disk with two volumes of one image, and a host that writes raw queue entries."""

import errno
from collections.abc import Sequence

from actors.abi.disk_controller import (
    COMMAND_HEADER,
    ENABLE,
    SEGMENT,
    Opcode,
    Register,
)
from actors.devices.disk import Disk
from actors.devices.image import MemoryImage
from actors.messages import Line, MmioRead, MmioWrite, Pulse
from actors.runtime.machine import (
    DeadlinePassed,
    Received,
    Send,
)
from actors.runtime.memory import SparseMemory

FRAMES = 32

SQ, CQ, DATA = 1, 3, 8

S = 512

SECTORS = 64

READ, WRITE, FLUSH = Opcode.read, Opcode.write, Opcode.flush

DELAYS = {"read_ns": 30, "write_ns": 10, "flush_ns": 20}


class FailingImage(MemoryImage):
    """An image whose medium can be broken."""

    broken = False

    def read(self, offset: int, buffers: Sequence[memoryview]) -> int:
        self._fail_if_broken()
        return super().read(offset, buffers)

    def write(self, offset: int, buffers: Sequence[memoryview | bytes]) -> int:
        self._fail_if_broken()
        return super().write(offset, buffers)

    def sync(self) -> None:
        self._fail_if_broken()

    def _fail_if_broken(self) -> None:
        if self.broken:
            raise OSError(errno.EIO, "scratched")


class Rig:
    """A disk with two volumes of one image, and a host that writes raw queue entries."""

    def __init__(self, sq_entries: int = 40, cq_entries: int = 8, **argument: object) -> None:
        self.memory = SparseMemory(FRAMES)
        self.image = FailingImage(4 * SECTORS * S)
        self.argument = {
            "volumes": [
                {"name": "web0", "path": "img", "sectors": SECTORS, "offset_sector": SECTORS},
                {"name": "golden", "path": "img", "sectors": SECTORS, "read_only": True},
            ],
            **argument,
        }
        self.sq_entries, self.cq_entries = sq_entries, cq_entries
        self.now_ns = 0
        self.power_on()

    def power_on(self) -> None:
        self.disk = Disk(self.argument, self.memory, lambda _path, _read_only: self.image)
        self.lines: list[bool] = []
        self.enable()

    def enable(self) -> None:
        self.tail = self.head = 0
        self.phase = 1
        self.memory.frame(CQ)[:] = bytes(4096)
        self.write(Register.control, 0)
        self.write(Register.sq_mfn, SQ)
        self.write(Register.sq_entries, self.sq_entries)
        self.write(Register.cq_mfn, CQ)
        self.write(Register.cq_entries, self.cq_entries)
        self.write(Register.control, ENABLE)

    def give(self, event) -> list:
        effects = self.disk.handle(event, self.now_ns)
        self.disk.check()
        rest = []
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Line):
                assert effect.link == "ioapic"
                self.lines.append(effect.message.asserted)
            elif isinstance(effect, Send) and isinstance(effect.message, Pulse):
                self.lines += [True, False]
            else:
                rest.append(effect)
        return rest

    def write(self, register: int, value: int) -> list:
        return self.give(Received("dom0", MmioWrite(register, value)))

    def read(self, register: int) -> int:
        (effect,) = self.give(Received("dom0", MmioRead(3, register)))
        assert (effect.link, effect.message.sequence) == ("dom0", 3)
        return effect.message.value

    def put(
        self, opcode, sector=0, segments=((DATA, 0, S),), volume=0, flags=0, command_id=1, nr=None
    ) -> None:
        frame = self.memory.frame(SQ + self.tail // 32)
        offset = self.tail % 32 * 128
        nr = len(segments) if nr is None else nr
        COMMAND_HEADER.pack_into(frame, offset, opcode, flags, command_id, volume, sector, nr)
        for index, segment in enumerate(segments):
            SEGMENT.pack_into(frame, offset + COMMAND_HEADER.size + index * SEGMENT.size, *segment)
        self.tail = (self.tail + 1) % self.sq_entries

    def ring(self) -> list:
        return self.write(Register.sq_tail, self.tail)

    def take(self, *, acknowledge: bool = True) -> list[tuple[int, int]]:
        """The new completions as (command id, status)."""
        taken = []
        words = self.memory.frame(CQ).cast("Q")
        while words[self.head] >> 63 == self.phase:
            taken.append((words[self.head] & 0xFFFF, words[self.head] >> 32 & 0xFFFF))
            self.head = (self.head + 1) % self.cq_entries
            self.phase ^= self.head == 0
        if acknowledge:
            self.write(Register.cq_head, self.head)
        return taken

    def run(self, *args, **named) -> int:
        self.put(*args, **named)
        self.ring()
        ((_, status),) = self.take()
        return status

    def pass_time(self, now_ns: int) -> list:
        self.now_ns = now_ns
        return self.give(DeadlinePassed())

    def fill(self, byte: int, mfn: int = DATA) -> None:
        self.memory.frame(mfn)[:] = bytes([byte]) * 4096

    def stored(self, sector: int, volume: int = 0) -> int:
        """The first byte of a sector in the image."""
        return self.image.content((sector + (1 - volume) * SECTORS) * S, 1)[0]
