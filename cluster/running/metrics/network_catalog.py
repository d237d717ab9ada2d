"""The metrics of networks, rows as those of the catalog: from TCP and interfaces to switch and gateway.

Rules: as in the catalog. What a frontend counts outlives its backends. Labels of ports name a controller, or
the interface of a guest, and never a domain id, which has no bound.
"""

from typing import Final

from actors.devices.gateway import GatewayStatistics
from actors.devices.nic_statistics import NicStatistics
from actors.devices.switch_statistics import SwitchStatistics
from actors.inet.stack_statistics import StackStatistics
from actors.network.bridge_statistics import BridgeStatistics, PortStatistics, UplinkStatistics
from actors.runtime.units import NS_PER_S
from actors.vif.netback_statistics import NetbackStatistics
from actors.vif.netfront_statistics import NetfrontStatistics
from cluster.running.metrics.family import counter, fields_of, gauge

FRONT: Final = fields_of(NetfrontStatistics)
BACK: Final = fields_of(NetbackStatistics)
STACK: Final = fields_of(StackStatistics)
BRIDGE: Final = fields_of(BridgeStatistics)
PORT: Final = fields_of(PortStatistics)
UPLINK: Final = fields_of(UplinkStatistics)
NIC: Final = fields_of(NicStatistics)
SWITCH: Final = fields_of(SwitchStatistics)
GATEWAY: Final = fields_of(GatewayStatistics)


def _seconds(ns: int) -> float:
    return ns / NS_PER_S


