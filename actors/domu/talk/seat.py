"""Where a guest sits at a talk: its stack, its clock, who it is, and what it writes into."""

from dataclasses import dataclass, field
from typing import Final

from actors.domu.talk.echoes import Echoes
from actors.domu.talk.talk_spec import TalkSpec
from actors.inet.stack import Stack
from actors.inet.tcp_settings import TcpSettings
from actors.kernel.threads import Future, Threads
from actors.notebook.talk_journal import TalkJournal

FAREWELL_NS: Final = 5_000_000_000
"""How long whoever stops waits for the other end, before a connection is given up."""
NO_DELAY: Final = TcpSettings(nodelay=True)


@dataclass(frozen=True, slots=True)
class Seat:
    """Of one talk. `echoes` is shared by all that use the same stack."""

    threads: Threads
    stack: Stack
    echoes: Echoes
    guest_id: int
    spec: TalkSpec
    journal: TalkJournal
    tcp: TcpSettings = NO_DELAY
    """Of its connections: receipts and requests are not held back."""
    finished: Future[None] = field(default_factory=Future)
    """Set when nothing is left to do."""
