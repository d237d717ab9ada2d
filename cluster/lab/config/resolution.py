"""From a checked configuration to a resolved one: counts unrolled, numbers given, units converted.

Rules: a pure function of the configuration. A guest's UUID is that of its address, so the same file
always describes the same domains; guest ids count from 1 through all hosts, in the order of the file.
"""

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from actors.abi.types import PAGE_SIZE
from actors.dom0.shutdown_actions import ShutdownActions
from actors.domu.store_client import StoreSpec
from actors.domu.workload import WorkloadSpec
from cluster.lab.config.errors import Finding
from cluster.lab.config.fault_resolution import resolve_fault
from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.guest_description import GuestDescription
from cluster.lab.config.network_addresses import with_addresses
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedDriverDomain, ResolvedGuest
from cluster.lab.config.schema import ClusterSchema, DriverDomainSchema, HostSchema, WorkloadSchema
from cluster.lab.config.source_file import SourceFile
from cluster.lab.config.talk_resolution import TalkResolution
from cluster.lab.config.yaml_source import YamlSource

_DOMZERO: Final = uuid5(NAMESPACE_DNS, "domzero")


class Resolution:
    """Resolves one file; `guests` by the name of their host.

    Its hosts are resolved at once, and its `inventory` is theirs: no check is needed for that. What is made
    of a file in which checks find something is of no other use. `findings`: what is wrong with talks.
    """

    def __init__(
        self, source: YamlSource, cluster: ClusterSchema, guests: dict[str, list[GuestDescription]]
    ) -> None:
        self._source = source
        self._cluster = cluster
        self._guests = guests
        self._guest_ids = 0
        hosts = with_addresses(tuple(self._host(host) for host in cluster.hosts))
        talks = TalkResolution(source, hosts, guests)
        self._hosts = talks.resolve()
        self.findings = talks.findings
        self.inventory = Inventory(self._hosts)

    def resolve(self, remarks: list[Finding], named: list[SourceFile]) -> ResolvedCluster:
        """The whole cluster; `named` are the other files that it was read from."""
        cluster = self._cluster
        resolved = ResolvedCluster(
            name=cluster.name,
            path=self._source.path,
            sha256=hashlib.sha256(self._source.content).hexdigest(),
            seed=cluster.seed,
            duration_ns=cluster.run.duration,
            settle_ns=cluster.run.settle,
            generated_faults_max=cluster.run.faults,
            metrics=cluster.metrics,
            hosts=self._hosts,
            faults=[],
            expect=cluster.expect,
            remarks=tuple(remarks),
            costs=cluster.costs,
            switch=cluster.switch,
            sources=(SourceFile(self._source.path, self._source.content), *named),
        )
        faults = [
            resolve_fault(each, number, self.inventory) for number, each in enumerate(cluster.faults, start=1)
        ]
        tells_states = any(each.trigger is not None and each.trigger.is_of_device for each in faults)
        hosts = tuple(replace(each, tells_states=tells_states) for each in self._hosts)
        return replace(resolved, faults=faults, hosts=hosts)

    def _host(self, host: HostSchema) -> ResolvedHost:
        taken = Counter[str]()
        guests = [
            self._guest(host, name, each, taken) for each in self._guests[host.name] for name in each.names
        ]
        architecture = host.chosen.with_guests(each.frontend for each in self._guests[host.name])
        first = architecture.first_domid
        return ResolvedHost(
            name=host.name,
            seed=self._cluster.seed,
            xen=host.xen,
            built_for=tuple(host.dom0.built_for or (host.xen,)),
            memory_pages=host.memory // PAGE_SIZE,
            architecture=architecture,
            watchdog_s=host.watchdog // 1_000_000_000,
            metrics_port=host.metrics_port,
            dom0_pages=host.dom0.memory // PAGE_SIZE,
            dom0_vcpus=host.dom0.vcpus,
            pack=tuple(tuple(group) for group in host.pack),
            transport=host.transport,
            links=host.links,
            hardware=host.hardware,
            guests=tuple(guests),
            driver_domains=tuple(
                _driver_domain(host.name, each, first + at) for at, each in enumerate(host.driver_domains)
            ),
        )

    def _guest(
        self, host: HostSchema, name: str, guest: GuestDescription, taken: Counter[str]
    ) -> ResolvedGuest:
        self._guest_ids += 1
        folder = self._source.path.parent
        return ResolvedGuest(
            host=host.name,
            name=name,
            handle=_handle(host.name, name),
            memory_pages=guest.memory // PAGE_SIZE,
            max_pages=guest.maxmem // PAGE_SIZE,
            vcpus=guest.vcpus,
            actions=guest.actions,
            guest_id=GuestId(self._guest_ids),
            frontend=guest.frontend or host.chosen.frontend,
            vitals_ns=guest.vitals_ns,
            devices=tuple(each.resolved(name, folder, taken) for each in guest.devices),
            workload=_workload(guest.workload) if guest.workload else None,
            store=StoreSpec(guest.store.nodes, guest.store.rate) if guest.store else None,
        )


def _handle(host: str, name: str) -> bytes:
    return uuid5(_DOMZERO, f"{host}/{name}").bytes


def _driver_domain(host: str, driver: DriverDomainSchema, domid: int) -> ResolvedDriverDomain:
    pages = driver.memory // PAGE_SIZE
    return ResolvedDriverDomain(
        host=host,
        name=driver.name,
        handle=_handle(host, driver.name),
        memory_pages=pages,
        max_pages=pages,
        vcpus=driver.vcpus,
        actions=ShutdownActions(
            on_poweroff=driver.on_poweroff,
            on_reboot=driver.on_reboot,
            on_watchdog=driver.on_watchdog or driver.on_crash,
            on_crash=driver.on_crash,
            on_soft_reset=driver.on_soft_reset,
        ),
        domid=domid,
    )


def _workload(work: WorkloadSchema) -> WorkloadSpec:
    return WorkloadSpec(
        kind=work.kind,
        block=work.block,
        depth=work.depth,
        read_share=float(work.read_share),
        flush_every=work.flush_every,
        rate=work.rate or 0.0,
        requests=work.requests or 0,
        verify=work.verify,
    )
