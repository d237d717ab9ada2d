"""What of the network's hardware takes more than one key to decide: addresses, interrupt lines, memory.

Rules: nothing is changed and nothing raised; every check gives its findings.
"""

from collections.abc import Iterator
from typing import Final

from actors.abi.types import PAGE_SIZE
from actors.drivers.nics import frames_of
from cluster.lab.config.errors import Finding
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.hardware import HARDWARE_KINDS, NIC
from cluster.lab.config.hardware_kind import LINES
from cluster.lab.config.nic_hardware import NicSchema
from cluster.lab.config.quantities import size_text
from cluster.lab.config.schema import ClusterSchema
from cluster.lab.config.switch import SWITCH
from cluster.lab.config.yaml_source import Where, YamlSource

DRIVER_OVERHEAD: Final = 1 << 20
"""What a domain needs besides the rings and buffers of its controllers, at the least."""
DOM0_OVERHEAD: Final = 8 << 20


def network_findings(source: YamlSource, cluster: ClusterSchema) -> list[Finding]:
    """Every finding."""
    found = [*_names(cluster), *_addresses(source, cluster), *_lines(cluster), *_memory(cluster)]
    return [source.finding(*each) for each in found]


_Row = tuple[Where, str, str]


def _names(cluster: ClusterSchema) -> Iterator[_Row]:
    """No host is called what the switch or the gateway is."""
    for index, host in enumerate(cluster.hosts):
        if host.name in (SWITCH, GATEWAY):
            yield (
                ("hosts", index, "name"),
                f"{host.name!r} is the cluster's {host.name}",
                "another name for the host",
            )


def _addresses(source: YamlSource, cluster: ClusterSchema) -> Iterator[_Row]:
    """No two controllers have one address."""
    taken: dict[str, tuple[str, int]] = {}
    for index, host in enumerate(cluster.hosts):
        for at, each in enumerate(host.devices(HARDWARE_KINDS[NIC])):
            assert isinstance(each, NicSchema), "the schema of that kind"
            where = ("hosts", index, "nics", at, *(("mac",) if each.mac else ()))
            mac, name = str(each.placed(host.name).mac), f"{host.name}/{each.name}"
            if mac not in taken:
                taken[mac] = name, source.line(where)
                continue
            other, line = taken[mac]
            if other != name:  # two of one name are refused for that
                yield where, f"{mac} is the address of {other} in line {line}", "another mac, or none"


def _lines(cluster: ClusterSchema) -> Iterator[_Row]:
    """Each device has its lines, and there are only so many."""
    for index, host in enumerate(cluster.hosts):
        lines = sum(each.lines for each in host.hardware)
        if lines > LINES:
            wrong = f"{host.name} has {LINES} interrupt lines for its devices, which need {lines}"
            yield ("hosts", index), wrong, "a disk has one, a controller one for each of its queues"


def _memory(cluster: ClusterSchema) -> Iterator[_Row]:
    """Whoever drives controllers has room for their rings and buffers."""
    for index, host in enumerate(cluster.hosts):
        place: Where = ("hosts", index, "dom0", "memory")
        rows = [("dom0", place, host.dom0.memory, DOM0_OVERHEAD)]
        for at, each in enumerate(host.driver_domains):
            place = ("hosts", index, "driver_domains", at, "memory")
            rows.append((each.name, place, each.memory, DRIVER_OVERHEAD))
        for name, where, memory, overhead in rows:
            driven = [each for each in host.hardware if each.program == NIC and each.driver == name]
            needed = sum(frames_of(each.lines) for each in driven) * PAGE_SIZE + overhead
            if driven and memory < needed:
                wrong = f"{name} has {size_text(memory)}, which is too little for its controllers"
                yield where, wrong, f"memory: {-(-needed >> 20)}MiB or more, or fewer queues"
