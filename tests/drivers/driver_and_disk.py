"""A driver and a disk joined by a wire that holds messages until they are exchanged."""

from actors.abi.disk_controller import Opcode
from actors.devices.disk import Disk
from actors.devices.image import MemoryImage
from actors.drivers.disk_driver import DiskDriver
from actors.messages import Line, Pulse
from actors.runtime.machine import Log, Received
from actors.runtime.memory import SparseMemory

DATA = 8

S = 512

SECTORS = 64

READ, WRITE, FLUSH = Opcode.read, Opcode.write, Opcode.flush


class Pair:
    """A driver and a disk joined by a wire that holds messages until `exchange`."""

    def __init__(self, nr_queue_frames: int = 2, *, edge: bool = False, **argument: object) -> None:
        self.memory = SparseMemory(64)
        self.image = MemoryImage(2 * SECTORS * S)
        self.argument = {
            "volumes": [
                {"name": "web0", "path": "img", "sectors": SECTORS},
                {"name": "golden", "path": "img", "sectors": 8, "offset_sector": SECTORS, "read_only": True},
            ],
            **argument,
        }
        self.now_ns = 0
        self.interrupts = 0
        self.line = False
        self.wire: list[object] = []
        self.logs: list[str] = []
        self.ready_calls: list[bool] = []
        self.done: list[tuple[object, int]] = []
        self.plug()
        self.edge = edge
        self.turn_ends: dict[object, None] = {}
        self.driver = self.new_driver(list(range(40, 40 + nr_queue_frames)))
        self.driver.on_ready = lambda: self.ready_calls.append(self.driver.ready)

    def new_driver(self, queue_frames: list[int]) -> DiskDriver:
        """Another driver on the same wire."""
        return DiskDriver(
            "sda",
            self.memory,
            queue_frames,
            self.wire.append,
            at_turn_end=self.turn_ends.setdefault,
            edge=self.edge,
        )

    def end_turn(self) -> None:
        """Call back what wanted to be."""
        callbacks = list(self.turn_ends)
        self.turn_ends.clear()
        for callback in callbacks:
            callback()

    def plug(self) -> None:
        """A disk that was powered on just now."""
        self.disk = Disk(self.argument, self.memory, lambda _path, _read_only: self.image)

    def start(self) -> "Pair":
        self.driver.start()
        self.exchange()
        return self

    def give(self, event) -> None:
        effects = self.disk.handle(event, self.now_ns)
        self.disk.check()
        for effect in effects:
            if isinstance(effect, Log):
                self.logs.append(effect.text)
            elif isinstance(effect.message, Line):
                self.interrupts += effect.message.asserted
                self.line = effect.message.asserted
            elif isinstance(effect.message, Pulse):
                self.interrupts += 1
            else:
                self.driver.receive(effect.message)

    def exchange(self) -> None:
        while self.wire:
            self.give(Received("dom0", self.wire.pop(0)))

    def submit(self, opcode, sector=0, segments=((DATA, 0, S),), volume=0, fua=False, tag=None) -> None:
        self.driver.submit(
            opcode, volume, sector, segments, lambda status: self.done.append((tag, status)), fua
        )

    def interrupt(self) -> None:
        """What the IO-APIC does: once for each edge, and as long as a level is asserted."""
        if self.interrupts or self.line:
            self.interrupts = 0
            self.driver.interrupt()

    def settle(self) -> list[tuple[object, int]]:
        """Ring, let the disk work, take interrupts until all is quiet; what was done."""
        self.end_turn()
        while self.wire or self.interrupts or self.line:
            self.exchange()
            self.interrupt()
            self.end_turn()
        done, self.done = self.done, []
        return done
