"""A driver and a network controller joined by a bus that holds messages until they are exchanged."""

from actors.abi.network_controller import ControllerStatus
from actors.devices.nic import Nic
from actors.drivers.nic_driver import NicDriver
from actors.drivers.nic_frames import NicFrames
from actors.messages import EthernetFrame, Fault, Line, Pulse
from actors.runtime.machine import DeadlinePassed, LinkOpened, Log, Received, Send
from actors.runtime.memory import SparseMemory

FRAMES = 128
DATA = 100
MAC = bytes.fromhex("00163e000001")
PEER = bytes.fromhex("00163e000002")
READY, UP = ControllerStatus.ready, ControllerStatus.link_up


def ethernet(payload: bytes = b"x" * 46, target: bytes = MAC, source: bytes = PEER) -> bytes:
    return target + source + b"\x88\xb5" + payload


class Pair:
    """One driver with one controller; `wire` has what was sent, `frames` what the driver gave out."""

    def __init__(self, *, queues: int = 1, buffers: int = 64, moderation_us: int = 0, **argument) -> None:
        self.memory = SparseMemory(FRAMES)
        self.argument = {"mac": MAC.hex(":"), "queues": queues, **argument}
        self.level = argument.get("trigger") == "level"
        self.now_ns = 0
        self.bus: list[object] = []
        self.wire: list[bytes] = []
        self.logs: list[str] = []
        self.pending: set[int] = set()
        self.lines: set[int] = set()
        self.interrupts = 0
        self.frames: list[bytes] = []
        self.kept: list[list] = []
        self.keeps = False
        self.done: list[tuple[object, int]] = []
        self.links: list[bool] = []
        self.starts: list[bool] = []
        self.room: list[int] = []
        self.turn_ends: dict[object, None] = {}
        self.plug()
        given = NicFrames.in_a_row(range(8, 8 + 1 + 2 * queues + buffers), queues)
        self.driver = NicDriver(
            "eth0",
            self.memory,
            given,
            self.bus.append,
            at_turn_end=self.turn_ends.setdefault,
            level=self.level,
            moderation_us=moderation_us,
        )
        self.driver.on_ready = lambda: self.starts.append(self.driver.ready)
        self.driver.on_frame = self.take
        self.driver.on_link = self.links.append
        self.driver.on_room = self.room.append

    def plug(self) -> None:
        """A controller that was powered on just now."""
        self.nic = Nic(self.argument, self.memory)
        self.give(LinkOpened("wire"))

    def start(self) -> "Pair":
        self.driver.start()
        self.settle()
        return self

    def take(self, segments) -> None:
        self.frames.append(
            b"".join(bytes(self.memory.frame(mfn)[first : first + size]) for mfn, first, size in segments)
        )
        if self.keeps:
            self.kept.append(segments)
        else:
            self.driver.give_back(segments)

    def give(self, *events) -> None:
        effects = []
        for event in events:
            effects += self.nic.handle(event, self.now_ns)
            self.nic.check()
        effects += self.nic.end_turn(self.now_ns)
        self.nic.check()
        for effect in effects:
            if isinstance(effect, Log):
                self.logs.append(effect.text)
                continue
            assert isinstance(effect, Send)
            queue = int(effect.link.removeprefix("ioapic") or 0) if effect.link.startswith("ioapic") else 0
            if isinstance(effect.message, EthernetFrame):
                self.wire.append(effect.message.data)
            elif isinstance(effect.message, Pulse):
                self.interrupts += 1
                self.pending.add(queue)
            elif isinstance(effect.message, Line):
                self.interrupts += effect.message.asserted
                (self.lines.add if effect.message.asserted else self.lines.discard)(queue)
            else:
                self.driver.receive(effect.message)

    def exchange(self) -> None:
        """What the driver said arrives in one turn of the controller, what is said to that in the next."""
        while self.bus:
            said = self.bus[:]
            self.bus.clear()
            self.give(*(Received("dom0", message) for message in said))

    def end_turn(self) -> None:
        callbacks = list(self.turn_ends)
        self.turn_ends.clear()
        for callback in callbacks:
            callback()

    def settle(self) -> list[tuple[object, int]]:
        """Until all is quiet; what was sent, with what became of it."""
        self.end_turn()
        rounds = 0
        while self.bus or self.pending or self.lines:
            self.exchange()
            for queue in sorted(self.pending | self.lines):
                self.pending.discard(queue)
                self.driver.interrupt(queue)
            self.end_turn()
            rounds += 1
            assert rounds < 1000, "an interrupt without end"
        done, self.done = self.done, []
        return done

    def send(
        self, data: bytes, *, tag: object = None, queue: int = 0, cuts: int = 1, mfn: int = DATA
    ) -> bool:
        """Put in a frame, in so many pieces."""
        size = -(-len(data) // cuts)
        segments = []
        for place in range(cuts):
            piece = data[place * size : (place + 1) * size]
            self.memory.frame(mfn + place)[8 : 8 + len(piece)] = piece
            segments.append((mfn + place, 8, len(piece)))
        return self.driver.transmit(segments, lambda status: self.done.append((tag, status)), queue)

    def hear(self, *frames: bytes) -> list[bytes]:
        """Frames come by the wire in one turn; what the driver gave out."""
        self.frames.clear()
        self.give(*(Received("wire", EthernetFrame(frame)) for frame in frames))
        self.settle()
        return list(self.frames)

    def at(self, now_ns: int) -> list[tuple[object, int]]:
        done = self.settle()
        while (due := self.nic.next_deadline_ns()) is not None and due <= now_ns:
            self.now_ns = max(due, self.now_ns)
            self.give(DeadlinePassed())
            done += self.settle()
        self.now_ns = now_ns
        return done

    def break_it(self, kind: str, *, active: bool = True, number: int = 1, **options) -> None:
        self.give(Received("supervisor", Fault(number, kind, active, {"seed": "1", **options})))
