"""One connection whose peer is the test: segments go in by hand, and those that come out are kept."""

from actors.inet.address import Endpoint, ipv4
from actors.inet.connection import Connection
from actors.inet.output import stamp
from actors.inet.states import State
from actors.inet.tcb import Tcb, TcpEvent
from actors.inet.tcp_options import NO_OPTIONS, TcpOptions
from actors.inet.tcp_segment import ACK, FIN, SYN, Segment
from actors.inet.tcp_settings import TcpSettings

MSS = 1000
OURS = 5000
THEIRS = 9000


class Puppet:
    """Sequence numbers: ours start at 5000, the test's at 9000; the first byte of data has the next one."""

    def __init__(
        self,
        *,
        timestamps: bool = False,
        sack: bool = True,
        offload: int = 0,
        quick: bool = False,
        **chosen: object,
    ) -> None:
        self.now_ns = 0
        self.out: list[Segment] = []
        self.heard: list[TcpEvent] = []
        self.tcb = Tcb(
            Endpoint(ipv4("10.0.0.1"), 1000),
            Endpoint(ipv4("10.0.0.2"), 80),
            TcpSettings(
                timestamps=timestamps, sack=sack, scaling=False, quick_acknowledgements=quick, **chosen
            ),
            lambda segment, _cut, _now_ns: self.out.append(segment),
            mss=MSS,
            segment_bytes_max=offload,
        )
        self.connection = Connection(self.tcb, lambda _, event, __: self.heard.append(event))
        self.sack = sack

    def give(
        self,
        flags: int,
        sequence: int = THEIRS + 1,
        acknowledgement: int = OURS + 1,
        payload: bytes = b"",
        *,
        window: int = 60_000,
        options: TcpOptions = NO_OPTIONS,
    ) -> list[Segment]:
        """What answers a segment at once."""
        self.out.clear()
        segment = Segment(
            80, 1000, sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF, flags, window, options
        )
        segment.payload = payload
        self.refused = self.connection.receive(segment, self.now_ns)
        self.connection.check()
        return list(self.out)

    def syn_options(self) -> TcpOptions:
        stamps = (100, stamp(self.tcb, self.now_ns)) if self.tcb.settings.timestamps else None
        return TcpOptions(mss=MSS, sack_permitted=self.sack, timestamps=stamps)

    def open(self) -> "Puppet":
        self.connection.connect(OURS, self.now_ns)
        self.give(SYN | ACK, THEIRS, OURS + 1, options=self.syn_options())
        assert self.state is State.ESTABLISHED
        self.out.clear()
        return self

    @property
    def state(self) -> State:
        return self.connection.state

    def send(self, size: int) -> list[Segment]:
        self.out.clear()
        self.connection.send(bytes(size), self.now_ns)
        return list(self.out)

    def at(self, now_ns: int) -> list[Segment]:
        """What is sent by timers until then, which have to be those that were announced."""
        self.out.clear()
        while (due_ns := self.connection.next_deadline_ns) is not None and due_ns <= now_ns:
            self.now_ns = due_ns
            self.connection.deadline(due_ns)
            self.connection.check()
        self.now_ns = now_ns
        return list(self.out)

    def deadlines(self, count: int) -> list[int]:
        """When timers expire next, one after the other, as nothing comes."""
        found = []
        while len(found) < count and (due_ns := self.connection.next_deadline_ns) is not None:
            found.append(due_ns)
            self.at(due_ns)
        return found

    def reach(self, state: State) -> "Puppet":
        """Go there by the shortest way."""
        if state is State.SYN_SENT:
            self.connection.connect(OURS, self.now_ns)
        elif state is State.SYN_RECEIVED:
            syn = Segment(80, 1000, THEIRS, 0, SYN, 60_000, self.syn_options())
            self.connection.accept(syn, OURS, self.now_ns)
        else:
            self.open()
        if state in (State.CLOSE_WAIT, State.LAST_ACK):
            self.give(FIN | ACK)
        if state in (State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING, State.TIME_WAIT, State.LAST_ACK):
            self.connection.shutdown(self.now_ns)
        if state is State.CLOSING:
            self.give(FIN | ACK)
        if state in (State.FIN_WAIT_2, State.TIME_WAIT):
            self.give(ACK, acknowledgement=OURS + 2)
        if state is State.TIME_WAIT:
            self.give(FIN | ACK, acknowledgement=OURS + 2)
        assert self.state is state
        self.out.clear()
        return self


def flags_of(segments: list[Segment]) -> list[int]:
    return [segment.flags for segment in segments]
