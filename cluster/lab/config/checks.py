"""What takes more than one key of a configuration to decide: names, memory, images, faults, packs.

Rules: nothing is changed and nothing raised; every check adds its findings.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from actors.abi.hypercalls import Domctl, Hypercall
from actors.abi.releases import RELEASES
from cluster.lab.config.architecture import ARCHITECTURES
from cluster.lab.config.domain_name import check_domain_name, check_not_reserved
from cluster.lab.config.errors import Finding, did_you_mean
from cluster.lab.config.fault_checks import FaultChecks
from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.guest_description import GuestDescription
from cluster.lab.config.guest_device import DeviceDescription, GuestDeviceKind
from cluster.lab.config.guest_devices import kind_of
from cluster.lab.config.guest_disk import DiskDescription
from cluster.lab.config.guest_network_checks import interface_findings
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.hardware_kind import HardwareKind
from cluster.lab.config.network_checks import network_findings
from cluster.lab.config.quantities import size_text
from cluster.lab.config.schema import ClusterSchema, HostSchema
from cluster.lab.config.yaml_source import Where, YamlSource

HYPERVISOR_MEMORY: Final = 1 << 20
DOMAIN_OVERHEAD: Final = 256 << 10
XENSTORE_MEMORY: Final = 16 << 20

Guests = dict[str, list[GuestDescription]]


class ConfigChecks:
    """All checks of one file; `guests` by the name of their host."""

    def __init__(
        self, source: YamlSource, cluster: ClusterSchema, guests: Guests, inventory: Inventory
    ) -> None:
        self._source = source
        self._cluster = cluster
        self._guests = guests
        self._inventory = inventory
        self.findings: list[Finding] = []

    def run(self) -> list[Finding]:
        """Every finding."""
        hosts = self._cluster.hosts
        self._unique([(host.name, ("hosts", index, "name"), "host") for index, host in enumerate(hosts)])
        self._ports()
        self._images()
        for index, host in enumerate(hosts):
            self._host(host, ("hosts", index))
        self.findings += network_findings(self._source, self._cluster)
        self.findings += interface_findings(hosts, self._guests)
        self.findings += FaultChecks(self._source, self._cluster, self._inventory).run()
        self._survivors()
        return self.findings

    def _host(self, host: HostSchema, where: Where) -> None:
        devices = [
            (each.name, (*where, kind.key, index, "name"), program)
            for program, kind in HARDWARE_KINDS.items()
            for index, each in enumerate(host.devices(kind))
        ]
        guests = self._guests[host.name]
        names = [(name, (*each.where, "name"), "guest") for each in guests for name in each.names]
        drivers = [
            (each.name, (*where, "driver_domains", index, "name"), "driver domain")
            for index, each in enumerate(host.driver_domains)
        ]
        self._unique([*devices, *drivers, *names])
        self._hardware(host, where)
        self._driver_domains(host, where)
        path = self._source.path
        for name, place, _ in devices:
            self._named(check_not_reserved, [name], path, self._source.line(place))
        for name, place, _ in drivers:
            self._named(check_domain_name, [name], path, self._source.line(place))
        for each in guests:
            self._named(check_domain_name, each.names, *each.named_at)
            self._guest(each, host)
        self._memory(host, where)
        self._spare(host, where)
        self._store_domain(host, where)
        self._pack(host, where)

    def _named(self, check: Callable[[str], None], names: Sequence[str], path: Path, line: int) -> None:
        """One finding for all of a place: those of a count are wrong in the same way."""
        for name in names:
            try:
                check(name)
            except ValueError as error:
                wrong, _, right = str(error).partition("; ")
                self.findings.append(Finding(path, line, wrong, right))
                return

    def _hardware(self, host: HostSchema, where: Where) -> None:
        for kind in HARDWARE_KINDS.values():
            for index, each in enumerate(host.devices(kind)):
                for key, wrong, right in each.mistakes():
                    self._refuse((*where, kind.key, index, key), wrong, right)

    def _driver_domains(self, host: HostSchema, where: Where) -> None:
        if ARCHITECTURES[host.architecture].driver_domains and not host.driver_domains:
            wrong = f"{host.architecture} has driver domains, and {host.name} has none"
            right = "write driver_domains: [{name: storage, disks: [sda]}]"
            self._refuse((*where, "architecture"), wrong, right)
        drivers: dict[str, str] = {}
        for index, each in enumerate(host.driver_domains):
            place = (*where, "driver_domains", index)
            if not any(each.drives(kind) for kind in HARDWARE_KINDS.values()):
                key = " or ".join(kind.key for kind in HARDWARE_KINDS.values())
                self._refuse((*place, key), f"{key!r} is missing", f"write {key}: ..")
            for program, kind in HARDWARE_KINDS.items():
                for position, name in enumerate(each.drives(kind)):
                    named = (*place, kind.key, position)
                    self._drives(host, each.name, program, name, place=named, drivers=drivers)

    def _drives(
        self, host: HostSchema, driver: str, program: str, name: str, *, place: Where, drivers: dict[str, str]
    ) -> None:
        """A domain drives a device of a kind; `drivers` are those that have been looked at already."""
        kind = HARDWARE_KINDS[program]
        known = [each.name for each in host.devices(kind)]
        if name not in known:
            right = did_you_mean(name, known) if known else _example(kind)
            self._refuse(place, f"the host has no {program} {name!r}", right)
        elif name in drivers:
            self._refuse(place, f"{drivers[name]} drives {name} already", f"a {program} has one driver")
        drivers[name] = driver

    def _guest(self, guest: GuestDescription, host: HostSchema) -> None:
        known: dict[object, str] = {}
        for each in guest.devices:
            kind = kind_of(each)
            name, number = each.identity
            if known.keys() & {name, (kind.device_class.name, number)}:
                self.findings.append(each.finding(f"{name} is there twice", kind.apart))
            known |= {name: name, (kind.device_class.name, number): name}
            if self._misplaced(each, kind, host):
                continue
            if isinstance(each, DiskDescription) and each.sectors:
                self._workload_fits(guest, each)
        self._workload_writes(guest)
        if guest.disks and guest.workload is None:
            self._refuse(guest.where, "the guest has disks and no workload", "workload: {kind: random}")
        if guest.workload is not None and not guest.disks:
            self._refuse((*guest.where, "workload"), "a workload needs a disk", "write disks: [..]")

    def _misplaced(self, device: DeviceDescription, kind: GuestDeviceKind, host: HostSchema) -> bool:
        """Look at who is to serve a device, and out of what; True if nobody could."""
        known, driven = ["dom0", *(each.name for each in host.driver_domains)], host.driven()
        program, lies_on, backend = kind.hardware, device.lies_on, device.backend
        there = [each.name for each in host.devices(HARDWARE_KINDS[program])] if program else []
        driver = driven.get(lies_on, "dom0")
        if lies_on in driven and lies_on not in there:
            return True  # said where the driver domain names it
        if backend not in known:
            wrong, right = f"no driver domain {backend!r}", did_you_mean(backend, known)
        elif not program:
            return False
        elif not lies_on and (backend != "dom0" or host.driven(program)):
            wrong = f"{backend} has no {program} to serve {device.identity[0]} from"
            others = dict.fromkeys(host.driven(program).values())
            right = f"backend: {' or '.join(others) or 'dom0'}"
        elif lies_on in there and driver != backend:
            wrong = f"{lies_on} is driven by {driver}, not by {backend}"
            right = f"backend: {driver}, or another {program}"
        else:
            self._lies_on(device, HARDWARE_KINDS[program], program, there)
            return False
        self.findings.append(device.finding(wrong, right))
        return True

    def _lies_on(self, device: DeviceDescription, kind: HardwareKind, program: str, there: list[str]) -> None:
        if device.lies_on not in there:
            lies_on = device.lies_on
            wrong = f"the host has no {program} {lies_on!r}" if lies_on else f"the host has no {kind.key}"
            right = did_you_mean(lies_on, there) if there else _example(kind)
            self.findings.append(device.finding(wrong, right))

    def _workload_writes(self, guest: GuestDescription) -> None:
        """A read-only disk is only read; if there is no other, a workload that writes is a mistake."""
        work = guest.workload
        if work is None or work.kind == "checksum" or work.read_share == 1 or not guest.disks:
            return
        if all(disk.mode == "ro" for disk in guest.disks):
            verb = "is" if len(guest.disks) == 1 else "are"
            wrong = f"the workload writes and {', '.join(disk.vdev for disk in guest.disks)} {verb} read-only"
            self._refuse((*guest.where, "workload"), wrong, "read_share: 1.0, kind: checksum, or mode: rw")

    def _workload_fits(self, guest: GuestDescription, disk: DiskDescription) -> None:
        work = guest.workload
        if work is None:
            return
        where = (*guest.where, "workload")
        size = disk.sectors * 512
        if work.kind != "checksum" and work.block * work.depth > size:
            blocks = f"{work.depth} blocks of {size_text(work.block)}"
            wrong = f"{blocks} do not fit on {disk.vdev} ({size_text(size)})"
            self._refuse(where, wrong, "a smaller depth or block, or a larger disk")

    def _memory(self, host: HostSchema, where: Where) -> None:
        domains = [host.dom0.memory, *(each.memory for each in host.driver_domains)]
        if host.chosen.spare.is_there:
            domains.append(host.dom0.memory)
        if host.chosen.store_has_domain:
            domains.append(XENSTORE_MEMORY)
        for guest in self._guests[host.name]:
            domains += [guest.maxmem] * len(guest.names)
        needed = sum(domains) + HYPERVISOR_MEMORY + DOMAIN_OVERHEAD * len(domains)
        if needed > host.memory:
            wrong = f"{host.name} has {size_text(host.memory)}, its domains need {-(-needed >> 20)}MiB"
            self._refuse((*where, "memory"), wrong, f"memory: {-(-needed >> 20)}MiB or more")

    def _spare(self, host: HostSchema, where: Where) -> None:
        if host.chosen.spare.is_there and host.chosen.dom0_death_ends_machine:
            place = (*where, "dom0", "spare") if host.dom0.spare else (*where, "hwdom")
            wrong = f"hwdom {host.chosen.hwdom} lets nobody take the place of a dead dom0"
            self._refuse(place, wrong, "hwdom: restart, or dom0: {spare: none}")

    def _store_domain(self, host: HostSchema, where: Where) -> None:
        release = RELEASES[host.xen]
        if host.chosen.store_has_domain and not release.has(Hypercall.domctl, Domctl.set_virq_handler):
            wrong = (
                f"Xen {host.xen} cannot tell a domain other than dom0 of deaths, as xenstored must be told"
            )
            enough = ", ".join(
                each.name for each in RELEASES.values() if each.has(Hypercall.domctl, Domctl.set_virq_handler)
            )
            self._refuse((*where, "xenstore"), wrong, f'xenstore: dom0, or xen: "{enough}"')

    def _pack(self, host: HostSchema, where: Where) -> None:
        known = self._actors(host)
        seen: dict[str, None] = {}
        for index, group in enumerate(host.pack):
            for position, name in enumerate(group):
                place = (*where, "pack", index, position)
                if name not in known:
                    self._refuse(place, f"no actor {name!r} on {host.name}", did_you_mean(name, known))
                elif name in seen:
                    self._refuse(place, f"{name!r} is packed twice", "each actor belongs to one process")
                seen[name] = None

    def _actors(self, host: HostSchema) -> list[str]:
        names = ["hypervisor", "ioapic", "dom0", *(each.name for each in host.hardware)]
        names += [each.name for each in host.driver_domains]
        if host.chosen.store_has_domain:
            names.append(host.chosen.store_home)
        return names + [name for each in self._guests[host.name] for name in each.names]

    def _ports(self) -> None:
        ports: dict[int, str] = {}
        for index, host in enumerate(self._cluster.hosts):
            if host.metrics_port and host.metrics_port in ports:
                wrong = f"port {host.metrics_port} is {ports[host.metrics_port]}'s already"
                self._refuse(("hosts", index, "metrics_port"), wrong, "another port, or 0 for any free one")
            ports[host.metrics_port] = host.name

    def _images(self) -> None:
        users: dict[Path, tuple[str, bool]] = {}
        for guests in self._guests.values():
            for guest in guests:
                for disk in guest.disks:
                    self._image(guest, disk, users)

    def _image(
        self, guest: GuestDescription, disk: DiskDescription, users: dict[Path, tuple[str, bool]]
    ) -> None:
        if disk.image is None or not disk.sectors:
            return
        image, writes = disk.image.resolve(), disk.mode == "rw"
        if writes and len(guest.names) > 1:
            wrong = f"{len(guest.names)} guests would write to {disk.image}"
            self.findings.append(disk.finding(wrong, "mode ro, or a size instead of an image"))
        user, written = users.get(image, ("", False))
        if user and (writes or written):
            wrong = f"{disk.image} is the disk of {user} already"
            self.findings.append(disk.finding(wrong, "an image that is written has one user"))
        users[image] = guest.names[0], writes or written

    def _survivors(self) -> None:
        wanted = self._cluster.expect.survivors
        total = sum(len(each.names) for guests in self._guests.values() for each in guests)
        if isinstance(wanted, int) and wanted > total:
            self._refuse(("expect", "survivors"), f"{wanted} survivors of {total} guests", f"at most {total}")

    def _unique(self, names: Sequence[tuple[str, Where, str]]) -> None:
        seen: dict[str, tuple[Where, str]] = {}
        for name, where, what in names:
            if name not in seen:
                seen[name] = where, what
                continue
            first, other = seen[name]
            line = self._source.line(first)
            if what == other:
                self._refuse(where, f"a second {what} {name!r}", f"line {line} has it already")
            else:
                wrong = f"the name {name!r} is that of the {other} of line {line}"
                self._refuse(where, wrong, f"another one for the {what}")

    def _refuse(self, where: Where, wrong: str, right: str) -> None:
        self.findings.append(self._source.finding(where, wrong, right))


def _example(kind: HardwareKind) -> str:
    return f"write {kind.key}: [{{name: {kind.example}}}]"
