"""The states of a TCP connection and what leads from one to the next (RFC 9293, 3.3.2).

LISTEN is a listener of its own. A step that has no entry is a bug of ours, not of the peer.
"""

from enum import Enum, StrEnum, auto


class State(StrEnum):
    """As RFC 9293 names them; strings, as those are hashed in C for every segment."""

    CLOSED = "closed"
    SYN_SENT = "syn-sent"
    SYN_RECEIVED = "syn-received"
    ESTABLISHED = "established"
    FIN_WAIT_1 = "fin-wait-1"
    FIN_WAIT_2 = "fin-wait-2"
    CLOSING = "closing"
    TIME_WAIT = "time-wait"
    CLOSE_WAIT = "close-wait"
    LAST_ACK = "last-ack"


class Step(Enum):
    """What happens to a connection."""

    CONNECT = auto()
    ACCEPT = auto()
    """A listener was sent a SYN."""
    CROSS = auto()
    """The peer's SYN came without an acknowledgement of ours: both open at once."""
    ESTABLISH = auto()
    CLOSE = auto()
    """The user has no more to send."""
    FIN = auto()
    """The peer has no more to send."""
    FIN_ACKED = auto()


TRANSITIONS = {
    (State.CLOSED, Step.CONNECT): State.SYN_SENT,
    (State.CLOSED, Step.ACCEPT): State.SYN_RECEIVED,
    (State.SYN_SENT, Step.CROSS): State.SYN_RECEIVED,
    (State.SYN_SENT, Step.ESTABLISH): State.ESTABLISHED,
    (State.SYN_RECEIVED, Step.ESTABLISH): State.ESTABLISHED,
    (State.ESTABLISHED, Step.CLOSE): State.FIN_WAIT_1,
    (State.ESTABLISHED, Step.FIN): State.CLOSE_WAIT,
    (State.FIN_WAIT_1, Step.FIN_ACKED): State.FIN_WAIT_2,
    (State.FIN_WAIT_1, Step.FIN): State.CLOSING,
    (State.FIN_WAIT_2, Step.FIN): State.TIME_WAIT,
    (State.CLOSING, Step.FIN_ACKED): State.TIME_WAIT,
    (State.CLOSE_WAIT, Step.CLOSE): State.LAST_ACK,
    (State.LAST_ACK, Step.FIN_ACKED): State.CLOSED,
}

OPENING = frozenset({State.SYN_SENT, State.SYN_RECEIVED})
RECEIVING = frozenset({State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2})
"""The peer may still send data."""
SENDING = frozenset({State.ESTABLISHED, State.CLOSE_WAIT, State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK})
"""Something of ours may still have to be sent."""
WRITABLE = frozenset({State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT})
"""The user may still give data."""
