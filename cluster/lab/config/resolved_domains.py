"""The domains of a host with everything decided: its guests, and the domains that drive hardware.

Rules: frozen. A guest has one identity in the whole cluster, its `guest_id`; what it is called says where it
was created, not where it is. Sizes in pages, times in nanoseconds.
"""

from dataclasses import dataclass
from typing import NewType

from actors.address import Address
from actors.dom0.plan import DomainPlan
from actors.dom0.shutdown_actions import ShutdownActions
from actors.domu.guest_configuration import GuestConfiguration
from actors.domu.store_client import StoreSpec
from actors.domu.talk.talk_spec import TalkSpec
from actors.domu.workload import WorkloadSpec
from actors.notebook.talk_journal import TalkIdentity
from actors.policies import Frontend
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.volume import Volume

GuestId = NewType("GuestId", int)


@dataclass(frozen=True, slots=True)
class ResolvedDomain:
    """What every domain is made of. `handle`: its UUID, that of its address; `host`: where it is created."""

    host: str
    name: str
    handle: bytes
    memory_pages: int
    max_pages: int
    vcpus: int
    actions: ShutdownActions

    @property
    def address(self) -> str:
        """`host0/web-0`, wherever it is by now."""
        return str(Address(self.host, self.name))

    def plan(self, cmd_line: str) -> DomainPlan:
        """The domain as dom0 is told of it, but for its devices."""
        return DomainPlan(
            name=self.name,
            handle=self.handle,
            memory_pages=self.memory_pages,
            max_pages=self.max_pages,
            vcpus=self.vcpus,
            actions=self.actions,
            devices=(),
            cmd_line=cmd_line,
        )


@dataclass(frozen=True, slots=True)
class ResolvedGuest(ResolvedDomain):
    """A guest, its devices and its work."""

    guest_id: GuestId
    frontend: Frontend
    vitals_ns: int
    devices: tuple[ResolvedDevice, ...]
    workload: WorkloadSpec | None
    store: StoreSpec | None
    talks: tuple[TalkSpec, ...] = ()

    def talk_identity(self, talk: TalkSpec) -> TalkIdentity:
        """What the journal of one of its talks is headed with."""
        return TalkIdentity(self.address, self.guest_id, talk.number, talk.kind, talk.role, talk.peer_id)

    @property
    def store_nodes(self) -> int:
        """How many nodes of XenStore it writes."""
        return self.store.nodes if self.store is not None else 0

    @property
    def volumes(self) -> list[Volume]:
        """Those of its devices that are disks."""
        return [each for each in self.devices if isinstance(each, Volume)]

    def lies_on(self, hardware: str) -> bool:
        """Whether one of its devices is a part of this one of the host."""
        return any(each.lies_on == hardware for each in self.devices)

    def configuration(self, seed: int, *, tells_states: bool) -> GuestConfiguration:
        """What it is told itself."""
        return GuestConfiguration(
            name=self.name,
            guest_id=self.guest_id,
            frontend=self.frontend,
            vitals_ns=self.vitals_ns,
            workload=self.workload,
            store=self.store,
            seed=seed,
            devices=tuple(each.device for each in self.devices),
            tells_states=tells_states,
            talks=self.talks,
            host=self.host,
        )


@dataclass(frozen=True, slots=True)
class ResolvedDriverDomain(ResolvedDomain):
    """A domain that drives hardware of the host; its number is always the same."""

    domid: int
