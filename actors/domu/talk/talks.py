"""All talks of a guest: begun when its interfaces are there, ended in order.

Rules: servers listen before clients ask, and stop when the clients of the same guest are done.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from actors.domu.talk.echoes import Echoes
from actors.domu.talk.http_client import HttpClient
from actors.domu.talk.http_server import HttpServer
from actors.domu.talk.ping import Ping
from actors.domu.talk.seat import Seat
from actors.domu.talk.stream_client import StreamClient
from actors.domu.talk.stream_server import StreamServer
from actors.domu.talk.talk_spec import TalkSpec
from actors.domu.talk.udp_client import UdpClient
from actors.domu.talk.udp_server import UdpServer
from actors.inet.stack import Stack
from actors.kernel.threads import Threads
from actors.notebook.talk_header import TalkKind, TalkRole
from actors.notebook.talk_journal import TalkJournal

OpenTalkJournal = Callable[[str], TalkJournal]


class Talker(Protocol):
    """One end of a talk."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End in order; the seat says when that is done."""
        ...


TALKERS: Final[Mapping[tuple[TalkKind, TalkRole], Callable[[Seat], Talker]]] = {
    (TalkKind.ping, TalkRole.client): Ping,
    (TalkKind.udp, TalkRole.client): UdpClient,
    (TalkKind.udp, TalkRole.server): UdpServer,
    (TalkKind.stream, TalkRole.client): StreamClient,
    (TalkKind.stream, TalkRole.server): StreamServer,
    (TalkKind.http, TalkRole.client): HttpClient,
    (TalkKind.http, TalkRole.server): HttpServer,
}


class Talks:
    """Those of one guest."""

    def __init__(self, threads: Threads, open_journal: OpenTalkJournal | None) -> None:
        self._threads = threads
        self._open_journal = open_journal
        self._talkers: list[tuple[Seat, Talker]] = []
        self._stopping = False

    def begin(self, guest_id: int, specs: Sequence[TalkSpec], stacks: Mapping[str, Stack]) -> None:
        """Begin these, each on the stack of its interface."""
        if self._open_journal is None:
            return
        echoes = {name: Echoes(stack) for name, stack in stacks.items()}
        for spec in sorted(specs, key=lambda each: each.role, reverse=True):
            journal = self._open_journal(spec.name)
            journal.begin_boot()
            on = spec.interface
            seat = Seat(self._threads, stacks[on], echoes[on], guest_id, spec, journal)
            talker = TALKERS[spec.kind, spec.role](seat)
            self._talkers.append((seat, talker))
            talker.start()
        if self._stopping:
            self.stop()

    def stop(self) -> None:
        """Ask no more; whoever asks this guest is still answered."""
        self._stopping = True
        self._stop(TalkRole.client)

    async def finish(self) -> None:
        """Wait until all that was asked is answered or given up, then answer no more."""
        self.stop()
        for role in (TalkRole.client, TalkRole.server):
            self._stop(role)
            for seat, _ in self._talkers:
                if seat.spec.role is role:
                    await seat.finished

    def _stop(self, role: TalkRole) -> None:
        for seat, talker in self._talkers:
            if seat.spec.role is role:
                talker.stop()
