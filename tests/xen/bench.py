"""A hypervisor on a bench: the board is played by the test, hypercalls are calls that return."""

from actors.abi.hypercalls import COMMANDS
from actors.hypervisor.hypervisor import Hypervisor
from actors.messages import (
    CODEC,
    DomainEvent,
    DomainStopped,
    GrantRevoke,
    Hypercall,
    HypercallReply,
    StartDomain,
    StopDomain,
    Upcall,
    UpcallTaken,
)
from actors.runtime.machine import (
    CloseLink,
    DeadlinePassed,
    Effect,
    Event,
    LinkClosed,
    LinkOpened,
    Log,
    Received,
    Send,
)
from actors.runtime.memory import SparseMemory

SELF = 0x7FF0
COMMAND_NUMBERS = {
    f"{number.name}.{command.name.rstrip('_')}": (int(number), int(command))
    for number, commands in COMMANDS.items()
    for command in commands
}


class Bench:
    """The hypervisor and what it has sent. `auto` plays a board that obeys at once."""

    def __init__(self, *, frames: int = 4096, **argument: object) -> None:
        argument = {"ioapic": False, "dom0_memory_pages": 64, "hwdom": "restart"} | argument
        self.memory = SparseMemory(frames)
        self.machine = Hypervisor(argument, self.memory)
        self.now_ns = 0
        self.auto = True
        self.take_upcalls = True
        self.sent: list[tuple[str, object]] = []
        self.logs: list[str] = []
        self.closed: list[str] = []
        self._sequence = 0

    def boot(self) -> "Bench":
        if self.machine._platform.ioapic:
            self.feed(LinkOpened("ioapic"))
        self.feed(LinkOpened("supervisor"))
        self.clear()
        return self

    def clear(self) -> None:
        self.sent.clear()
        self.logs.clear()

    def feed(self, event: Event) -> None:
        waiting = [event]
        while waiting:
            self.now_ns += 1
            for effect in self.machine.handle(waiting.pop(0), self.now_ns):
                waiting.extend(self._perform(effect))
            self._check()

    def _check(self) -> None:
        self.machine.check_turn()
        self.machine.check()

    def _perform(self, effect: Effect) -> list[Event]:
        if isinstance(effect, Log):
            self.logs.append(effect.text)
        if isinstance(effect, CloseLink):
            self.closed.append(effect.link)
        if not isinstance(effect, Send):
            return []
        (message,) = CODEC.decode_frame(CODEC.encode(effect.message))
        self.sent.append((effect.link, message))
        return self._answer(effect.link, message)

    def _answer(self, link: str, message: object) -> list[Event]:
        """What comes back at once from the other end of a link."""
        match message:
            case StartDomain(domid=domid) if self.auto:
                return [LinkOpened(f"dom{domid}")]
            case StopDomain(domid=domid, incarnation=incarnation) if self.auto:
                return [
                    LinkClosed(f"dom{domid}", "stopped"),
                    Received("supervisor", DomainStopped(domid, incarnation)),
                ]
            case Upcall() if self.take_upcalls:
                return [Received(link, UpcallTaken())]
        return []

    def message(self, link: str, message: object) -> None:
        (message,) = CODEC.decode_frame(CODEC.encode(message))
        self.feed(Received(link, message))

    def raw(
        self, domid: int, number: int, command: int, arguments: dict[str, object]
    ) -> HypercallReply | None:
        self._sequence += 1
        before = len(self.sent)
        self.message(f"dom{domid}", Hypercall(self._sequence, number, command, arguments))
        for link, message in self.sent[before:]:
            if (
                link == f"dom{domid}"
                and isinstance(message, HypercallReply)
                and message.sequence == self._sequence
            ):
                return message
        return None

    def call(self, domid: int, name: str, /, **arguments: object) -> tuple[int, dict[str, object]]:
        reply = self.raw(domid, *COMMAND_NUMBERS[name], arguments)
        assert reply is not None, f"no answer to {name}"
        return reply.ret, reply.out or {}

    def ret(self, domid: int, name: str, /, **arguments: object) -> int:
        return self.call(domid, name, **arguments)[0]

    def out(self, domid: int, name: str, field: str, /, **arguments: object) -> int:
        ret, out = self.call(domid, name, **arguments)
        assert ret >= 0, f"{name} returned {ret}"
        value = out[field]
        assert isinstance(value, int)
        return value

    def revoke(self, domid: int, ref: int) -> int:
        self._sequence += 1
        before = len(self.sent)
        self.message(f"dom{domid}", GrantRevoke(self._sequence, ref))
        return next(each.ret for _, each in self.sent[before:] if isinstance(each, HypercallReply))

    def create(self, pages: int = 16, *, run: bool = True, **fields: object) -> int:
        """A domU with its memory; running unless told otherwise."""
        config: dict[str, object] = {
            "max_vcpus": 1,
            "max_evtchn_port": 1023,
            "max_grant_frames": 4,
            "max_maptrack_frames": 4,
        }
        domid = self.out(0, "domctl.createdomain", "domain", **(config | fields))
        assert self.ret(0, "domctl.max_mem", domain=domid, max_memkb=pages * 4) == 0
        assert self.ret(0, "memory_op.populate_physmap", domid=domid, nr_extents=pages) == pages
        if run:
            assert self.ret(0, "domctl.unpausedomain", domain=domid) == 0
        return domid

    def crash(self, domid: int) -> None:
        self.feed(LinkClosed(f"dom{domid}", "killed"))

    def destroy(self, domid: int) -> None:
        assert self.ret(0, "domctl.destroydomain", domain=domid) == 0

    def status(self, domid: int, port: int) -> dict[str, object]:
        return self.call(0, "event_channel_op.status", dom=domid, port=port)[1]

    def upcalls(self, domid: int) -> list[list[int]]:
        return [each.ports for link, each in self.sent if link == f"dom{domid}" and isinstance(each, Upcall)]

    def events(self) -> list[tuple[int, str, int]]:
        return [
            (each.domid, each.what, each.reason) for _, each in self.sent if isinstance(each, DomainEvent)
        ]

    def messages(self, link: str, kind: type) -> list[object]:
        return [each for name, each in self.sent if name == link and type(each) is kind]

    def deadline(self) -> None:
        deadline = self.machine.next_deadline_ns()
        assert deadline is not None
        self.now_ns = deadline
        self.feed(DeadlinePassed())

    def wait(self, time_ns: int) -> None:
        """Let time pass, with every deadline in it."""
        until_ns = self.now_ns + time_ns
        while (deadline := self.machine.next_deadline_ns()) is not None and deadline <= until_ns:
            self.deadline()
        self.now_ns = max(self.now_ns, until_ns)

    def entry(self, domid: int, ref: int, to: int, gfn: int, flags: int = 1) -> None:
        """Write a grant entry into the guest's table, as the guest does."""
        words = self.table(domid)
        words[ref * 2 + 1] = gfn
        words[ref * 2] = to << 16 | flags

    def table(self, domid: int) -> memoryview:
        _, out = self.call(0, "grant_table_op.setup_table", dom=domid, nr_frames=1)
        frames = out["frame_list"]
        assert isinstance(frames, list)
        return self.memory.words(frames[0])
