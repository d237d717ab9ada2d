"""The clients of a store, each by the number of its connection.

Rules: a number is never given out twice, not by the daemon of a live update either. The transactions of a
daemon that goes on from an archive have other numbers than those of the one before.
Source: tools/xenstored/core.c (new_connection, ignore_connection).
"""

from typing import Final

from actors.xenstore.connections import Connection
from actors.xenstore.requests import Requests

EPOCH_BITS: Final = 20
"""How many transactions a connection may start before its numbers could meet those of the next daemon."""


class Clients:
    """Who is connected; `epoch` counts the daemons that went on from the archive, `last` the connections."""

    def __init__(self, requests: Requests) -> None:
        self.epoch = 0
        self.last = 0
        self._requests = requests

    def connect(self, domid: int, *, privileged: bool) -> int:
        """A new client that speaks for a domain; the number of the connection."""
        self.last += 1
        client = self.add(self.last, domid, privileged=privileged)
        client.last_transaction = self.epoch << EPOCH_BITS & 0xFFFFFFFF
        return self.last

    def add(self, number: int, domid: int, *, privileged: bool) -> Connection:
        """A client whose connection has this number."""
        quotas = self._requests.quotas.of(domid)
        client = Connection(number, domid, privileged=privileged, quotas=quotas)
        self._requests.connections[number] = client
        return client

    def disconnect(self, connection: int) -> None:
        """A client is gone: its watches and transactions are, too."""
        self._requests.drop_watches(self._requests.connections[connection])
        del self._requests.connections[connection]

    def reset(self, connection: int) -> None:
        """A client begins anew: its watches and transactions are gone."""
        client = self._requests.connections[connection]
        self._requests.drop_watches(client)
        client.transactions.clear()
        client.restored = False
