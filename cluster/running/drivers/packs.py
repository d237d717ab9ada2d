"""Which actors share a process, as `pack` of their host says."""

from collections.abc import Iterable

from actors.address import Address
from actors.runtime.machine import Spawn
from cluster.lab.config.resolved import ResolvedHost


class Packs:
    """The packs of all hosts, numbered."""

    def __init__(self, hosts: Iterable[ResolvedHost]) -> None:
        packs = [[str(Address(host.name, actor)) for actor in pack] for host in hosts for pack in host.pack]
        self._numbers = {address: number for number, pack in enumerate(packs) for address in pack}

    def of(self, spawn: Spawn) -> int | None:
        """The number of the pack that an actor belongs to; None for one with a process of its own.

        The configuration knows a domain by its name, not by its number.
        """
        address = Address.parse(spawn.address)
        return self._numbers.get(str(address.beside(str(spawn.argument.get("name", address.actor)))))
