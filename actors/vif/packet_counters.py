"""What a frontend of a network interface has done since it was made."""

from dataclasses import dataclass


@dataclass(slots=True)
class PacketCounters:
    """`sent`: handed to a backend; `lost`: of these, what had no answer when that was gone.

    `refused`: slots that a backend has answered with an error. `dropped`: packets that were not sent because
    the line was full, nobody was there or the backend cannot take such a packet. `malformed`: packets from a
    backend that made no sense. `detached_ns`: how long it had no rings after its first ones.
    """

    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0
    lost: int = 0
    refused: int = 0
    dropped: int = 0
    malformed: int = 0
    detached_ns: int = 0
