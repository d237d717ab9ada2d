"""The domains that a host may run: of which kind each is, and what the process of each kind runs.

Rules: a kind is one row. Who a domain is follows from its handle, but for dom0, which Xen makes by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from actors.address import domain_actor
from actors.dom0.stub_store import XENSTORE_HANDLE
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import ResolvedGuest

Argument = dict[str, object]


def _nothing(_host: ResolvedHost, _boot: int) -> Argument:
    return {}


def _archive(host: ResolvedHost, boot: int) -> Argument:
    return {"store_restart": host.architecture.store_restart.value, "boot": boot}


def _dom0(host: ResolvedHost, boot: int) -> Argument:
    return {**_archive(host, boot), "plan": host.dom0_plan().pack()}


@dataclass(frozen=True, slots=True)
class DomainKind:
    """A kind of domain. `told`: what its program is told of a host in this boot of it, beside who it is."""

    program: str
    told: Callable[[ResolvedHost, int], Argument] = _nothing


DOM0: Final = DomainKind("dom0", _dom0)
STORE_DOMAIN: Final = DomainKind("xenstore", _archive)
DRIVER_DOMAIN: Final = DomainKind("driver")
GUEST: Final = DomainKind("guest")


@dataclass(frozen=True, slots=True)
class Resident:
    """A domain of a host; `guest`: which one it is, if it is one."""

    name: str
    kind: DomainKind
    guest: ResolvedGuest | None = None


def spare_of(name: str) -> str:
    """What the spare of a domain is called."""
    return f"{name}-spare"


class Residents:
    """The domains of one host."""

    def __init__(self, host: ResolvedHost) -> None:
        self._by_handle = {
            XENSTORE_HANDLE: Resident("xenstore", STORE_DOMAIN),
            **{each.handle: Resident(each.name, DRIVER_DOMAIN) for each in host.driver_domains},
            **{each.handle: Resident(each.name, GUEST, each) for each in host.guests},
        }

    def find(self, domid: int, handle: bytes) -> Resident:
        """Who a domain is; a guest without a name of its own if nobody has told of it."""
        if domid == 0:
            return Resident("dom0", DOM0)
        return self._by_handle.get(handle) or Resident(domain_actor(domid), GUEST)