VIF_INFO: Final = gauge(
    "vif_info", "guest vif backend", "Which domain serves a network interface; always 1.", merge="max"
)
VIF_XENBUS_STATE: Final = gauge(
    "vif_xenbus_state",
    "guest vif end",
    "XenbusState of the ends of a network interface: 1 Initialising to 4 Connected, 6 Closed.",
    merge="max",
)
VIF_CARRIER: Final = gauge(
    "vif_carrier",
    "guest vif",
    "Whether an interface has a carrier (1) or not (0): a backend is connected, and no queue has stalled.",
    BACK.carrier,
)
VIF_PACKETS: Final = counter(
    "vif_packets",
    "guest vif direction",
    "Packets that a guest's interface has handed to a backend, and been given by one.",
    {"sent": FRONT.sent, "received": FRONT.received},
)
VIF_BYTES: Final = counter(
    "vif_bytes",
    "guest vif direction",
    "Bytes of these packets.",
    {"sent": FRONT.sent_bytes, "received": FRONT.received_bytes},
)
VIF_FRONTEND_DROPS: Final = counter(
    "vif_frontend_drops",
    "guest vif reason",
    "Packets that came to nothing in the guest's interface.",
    {
        "no room": FRONT.dropped,
        "backend gone": FRONT.lost,
        "refused": FRONT.refused,
        "malformed": FRONT.malformed,
    },
)
VIF_BACKEND_DROPS: Final = counter(
    "vif_backend_drops",
    "guest vif reason",
    "Packets that the backend of an interface has dropped, either way.",
    BACK.drops,
)
VIF_STALLS: Final = counter(
    "vif_stalls",
    "guest vif",
    "How often a backend has given up a queue of a guest that takes no packets.",
    BACK.stalls,
)
VIF_THROTTLED: Final = counter(
    "vif_throttled", "guest vif", "How often the rate of an interface has held packets back.", BACK.throttled
)
VIF_QUEUES: Final = gauge("vif_queues", "guest vif", "Queues that a guest's interface has.", FRONT.queues)
VIF_SLOTS_IN_FLIGHT: Final = gauge(
    "vif_slots_in_flight",
    "guest vif ring",
    "Slots that a backend has taken from a ring and not answered.",
    {"tx": BACK.tx_in_flight, "rx": BACK.rx_in_flight},
)
VIF_RING_SLOTS_USED: Final = gauge(
    "vif_ring_slots_used",
    "guest vif",
    "Slots of the rings for sending that have no answer.",
    FRONT.in_flight,
)
VIF_PACKETS_QUEUED: Final = gauge(
    "vif_packets_queued", "guest vif", "Packets of a guest that wait for room in a ring.", FRONT.waiting
)
VIF_PACKETS_QUEUED_FOR_GUEST: Final = gauge(
    "vif_packets_queued_for_guest",
    "guest vif",
    "Packets for a guest that wait in the backend for its buffers.",
    BACK.rx_queued,
)
VIF_RECONNECTS: Final = counter(
    "vif_reconnects", "guest vif", "How often the interface was connected anew.", FRONT.reconnects
)
VIF_DETACHED_SECONDS: Final = counter(
    "vif_detached_seconds",
    "guest vif",
    "Time that the interface had no rings after its first ones.",
    FRONT.detached_ns,
    unit=_seconds,
)
TCP_SEGMENTS: Final = counter(
    "tcp_segments",
    "guest vif direction",
    "TCP segments of a guest's stack.",
    {"in": STACK.segments_in, "out": STACK.segments_out},
)
TCP_RETRANSMITS: Final = counter(
    "tcp_retransmits",
    "guest vif reason",
    "TCP segments sent again: all of them, and what has begun it, a timer or duplicate acknowledgements.",
    {"all": STACK.retransmitted, "timeout": STACK.timeouts, "fast": STACK.fast_retransmits},
)
TCP_RESETS: Final = counter(
    "tcp_resets",
    "guest vif direction",
    "Resets that a guest's stack has got and sent.",
    {"in": STACK.resets_in, "out": STACK.resets_out},
)
TCP_ABORTED: Final = counter(
    "tcp_aborted", "guest vif", "TCP connections that have ended with an error.", STACK.aborted
)
TCP_CONNECTIONS: Final = gauge(
    "tcp_connections",
    "guest vif state",
    "TCP connections of a guest by state, as RFC 9293 names it.",
    STACK.connections,
)
INET_DROPS: Final = counter(
    "inet_drops", "guest vif reason", "Packets that a guest's IP stack has dropped.", STACK.drops
)
BRIDGE_FRAMES: Final = counter(
    "bridge_frames",
    "domain bridge port direction",
    "Frames that came by a port of a bridge, and left by it; `port` is a controller, or GUEST/VIF.",
    {"in": PORT.in_frames, "out": PORT.out_frames},
)
BRIDGE_BYTES: Final = counter(
    "bridge_bytes",
    "domain bridge port direction",
    "Bytes of these frames.",
    {"in": PORT.in_bytes, "out": PORT.out_bytes},
)
BRIDGE_DROPS: Final = counter(
    "bridge_drops",
    "domain bridge port reason",
    "Frames that came by a port of a bridge for nothing.",
    PORT.in_drops,
)
BRIDGE_UPLINK_DROPS: Final = counter(
    "bridge_uplink_drops",
    "domain bridge port reason",
    "Frames that were to leave by an uplink of a bridge and could not.",
    PORT.out_drops,
)
BRIDGE_FLOODED: Final = counter(
    "bridge_flooded",
    "domain bridge",
    "Frames that went to all ports, as their station was not known.",
    BRIDGE.flooded,
)
BRIDGE_STATIONS: Final = gauge(
    "bridge_stations", "domain bridge", "Stations that a bridge has learnt.", BRIDGE.stations
)
UPLINK_LINK_UP: Final = gauge(
    "uplink_link_up",
    "domain bridge port",
    "Whether the uplink of a bridge has a link (1) or not (0).",
    UPLINK.link_up,
)
UPLINK_WAITING_BYTES: Final = gauge(
    "uplink_waiting_bytes",
    "domain bridge port",
    "Bytes of frames that wait for room in the controller's ring.",
    UPLINK.waiting_bytes,
)
UPLINK_RESTARTS: Final = counter(
    "uplink_restarts",
    "domain bridge port",
    "How often a driver has started its controller again.",
    UPLINK.restarts,
)
NIC_FRAMES: Final = counter(
    "nic_frames",
    "nic direction",
    "Frames that a network controller has received and sent.",
    {"received": NIC.rx_frames, "sent": NIC.tx_frames},
)
NIC_BYTES: Final = counter(
    "nic_bytes",
    "nic direction",
    "Bytes of these frames.",
    {"received": NIC.rx_bytes, "sent": NIC.tx_bytes},
)
NIC_FILTERED: Final = counter(
    "nic_filtered", "nic", "Frames for others, which a network controller did not take.", NIC.filtered
)
NIC_RX_DROPS: Final = counter(
    "nic_rx_drops", "nic reason", "Frames from the wire that a network controller has dropped.", NIC.rx_drops
)
NIC_TX_DROPS: Final = counter(
    "nic_tx_drops", "nic reason", "Descriptors that a network controller has refused.", NIC.tx_drops
)
NIC_INTERRUPTS: Final = counter(
    "nic_interrupts", "nic", "Interrupts that a network controller has raised.", NIC.interrupts
)
NIC_INTERRUPTS_LOST: Final = counter(
    "nic_interrupts_lost", "nic", "Interrupts that a fault has taken away.", NIC.interrupts_lost
)
NIC_RESETS: Final = counter("nic_resets", "nic", "How often a network controller was reset.", NIC.resets)
NIC_FAILURES: Final = counter(
    "nic_failures", "nic", "How often a network controller has stopped with an error.", NIC.failures
)
NIC_LINK_CHANGES: Final = counter(
    "nic_link_changes", "nic", "How often the link has come or gone.", NIC.link_changes
)
NIC_LINK_UP: Final = gauge(
    "nic_link_up", "nic", "Whether the controller's link is up (1) or not (0).", NIC.link_up
)
NIC_RX_BUFFERS: Final = gauge(
    "nic_rx_buffers", "nic", "Buffers that the controller has for what comes.", NIC.rx_buffers
)
NIC_TX_WAITING: Final = gauge(
    "nic_tx_waiting", "nic", "Frames that the controller has not sent yet.", NIC.tx_waiting
)
SWITCH_FRAMES: Final = counter(
    "switch_frames", "", "Frames that the cluster's switch has taken.", SWITCH.frames
)
SWITCH_FLOODED: Final = counter(
    "switch_flooded",
    "",
    "Frames that the switch has sent to all ports, as their station was not known.",
    SWITCH.flooded,
)
SWITCH_DROPS: Final = counter(
    "switch_drops", "reason", "Frames, or copies of them, that went nowhere in the switch.", SWITCH.drops
)
SWITCH_STATIONS: Final = gauge("switch_stations", "", "Stations that the switch knows.", SWITCH.stations)
SWITCH_NOT_LEARNT: Final = counter(
    "switch_not_learnt",
    "",
    "Stations that the switch did not learn, as its table was full.",
    SWITCH.not_learnt,
)
SWITCH_PORT_FRAMES: Final = counter(
    "switch_port_frames", "port", "Frames that a port of the switch has sent.", SWITCH.port_frames
)
SWITCH_PORT_BYTES: Final = counter("switch_port_bytes", "port", "Bytes of these frames.", SWITCH.port_bytes)
SWITCH_WAITING_BYTES: Final = gauge(
    "switch_waiting_bytes", "port", "Bytes that wait at a port of the switch.", SWITCH.waiting_bytes
)
GATEWAY_CONNECTIONS_OPEN: Final = gauge(
    "gateway_connections_open", "", "Connections of `domzero forward` that are open.", GATEWAY.clients
)
GATEWAY_CONNECTIONS: Final = counter(
    "gateway_connections",
    "",
    "Connections to guests that the gateway has begun for `domzero forward`.",
    GATEWAY.clients_total,
)
GATEWAY_BYTES: Final = counter(
    "gateway_bytes",
    "direction",
    "Bytes of these connections.",
    {"to guests": GATEWAY.bytes_to_guests, "from guests": GATEWAY.bytes_from_guests},
)
GATEWAY_STREAMS: Final = gauge(
    "gateway_streams", "", "Stations that have joined by `domzero stream`.", GATEWAY.streams
)
GATEWAY_FRAMES: Final = counter(
    "gateway_frames",
    "direction",
    "Frames that the gateway and these stations have taken from the switch, and sent to it.",
    {"in": GATEWAY.frames_in, "out": GATEWAY.frames_out},
)
