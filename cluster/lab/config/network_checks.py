"""What of the network's hardware takes more than one key to decide: addresses, and interrupt lines.

Rules: nothing is changed and nothing raised; every check gives its findings.
"""

from collections.abc import Iterator

from cluster.lab.config.errors import Finding
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.hardware import HARDWARE_KINDS, NIC
from cluster.lab.config.hardware_kind import LINES
from cluster.lab.config.nic_hardware import NicSchema
from cluster.lab.config.schema import ClusterSchema
from cluster.lab.config.switch import SWITCH
from cluster.lab.config.yaml_source import Where, YamlSource


def network_findings(source: YamlSource, cluster: ClusterSchema) -> list[Finding]:
    """Every finding."""
    found = [*_names(cluster), *_addresses(source, cluster), *_lines(cluster)]
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
