"""Two guests' stacks on a wire, and talks over it, for the tests."""

from collections.abc import Callable
from typing import Protocol

from actors.domu.talk.echoes import Echoes
from actors.domu.talk.seat import Seat
from actors.domu.talk.talk_spec import TalkSpec
from actors.inet.address import ipv4
from actors.inet.stack import Stack
from actors.inet.tcp_settings import TcpSettings
from actors.kernel.threads import Threads
from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_journal import TalkIdentity, TalkJournal
from tests.inet.wire import MILLISECOND, SECOND, Fate, Wire

__all__ = ["MILLISECOND", "SECOND", "Parlour", "spec"]

CLIENT_ID, SERVER_ID = 7, 9


class Talker(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


def spec(kind: TalkKind, role: TalkRole, **more) -> TalkSpec:
    told: dict = {"name": kind.name, "number": 0, "kind": kind, "role": role, "interface": "vif0"}
    told["port"] = 5001
    if role is TalkRole.client:
        told |= {"address": ipv4("10.0.0.2"), "peer_id": SERVER_ID}
    return TalkSpec(**{**told, **more})


class Parlour:
    """Side 0 is guest 7 at 10.0.0.1, side 1 is guest 9 at 10.0.0.2."""

    def __init__(
        self,
        seed: int = 1,
        fate: Fate | None = None,
        settings: TcpSettings | None = None,
        *,
        offload: bool = False,
    ) -> None:
        self.wire = Wire(seed, settings, fate or (lambda _, __: [MILLISECOND // 10]), offload=offload)
        self.threads = Threads()
        self.echoes = [Echoes(each) for each in self.wire.stacks]
        self.journals: list[TalkJournal] = []

    def seat(self, side: int, told: TalkSpec, journal: TalkJournal | None = None) -> Seat:
        guest_id = (CLIENT_ID, SERVER_ID)[side]
        if journal is None:
            peer = told.peer_id
            identity = TalkIdentity(f"host0/g{side}", guest_id, told.number, told.kind, told.role, peer)
            journal = TalkJournal.in_memory(identity)
            self.journals.append(journal)
        journal.begin_boot()
        return Seat(self.threads, self.stack(side), self.echoes[side], guest_id, told, journal)

    def stack(self, side: int) -> Stack:
        return self.wire.stacks[side]

    def run(self, duration_ns: int, until: Callable[[], bool] | None = None) -> None:
        end_ns = self.wire.now_ns + duration_ns
        while until is None or not until():
            woken_ns = self.threads.next_deadline_ns()
            next_ns = self.wire.next_ns()
            if woken_ns is not None and (next_ns is None or woken_ns <= next_ns):
                if woken_ns > end_ns:
                    break
                self.wire.now_ns = max(self.wire.now_ns, woken_ns)
                self.threads.run(self.wire.now_ns)
                continue
            if next_ns is None or next_ns > end_ns:
                break
            self.threads.now_ns = max(self.threads.now_ns, next_ns)
            self.wire.step(end_ns)
        if until is None:
            self.wire.now_ns = self.threads.now_ns = end_ns

    def cut(self) -> None:
        self.wire.fate = lambda _side, _outgoing: []

    def join(self) -> None:
        self.wire.fate = lambda _side, _outgoing: [MILLISECOND // 10]


def words(journal: TalkJournal, *wanted: TalkWord) -> tuple[int, ...]:
    return tuple(journal.word(each) for each in wanted)
