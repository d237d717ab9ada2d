"""Why a frame goes no further: each reason is counted by its name, and no frame raises beyond the stack."""

from enum import StrEnum


class Drop(StrEnum):
    """A reason, as a statistic names it."""

    FRAME_TRUNCATED = "frame-truncated"
    FRAME_NOT_OURS = "frame-not-ours"
    ETHERTYPE = "ethertype-unknown"
    ARP_MALFORMED = "arp-malformed"
    ARP_NOT_OURS = "arp-not-ours"
    IP_TRUNCATED = "ip-truncated"
    IP_VERSION = "ip-version"
    IP_HEADER_LENGTH = "ip-header-length"
    IP_LENGTH = "ip-length"
    IP_CHECKSUM = "ip-checksum"
    IP_FRAGMENT = "ip-fragment"
    IP_SOURCE = "ip-source"
    IP_NOT_OURS = "ip-not-ours"
    IP_PROTOCOL = "ip-protocol"
    IP_UNREACHABLE = "ip-unreachable"
    ICMP_TRUNCATED = "icmp-truncated"
    ICMP_CHECKSUM = "icmp-checksum"
    ICMP_IGNORED = "icmp-ignored"
    UDP_LENGTH = "udp-length"
    UDP_CHECKSUM = "udp-checksum"
    UDP_NO_SOCKET = "udp-no-socket"
    TCP_TRUNCATED = "tcp-truncated"
    TCP_OFFSET = "tcp-offset"
    TCP_CHECKSUM = "tcp-checksum"
    TCP_NO_SOCKET = "tcp-no-socket"
    TCP_BACKLOG = "tcp-backlog"
    NEIGHBOUR_QUEUE = "neighbour-queue"
    NEIGHBOUR_FAILED = "neighbour-failed"


class MalformedError(Exception):
    """Raised by a codec, caught by the stack alone."""

    def __init__(self, reason: Drop) -> None:
        super().__init__(reason.value)
        self.reason = reason
