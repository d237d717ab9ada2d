"""The transmission control block: all that is remembered of a connection (RFC 9293, 3.3.1)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from actors.inet.address import Endpoint
from actors.inet.congestion import Congestion
from actors.inet.reassembly import Reassembly
from actors.inet.rto import RtoEstimator
from actors.inet.scoreboard import Scoreboard
from actors.inet.send_buffer import SendBuffer
from actors.inet.states import TRANSITIONS, State, Step
from actors.inet.tcp_segment import Segment
from actors.inet.tcp_settings import TcpSettings
from actors.inet.timers import Timers

MSS_DEFAULT = 536
"""That of a peer that says none (RFC 9293, 3.7.1)."""


class TcpEvent(Enum):
    """What a user is told."""

    CONNECTED = auto()
    READABLE = auto()
    WRITABLE = auto()
    """There is room again where there was none."""
    FINISHED = auto()
    """The peer has no more to send."""
    CLOSED = auto()
    """The connection is gone, with an error or without."""


@dataclass(slots=True)
class TcpStatistics:
    """Counted over all connections of a stack; the names follow Linux's /proc/net/snmp and netstat."""

    segments_in: int = 0
    segments_out: int = 0
    retransmitted: int = 0
    fast_retransmits: int = 0
    timeouts: int = 0
    resets_in: int = 0
    resets_out: int = 0
    challenges: int = 0
    probes: int = 0
    paws_rejected: int = 0
    out_of_order: int = 0
    aborted: int = 0


@dataclass(slots=True)
class SendSide:
    """SND.*, as positions."""

    buffer: SendBuffer
    mss: int
    """Bytes of data in a full segment."""
    initial: int = 0
    una: int = 0
    nxt: int = 0
    window: int = 0
    window_max: int = 0
    window_sequence: int = 0
    """SND.WL1."""
    window_acknowledgement: int = 0
    """SND.WL2."""
    scale: int = 0
    scaled: bool = True
    """Windows are scaled, as far as the peer has said."""
    closing: bool = False
    """A FIN follows the last byte."""
    small: int = 0
    """Where the last segment that was less than a full one ended."""
    starved: bool = False
    """The user was told that there is no room."""

    @property
    def fin_sent(self) -> bool:
        """Whether the FIN is in flight or has arrived."""
        return self.closing and self.nxt > self.buffer.end

    @property
    def waits(self) -> bool:
        """Whether data or the FIN was never sent."""
        return self.buffer.end > self.nxt or (self.closing and self.nxt == self.buffer.end)


@dataclass(slots=True)
class ReceiveSide:
    """RCV.*, as positions; RCV.NXT is `next`."""

    buffer: Reassembly
    initial: int = 0
    next: int = 0
    edge: int = 0
    """How far the peer may send, as it was told."""
    acknowledged: int = 0
    """Last.ACK.sent."""
    scale: int = 0
    fin: int | None = None
    """The position of the peer's FIN."""
    segment_bytes: int = MSS_DEFAULT
    """The size of the peer's full segments, as seen."""
    heard_ns: int = 0
    data_ns: int | None = None
    """When data came last that was in order."""
    quick: int = 0
    """How many acknowledgements are sent at once, as the peer may be in slow start."""
    interactive: bool = False
    """Both ends send in turn, so that an acknowledgement had better wait for data."""


@dataclass(slots=True)
class Recovery:
    """How losses are found and made good."""

    congestion: Congestion
    scoreboard: Scoreboard = field(default_factory=Scoreboard)
    rto: RtoEstimator = field(default_factory=RtoEstimator)
    point: int | None = None
    """The recovery ends when all before it is acknowledged."""
    last_point: int = 0
    timed_out: bool = False
    """The recovery follows a timeout."""
    attempts: int = 0
    """Retransmissions by the timer, zero window probes or keepalive probes in a row without an answer."""
    timed: tuple[int, int] | None = None
    """What is being measured: a position, and when what ends there was sent."""
    sent_ns: int = 0


@dataclass(slots=True)
class Stamps:
    """Timestamps (RFC 7323)."""

    offset: int
    enabled: bool = False
    recent: int = 0
    recent_ns: int = 0


@dataclass(slots=True)
class Outcome:
    """What the user is told, and what is counted."""

    events: deque[TcpEvent] = field(default_factory=deque)
    error: int | None = None
    """An errno."""
    soft_error: int | None = None
    """What an ICMP message has said, which ends nothing by itself."""
    ended: bool = False
    passive: bool = False
    """A listener has made it."""
    statistics: TcpStatistics = field(default_factory=TcpStatistics)


class Tcb:
    """Of one connection, from its first segment to its last."""

    def __init__(
        self,
        local: Endpoint,
        remote: Endpoint,
        settings: TcpSettings,
        emit: Callable[[Segment, int, int], None],
        *,
        mss: int,
        segment_bytes_max: int = 0,
    ) -> None:
        """`mss` is what the interface takes, without options; `segment_bytes_max` what it cuts, or 0."""
        self.local = local
        self.remote = remote
        self.settings = settings
        self.emit = emit
        """Called with a segment, the size of those that it is to be cut into, or 0, and the time."""
        self.mss = mss
        self.segment_bytes_max = segment_bytes_max
        self.state = State.CLOSED
        self.send = SendSide(SendBuffer(settings.send_buffer), min(mss, MSS_DEFAULT))
        self.receive = ReceiveSide(Reassembly(settings.receive_buffer))
        self.recovery = Recovery(Congestion(mss))
        self.stamps = Stamps(0)
        self.sack = False
        self.timers = Timers()
        self.challenged_ns: int | None = None
        self.orphan = False
        """Nobody holds the connection any more."""
        self.outcome = Outcome()

    def step(self, step: Step) -> None:
        """Go to the next state."""
        self.state = TRANSITIONS[self.state, step]

    def tell(self, event: TcpEvent) -> None:
        """The user will hear of it when the segment or timer at hand is done with."""
        self.outcome.events.append(event)

    def end(self, error: int | None = None) -> None:
        """The connection is no more."""
        if self.outcome.ended:
            return
        self.state = State.CLOSED
        self.timers.clear()
        self.send.buffer.clear()
        if error is not None:
            self.receive.buffer.clear()
            self.outcome.statistics.aborted += 1
        self.outcome.error = error
        self.outcome.ended = True
        self.tell(TcpEvent.CLOSED)

    @property
    def in_flight(self) -> int:
        """What is thought to be on its way."""
        send, board = self.send, self.recovery.scoreboard
        flight = board.pipe(send.una, send.nxt)
        return flight if self.sack else max(flight - board.duplicates * send.mss, 0)
