"""A network controller with a wire, and a host that writes raw registers and descriptors."""

from actors.abi.network_controller import DONE, END, ControlFlags, Register, buffer_word, rx_tail, tx_tail
from actors.devices.nic import Nic
from actors.messages import EthernetFrame, Fault, InterruptVector, Line, MmioRead, MmioWrite, Pulse
from actors.runtime.machine import DeadlinePassed, LinkOpened, Log, Received, Send
from actors.runtime.memory import SparseMemory

FRAMES = 64
STATUS, RINGS, DATA, BUFFERS = 1, 2, 32, 40
MAC = bytes.fromhex("00163e000001")
PEER = bytes.fromhex("00163e000002")


def ethernet(target: bytes = MAC, source: bytes = PEER, payload: bytes = b"x" * 46) -> bytes:
    return target + source + b"\x88\xb5" + payload


class Rig:
    """Queue q has its rings in the frames RINGS + 2q and RINGS + 2q + 1."""

    def __init__(
        self, *, rx: int = 8, tx: int = 8, enable: bool = True, wired: bool = True, **argument
    ) -> None:
        self.memory = SparseMemory(FRAMES)
        self.argument = {"mac": MAC.hex(":"), **argument}
        self.nic = Nic(self.argument, self.memory)
        self.queues = int(argument.get("queues", 1))
        self.rx, self.tx = rx, tx
        self.now_ns = -1_000_000_000  # it was powered on long before what a test looks at
        self.wire: list[bytes] = []
        self.signals: list[object] = []
        self.logs: list[str] = []
        self.tails: dict[int, int] = {}
        if wired:
            self.give(LinkOpened("wire"))
        if enable:
            self.enable()
        self.now_ns = 0

    def give(self, *events) -> list:
        """One turn; what is neither frame nor interrupt nor log."""
        effects = []
        for event in events:
            effects += self.nic.handle(event, self.now_ns)
            self.nic.check()
        effects += self.nic.end_turn(self.now_ns)
        self.nic.check()
        rest = []
        for effect in effects:
            if isinstance(effect, Log):
                self.logs.append(effect.text)
            elif isinstance(effect, Send) and isinstance(effect.message, EthernetFrame):
                assert effect.link == "wire"
                self.wire.append(effect.message.data)
            elif isinstance(effect, Send) and isinstance(effect.message, Line):
                self.signals.append((effect.link, effect.message.asserted))
            elif isinstance(effect, Send) and isinstance(effect.message, Pulse):
                self.signals.append(effect.link)
            elif isinstance(effect, Send) and isinstance(effect.message, InterruptVector):
                self.signals.append(effect.message.vector)
            else:
                rest.append(effect)
        return rest

    def write(self, register: int, value: int) -> list:
        return self.give(Received("dom0", MmioWrite(int(register), value)))

    def read(self, register: int) -> int:
        (effect,) = self.give(Received("dom0", MmioRead(7, int(register))))
        assert effect.message.sequence == 7
        return effect.message.value

    def enable(self, flags: ControlFlags = ControlFlags.enable) -> None:
        self.tails.clear()
        for queue in range(self.queues):
            for mfn in (RINGS + 2 * queue, RINGS + 2 * queue + 1):
                self.memory.frame(mfn)[:] = bytes(4096)
            for register, value in (
                (Register.queue_select, queue),
                (Register.rx_mfn, RINGS + 2 * queue),
                (Register.rx_entries, self.rx),
                (Register.tx_mfn, RINGS + 2 * queue + 1),
                (Register.tx_entries, self.tx),
            ):
                self.write(register, value)
        self.write(Register.status_mfn, STATUS)
        self.write(Register.control, flags)
        self.signals.clear()

    def status_word(self) -> int:
        return self.memory.words(STATUS)[0]

    def descriptor(self, ring: int, index: int) -> tuple[int, int]:
        words = self.memory.frame(RINGS + ring).cast("Q")
        return words[2 * index], words[2 * index + 1]

    def put(self, ring: int, mfn: int, first: int, length: int, word: int = 0) -> int:
        """Write a descriptor at the tail; its index. Ring 2q receives for queue q, 2q + 1 sends."""
        entries = self.tx if ring & 1 else self.rx
        index = self.tails.get(ring, 0)
        words = self.memory.frame(RINGS + ring).cast("Q")
        words[2 * index], words[2 * index + 1] = buffer_word(mfn, first, length), word
        self.tails[ring] = (index + 1) % entries
        return index

    def ring(self, ring: int) -> list:
        queue, tail = ring >> 1, self.tails.get(ring, 0)
        return self.write(tx_tail(queue) if ring & 1 else rx_tail(queue), tail)

    def post(self, count: int, *, queue: int = 0, length: int = 2048) -> None:
        """Buffers to receive into: frames from BUFFERS on."""
        for _ in range(count):
            index = self.tails.get(2 * queue, 0)
            self.put(2 * queue, BUFFERS + index % (FRAMES - BUFFERS), 0, length)
        self.ring(2 * queue)

    def send(self, data: bytes, *, queue: int = 0, mfn: int = DATA) -> int:
        """Put a frame into the ring in one buffer, without the doorbell."""
        self.memory.frame(mfn)[: len(data)] = data
        return self.put(2 * queue + 1, mfn, 0, len(data), END)

    def receive(self, *frames: bytes) -> list:
        return self.give(*(Received("wire", EthernetFrame(frame)) for frame in frames))

    def received(self, index: int, *, ring: int = 0) -> tuple[bytes, bool] | None:
        """What lies in a buffer that is done, and whether the frame ends in it."""
        buffer, word = self.descriptor(ring, index)
        if not word & DONE:
            return None
        mfn, first = buffer & 0xFFFFFFFF, buffer >> 32 & 0xFFFF
        return bytes(self.memory.frame(mfn)[first : first + (word & 0xFFFF)]), bool(word & END)

    def sent(self, index: int, *, ring: int = 1) -> int | None:
        """The status of a descriptor that is done."""
        _, word = self.descriptor(ring, index)
        return word >> 32 & 0xFFFF if word & DONE else None

    def at(self, now_ns: int) -> list:
        """Let time pass, deadline by deadline."""
        rest, wakes = [], 0
        while (due := self.nic.next_deadline_ns()) is not None and due <= now_ns:
            self.now_ns = max(self.now_ns, due)
            rest += self.give(DeadlinePassed())
            wakes += 1
            assert wakes < 10_000, "it wakes for nothing"
        self.now_ns = now_ns
        return rest

    def break_it(self, kind: str, *, active: bool = True, number: int = 1, **options) -> list:
        return self.give(Received("supervisor", Fault(number, kind, active, {"seed": "1", **options})))
