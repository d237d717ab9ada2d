"""What a TCP connection is set to; times in nanoseconds.

Source: Linux 6.1, `include/net/tcp.h` and `Documentation/networking/ip-sysctl.rst`: tcp_syn_retries 6,
tcp_synack_retries 5, tcp_retries2 15, TCP_DELACK_MIN 40 ms, TCP_TIMEWAIT_LEN and tcp_fin_timeout 60 s,
tcp_keepalive_time 2 h, _intvl 75 s, _probes 9, tcp_invalid_ratelimit 500 ms. Linux counts tcp_retries2 as
the time that 15 retransmissions take from 200 ms on (924.6 s); here they are counted.
"""

from dataclasses import dataclass

from actors.inet.durations import MILLISECOND, SECOND

SYN_RETRIES = 6
SYN_ACK_RETRIES = 5
RETRIES = 15
DELAYED_ACK_NS = 40 * MILLISECOND
QUICK_ACKS = 16
"""TCP_MAX_QUICKACKS."""
TIME_WAIT_NS = 60 * SECOND
FIN_TIMEOUT_NS = 60 * SECOND
"""How long a connection that nobody holds any more waits for the peer's FIN."""
CHALLENGE_NS = 500 * MILLISECOND
"""Between answers to segments that should not have come (RFC 5961, 7)."""
PAWS_NS = 24 * 86400 * SECOND
"""How long a timestamp of the peer is comparable (RFC 7323, 5.5)."""


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """Sysctls and socket options."""

    send_buffer: int = 1 << 20
    receive_buffer: int = 1 << 20
    sack: bool = True
    timestamps: bool = True
    scaling: bool = True
    nodelay: bool = False
    quick_acknowledgements: bool = True
    """The first segments are acknowledged at once, and those after a pause (TCP_QUICKACK)."""
    user_timeout_ns: int | None = None
    """TCP_USER_TIMEOUT: how long what was given may wait without any of it being acknowledged."""
    keepalive: bool = False
    keepalive_idle_ns: int = 7200 * SECOND
    keepalive_interval_ns: int = 75 * SECOND
    keepalive_probes: int = 9

    @property
    def receive_scale(self) -> int:
        """The window scale with which the receive buffer can be told."""
        return max(self.receive_buffer.bit_length() - 16, 0) if self.scaling else 0
