"""Tracepoints on the path of a packet, for whoever records where it goes; called as those of a block request.

`mark` is what a frame is known by (`actors/network/packet_mark.py`), from the guest to the wire and on. What
a sender leaves to be cut is known by the first frame that is made of it.
Rules: as those of `trace.py`, whose numbers these follow.
Source: ours, in the manner of Linux include/trace/events/net.h.
"""

from enum import IntEnum


class PacketPoint(IntEnum):
    """The points in the order in which a packet meets them; to a guest of the same host not all."""

    FRONT_SEND = 24  # a what it is, b id of its first slot, c mark, d bytes
    BACK_TAKE = 25  # b id of its first slot, c mark, d domain id of the frontend; next is the bridge
    UPLINK_SEND = 26  # c mark of the first frame
    NIC_SEND = 27  # a what it is, c mark, d bytes
    NIC_RECEIVE = 28  # a what it is, c mark, d bytes
    UPLINK_TAKE = 29  # c mark; next is the bridge
    BACK_GIVE = 30  # c mark, d domain id of the frontend
    FRONT_TAKE = 31  # c mark
