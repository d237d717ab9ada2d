"""The running cluster's end of the ways to the outside: it says where one leads, and hands connections on.

Rules: a connection that is handed on becomes a link of bytes of the gateway (`forward/...`, `stream/...`),
and is no business of the cluster's own any more.
Source: `actors/devices/gateway.py` says what is on such a link.
"""

import os
import socket

import trio

from actors.devices.gateway import FORWARD, STREAM
from cluster.lab.config.gateway import GATEWAY, find_port
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.client import ControlReply
from cluster.running.drivers.live import LiveCluster

FORWARD_CLIENT = "forward-client"
STREAM_CLIENT = "stream-client"


class Outside:
    """Those of one cluster."""

    def __init__(self, supervisor: Supervisor, live: LiveCluster) -> None:
        self._supervisor = supervisor
        self._live = live
        self._handed_on = 0

    def forward(self, arguments: dict[str, object]) -> ControlReply:
        """Where a target leads, as `target` (interface:port) and `address`; an error if nowhere."""
        wrong = self.stream(arguments).error
        if wrong:
            return ControlReply(wrong, {})
        lab = self._supervisor.lab
        try:
            target, address = find_port(
                str(arguments.get("target")), lab.cluster.guests, lab.switch.gateway.interfaces
            )
        except ValueError as error:
            return ControlReply(str(error), {})
        return ControlReply("", {"target": target, "address": address, "cluster": lab.cluster.name})

    def stream(self, _: dict[str, object]) -> ControlReply:
        """Whether there is something to join; an error if not."""
        switch = self._supervisor.lab.switch
        if not switch.is_there:
            return ControlReply("no host has a network controller (nics:), so there is no switch", {})
        if not switch.gateway.is_there:
            return ControlReply("no guest has a network interface with an address (networks:)", {})
        if not switch.gateway.runs:
            return ControlReply(
                f"the cluster is in its phase {self._supervisor.phase!r}: no gateway runs", {}
            )
        return ControlReply("", {"cluster": self._supervisor.lab.cluster.name})

    def hand_on(self, command: str, arguments: dict[str, object], stream: trio.SocketStream) -> None:
        """Make a link of the gateway of a connection that was answered."""
        self._handed_on += 1
        if command == FORWARD_CLIENT:
            link = f"{FORWARD}{arguments['target']}/{self._handed_on}"
        else:
            link = f"{STREAM}{self._handed_on}"
        connection = socket.socket(fileno=os.dup(stream.socket.fileno()))
        self._live.plug_raw(GATEWAY, link, connection)
