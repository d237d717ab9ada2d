"""The domains that are introduced to a store: their connections, and what is left of one that is gone.

Rules: whoever comes under the id of a dead domain finds nothing that was meant for that one. The journal
hears of each domain that is to be served again by the next daemon.
Source: tools/xenstored/domain.c; XSA-322 (nodes of a dead domain).
"""

from dataclasses import replace
from typing import Final

from actors.xenstore.administration import FEATURES
from actors.xenstore.clients import Clients
from actors.xenstore.operations import cut
from actors.xenstore.quotas import Quotas
from actors.xenstore.requests import Output, Requests
from actors.xenstore.tree import INTRODUCE_DOMAIN, RELEASE_DOMAIN, ROOT, SPECIAL, Node

CONTROL_DOMAIN: Final = 0


class Domains:
    """The domains of one store; `connections` has those that have a ring."""

    def __init__(self, requests: Requests, clients: Clients) -> None:
        self.connections: dict[int, int] = {}
        self._requests = requests
        self._clients = clients

    def quotas(self, domid: int) -> Quotas:
        """What holds for a domain that is not privileged."""
        return self._requests.quotas.of(domid)

    def features(self, domid: int) -> int:
        """The feature bits that a domain is to see in its ring page."""
        return self._requests.features.get(domid, FEATURES)

    def introduce(self, domid: int, port: int = 0, *, privileged: bool = False) -> tuple[int, list[Output]]:
        """A domain's ring is served from now on: its connection, and who is told if it is new.

        One that was served already begins anew, which is no news to anybody.
        """
        connection = self.connections.get(domid)
        if self._requests.journal is not None:
            self._requests.journal.domain(domid, port)
        if connection is not None:
            self._clients.reset(connection)
            return connection, []
        connection = self.connect(domid, privileged=privileged)
        self._requests.shut_down.pop(domid, None)
        self._requests.fire_special(INTRODUCE_DOMAIN, domid)
        return connection, self._requests.take_events()

    def connect(self, domid: int, *, privileged: bool) -> int:
        """The connection of a domain that counts as introduced from now on; nobody is told."""
        connection = self.connections[domid] = self._clients.connect(domid, privileged=privileged)
        self._requests.connections[connection].kept = True
        self._requests.introduced[domid] = None
        return connection

    def shut_down(self, domid: int) -> list[Output]:
        """An introduced domain has shut down or crashed, but still exists; told once."""
        if domid not in self._requests.introduced or domid in self._requests.shut_down:
            return []
        self._requests.shut_down[domid] = None
        self._requests.fire_special(RELEASE_DOMAIN, domid)
        return self._requests.take_events()

    def lose(self, domid: int) -> list[Output]:
        """A domain is gone, but another may come under its id: its nodes stay."""
        connection = self.connections.pop(domid, None)
        self._requests.introduced.pop(domid, None)
        self._requests.shut_down.pop(domid, None)
        if connection is not None:
            self._clients.disconnect(connection)
        if self._requests.journal is not None:
            self._requests.journal.domain(domid, None)
        self._requests.fire_special(RELEASE_DOMAIN, domid)
        return self._requests.take_events()

    def remove(self, domid: int) -> list[Output]:
        """A domain is gone for good: its connection, its nodes with all below, its rights."""
        events = self.lose(domid)
        tree = self._requests.tree
        self._forget_settings(domid)
        self._forget_rights(domid)
        for path in tree.owned_by(domid):
            if path != ROOT and tree.get(path) is not None:
                self._requests.fire(cut(tree, path))
        for path in (ROOT, *SPECIAL):
            self._return(path, domid)
        return [*self._requests.take_events(), *events]

    def _return(self, path: str, domid: int) -> None:
        """What cannot be removed with its owner is domain 0's again."""
        node = self._requests.tree.get(path)
        if node is not None and node.owner == domid:
            owner, *others = node.permissions
            permissions = (replace(owner, domid=CONTROL_DOMAIN), *others)
            self._requests.tree.put(path, Node(node.value, permissions, node.children))

    def _forget_rights(self, domid: int) -> None:
        self._requests.tree.forget_permissions(domid)
        for client in self._requests.connections.values():
            for transaction in client.transactions.values():
                transaction.forget_permissions(domid)
            if client.target == domid:
                client.target = None
                if self._requests.journal is not None:
                    self._requests.journal.setting(f"target/{client.domid}", None)

    def _forget_settings(self, domid: int) -> None:
        quotas = self._requests.quotas.forget(domid)
        feature = self._requests.features.pop(domid, None)
        journal = self._requests.journal
        if journal is not None:
            for name in quotas:
                journal.setting(f"quota/{domid}/{name}", None)
            if feature is not None:
                journal.setting(f"feature/{domid}", None)
            journal.setting(f"target/{domid}", None)
