"""The dashboard *Network*: from the sockets of guests to the wire, and where packets are lost on the way."""

from typing import Final

from cluster.running.metrics import network_catalog as metric
from cluster.running.metrics import talk_catalog as talk
from grafana.source.panels import (
    XENBUS_STATES,
    YES_NO,
    Page,
    Query,
    S,
    facts,
    lines,
    rate,
    row,
    states,
    total,
)

G = f'{S},guest=~"$guest"'
VIF = "{{host}}/{{guest}}/{{vif}}"
BRIDGE = "{{host}}/{{domain}} {{bridge}}"
NO_NETWORK = "no network"
TALK = "{{host}}/{{guest}} {{talk}} {{kind}}"
BY_VIF = "host, guest, vif"
BY_TALK = "host, guest, talk, kind"
BY_BRIDGE = "host, domain, bridge"

TALKS: Final = row(
    "Talks",
    lines(
        "Silence",
        "How long talks, and single connections of them, have waited for a sign of life; the longest so far.",
        "s",
        Query(f"max by ({BY_TALK}) ({talk.TALK_SILENCE_SECONDS.of(G)})", TALK),
        Query(f"max by ({BY_TALK}) ({talk.TALK_LONGEST_SILENCE_SECONDS.of(G)})", f"{TALK} longest"),
    ),
    lines(
        "Connections of talks",
        "Connections that guests have opened, and how they have ended.",
        "none",
        Query(total(talk.TALK_CONNECTIONS_OPEN, G, by=BY_TALK), f"{TALK} open now"),
        Query(total(talk.TALK_CONNECTIONS, G, by=f"{BY_TALK}, outcome"), f"{TALK} {{{{outcome}}}}"),
        steps=True,
    ),
    lines(
        "Bytes of talks",
        "Bytes that clients have given to connections, have receipts for, and have been given.",
        "Bps",
        Query(rate(talk.TALK_BYTES, G, by=f"{BY_TALK}, direction"), f"{TALK} {{{{direction}}}}"),
    ),
    lines(
        "Requests",
        "Echoes, datagrams and documents: asked for, answered, failed; and what came that is wrong.",
        "reqps",
        Query(rate(talk.TALK_REQUESTS, G, by=f"{BY_TALK}, result"), f"{TALK} {{{{result}}}}"),
        Query(rate(talk.TALK_WRONG_ANSWERS, G, by=f"{BY_TALK}, reason"), f"{TALK} {{{{reason}}}}"),
    ),
)
GATEWAY: Final = row(
    "From outside",
    lines(
        "Connections from outside",
        "Connections of `domzero forward`: open, and so far; stations that have joined by `domzero stream`.",
        "none",
        Query(total(metric.GATEWAY_CONNECTIONS_OPEN, S, by="cluster"), "open"),
        Query(total(metric.GATEWAY_CONNECTIONS, S, by="cluster"), "so far"),
        Query(total(metric.GATEWAY_STREAMS, S, by="cluster"), "stations"),
        steps=True,
    ),
    lines(
        "Bytes from and to outside",
        "Bytes that the gateway has carried between clients and guests.",
        "Bps",
        Query(rate(metric.GATEWAY_BYTES, S, by="direction"), "{{direction}}"),
    ),
    lines(
        "Frames of the gateway",
        "Frames that the gateway and the stations behind it have taken from the switch, and sent to it.",
        "pps",
        Query(rate(metric.GATEWAY_FRAMES, S, by="direction"), "{{direction}}"),
    ),
)
PAGE: Final = Page(
    "Network",
    "What guests say; TCP, interfaces, bridges, controllers, the switch beneath it; what is dropped.",
    TALKS,
    row(
        "Interfaces",
        lines(
            "Throughput",
            "Bytes that interfaces of guests have handed to backends, and been given by them.",
            "Bps",
            Query(rate(metric.VIF_BYTES, G, by=f"{BY_VIF}, direction"), f"{VIF} {{{{direction}}}}"),
        ),
        lines(
            "Packets",
            "Packets that interfaces of guests have handed to backends, and been given by them.",
            "pps",
            Query(rate(metric.VIF_PACKETS, G, by=f"{BY_VIF}, direction"), f"{VIF} {{{{direction}}}}"),
        ),
        states(
            "Xenbus states",
            "The frontend's end and the backend's, as each has told last.",
            XENBUS_STATES,
            Query(metric.VIF_XENBUS_STATE.of(G), f"{VIF} {{{{end}}}}"),
            none_yet=NO_NETWORK,
        ),
        states(
            "Carriers",
            "Whether interfaces have a carrier, as their backends have told last.",
            YES_NO,
            Query(metric.VIF_CARRIER.of(G), VIF),
            none_yet=NO_NETWORK,
        ),
    ),
    row(
        "TCP",
        lines(
            "Segments",
            "TCP segments of the guests' stacks.",
            "pps",
            Query(rate(metric.TCP_SEGMENTS, G, by=f"{BY_VIF}, direction"), f"{VIF} {{{{direction}}}}"),
        ),
        lines(
            "Sent again",
            "Segments sent again, and what has begun it: a timer, or duplicate acknowledgements (fast).",
            "pps",
            Query(rate(metric.TCP_RETRANSMITS, G, by=f"{BY_VIF}, reason"), f"{VIF} {{{{reason}}}}"),
        ),
        lines(
            "Connections",
            "TCP connections by state.",
            "none",
            Query(total(metric.TCP_CONNECTIONS, G, by="state"), "{{state}}"),
            stacked=True,
        ),
        lines(
            "Resets and errors",
            "Resets that stacks have got and sent, and connections that have ended with an error.",
            "none",
            Query(total(metric.TCP_RESETS, G, by=f"{BY_VIF}, direction"), f"{VIF} resets {{{{direction}}}}"),
            Query(total(metric.TCP_ABORTED, G, by=BY_VIF), f"{VIF} ended with an error"),
            steps=True,
        ),
    ),
    row(
        "Rings and queues",
        lines(
            "Rings",
            "Slots for sending without an answer, and slots that the backend has taken and not answered.",
            "none",
            Query(total(metric.VIF_RING_SLOTS_USED, G, by=BY_VIF), f"{VIF} in use"),
            Query(total(metric.VIF_SLOTS_IN_FLIGHT, G, by=f"{BY_VIF}, ring"), f"{VIF} backend {{{{ring}}}}"),
            Query(total(metric.VIF_QUEUES, G, by=BY_VIF), f"{VIF} queues"),
        ),
        lines(
            "Waiting",
            "Packets that wait for room in a ring, and packets that wait for the guest's buffers.",
            "none",
            Query(total(metric.VIF_PACKETS_QUEUED, G, by=BY_VIF), f"{VIF} to send"),
            Query(total(metric.VIF_PACKETS_QUEUED_FOR_GUEST, G, by=BY_VIF), f"{VIF} for the guest"),
        ),
        lines(
            "Stalls and reconnects",
            "Queues given up as their guest takes nothing, packets held back by a rate, and new connections.",
            "none",
            Query(total(metric.VIF_STALLS, G, by=BY_VIF), f"{VIF} stalls"),
            Query(total(metric.VIF_THROTTLED, G, by=BY_VIF), f"{VIF} held back"),
            Query(total(metric.VIF_RECONNECTS, G, by=BY_VIF), f"{VIF} reconnects"),
            steps=True,
        ),
        lines(
            "Time without a backend",
            "Time that interfaces had no rings after their first ones.",
            "s",
            Query(total(metric.VIF_DETACHED_SECONDS, G, by=BY_VIF), VIF),
            steps=True,
        ),
    ),
    row(
        "Dropped",
        lines(
            "In guests",
            "Packets that came to nothing in an interface, or in the IP stack above it.",
            "none",
            Query(total(metric.VIF_FRONTEND_DROPS, G, by=f"{BY_VIF}, reason"), f"{VIF} {{{{reason}}}}"),
            Query(total(metric.INET_DROPS, G, by="host, guest, reason"), "{{host}}/{{guest}} {{reason}}"),
            steps=True,
        ),
        lines(
            "In backends",
            "Packets that backends have dropped, either way.",
            "none",
            Query(total(metric.VIF_BACKEND_DROPS, G, by=f"{BY_VIF}, reason"), f"{VIF} {{{{reason}}}}"),
            steps=True,
        ),
        lines(
            "In bridges",
            "Frames that came by a port for nothing, and frames that could not leave by an uplink.",
            "none",
            Query(total(metric.BRIDGE_DROPS, S, by=f"{BY_BRIDGE}, reason"), f"{BRIDGE} {{{{reason}}}}"),
            Query(
                total(metric.BRIDGE_UPLINK_DROPS, S, by=f"{BY_BRIDGE}, reason"),
                f"{BRIDGE} uplink {{{{reason}}}}",
            ),
            steps=True,
        ),
        lines(
            "On the wire",
            "Frames that controllers and the switch have dropped; frames for others are no loss.",
            "none",
            Query(total(metric.NIC_RX_DROPS, S, by="host, nic, reason"), "{{host}}/{{nic}} rx {{reason}}"),
            Query(total(metric.NIC_TX_DROPS, S, by="host, nic, reason"), "{{host}}/{{nic}} tx {{reason}}"),
            Query(total(metric.NIC_FILTERED, S, by="host, nic"), "{{host}}/{{nic}} for others"),
            Query(total(metric.SWITCH_DROPS, S, by="reason"), "switch {{reason}}"),
            steps=True,
        ),
    ),
    row(
        "Bridges",
        lines(
            "Throughput of the ports",
            "Bytes that came by the ports of bridges, and left by them.",
            "Bps",
            Query(
                rate(metric.BRIDGE_BYTES, S, by=f"{BY_BRIDGE}, port, direction"),
                f"{BRIDGE} {{{{port}}}} {{{{direction}}}}",
            ),
        ),
        lines(
            "Frames",
            "Frames that came by the ports of bridges, and left by them; and those for unknown stations.",
            "pps",
            Query(
                rate(metric.BRIDGE_FRAMES, S, by=f"{BY_BRIDGE}, port, direction"),
                f"{BRIDGE} {{{{port}}}} {{{{direction}}}}",
            ),
            Query(rate(metric.BRIDGE_FLOODED, S, by=BY_BRIDGE), f"{BRIDGE} flooded"),
        ),
        states(
            "Links of the uplinks",
            "Whether the uplinks of bridges have a link.",
            YES_NO,
            Query(metric.UPLINK_LINK_UP.of(S), f"{BRIDGE} {{{{port}}}}"),
            none_yet=NO_NETWORK,
        ),
        lines(
            "Uplinks and stations",
            "Bytes that wait for the controller, restarts of it by its driver, stations that are known.",
            "none",
            Query(
                total(metric.UPLINK_WAITING_BYTES, S, by=f"{BY_BRIDGE}, port"), f"{BRIDGE} {{{{port}}}} bytes"
            ),
            Query(
                total(metric.UPLINK_RESTARTS, S, by=f"{BY_BRIDGE}, port"), f"{BRIDGE} {{{{port}}}} restarts"
            ),
            Query(total(metric.BRIDGE_STATIONS, S, by=BY_BRIDGE), f"{BRIDGE} stations"),
        ),
    ),
    row(
        "Controllers",
        lines(
            "Throughput of the controllers",
            "Bytes that network controllers have received and sent.",
            "Bps",
            Query(rate(metric.NIC_BYTES, S, by="host, nic, direction"), "{{host}}/{{nic}} {{direction}}"),
        ),
        lines(
            "Frames and interrupts",
            "Frames that controllers have received and sent, and interrupts that they raised.",
            "pps",
            Query(rate(metric.NIC_FRAMES, S, by="host, nic, direction"), "{{host}}/{{nic}} {{direction}}"),
            Query(rate(metric.NIC_INTERRUPTS, S, by="host, nic"), "{{host}}/{{nic}} interrupts"),
        ),
        states(
            "Links",
            "Whether the links of controllers are up.",
            YES_NO,
            Query(metric.NIC_LINK_UP.of(S), "{{host}}/{{nic}}"),
            none_yet=NO_NETWORK,
        ),
        lines(
            "Trouble",
            "Resets, failures, changes of the link, lost interrupts; buffers left, and frames that wait.",
            "none",
            Query(total(metric.NIC_RESETS, S, by="host, nic"), "{{host}}/{{nic}} resets"),
            Query(total(metric.NIC_FAILURES, S, by="host, nic"), "{{host}}/{{nic}} failures"),
            Query(total(metric.NIC_LINK_CHANGES, S, by="host, nic"), "{{host}}/{{nic}} link changes"),
            Query(total(metric.NIC_INTERRUPTS_LOST, S, by="host, nic"), "{{host}}/{{nic}} lost interrupts"),
            Query(total(metric.NIC_RX_BUFFERS, S, by="host, nic"), "{{host}}/{{nic}} buffers"),
            Query(total(metric.NIC_TX_WAITING, S, by="host, nic"), "{{host}}/{{nic}} to send"),
        ),
    ),
    row(
        "Switch",
        lines(
            "Throughput of the switch",
            "Bytes that the ports of the switch have sent.",
            "Bps",
            Query(rate(metric.SWITCH_PORT_BYTES, S, by="port"), "{{port}}"),
        ),
        lines(
            "Frames of the switch",
            "Frames that the switch has taken, that its ports have sent, and that were for unknown stations.",
            "pps",
            Query(rate(metric.SWITCH_FRAMES, S, by="cluster"), "taken"),
            Query(rate(metric.SWITCH_PORT_FRAMES, S, by="port"), "{{port}}"),
            Query(rate(metric.SWITCH_FLOODED, S, by="cluster"), "flooded"),
        ),
        lines(
            "Waiting in the switch",
            "Bytes that wait at its ports.",
            "bytes",
            Query(total(metric.SWITCH_WAITING_BYTES, S, by="port"), "{{port}}"),
        ),
        lines(
            "Stations",
            "Stations that the switch knows, and those that found its table full.",
            "none",
            Query(total(metric.SWITCH_STATIONS, S, by="cluster"), "known"),
            Query(total(metric.SWITCH_NOT_LEARNT, S, by="cluster"), "not learnt"),
        ),
    ),
    GATEWAY,
    row(
        "Backends",
        facts("Backends", "Which domain serves which interface.", Query(metric.VIF_INFO.of(G))),
        height=6,
    ),
    variables=("guest",),
)
