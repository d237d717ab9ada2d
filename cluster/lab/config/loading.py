"""Reads a configuration file: strict, with file, line and the right form in every refusal.

Rules: all of it is checked before anything is used; one `ConfigError` carries everything that is wrong.
The words are in `schema.py`, what several of them decide in `checks.py`, the result in
`resolved.py`.
"""

from pathlib import Path

from pydantic import ValidationError

from cluster.lab.config.checks import ConfigChecks
from cluster.lab.config.errors import ConfigError
from cluster.lab.config.findings import empty_keys, findings_of
from cluster.lab.config.guest_description import GuestDescription, GuestReader
from cluster.lab.config.resolution import Resolution
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.schema import ClusterSchema
from cluster.lab.config.yaml_source import YamlSource


def load_cluster(path: Path) -> ResolvedCluster:
    """The cluster that a file describes. ConfigError if it does not describe one that can be run."""
    return resolve_source(YamlSource.read(path))


def resolve_source(source: YamlSource) -> ResolvedCluster:
    """The cluster that a source describes, be it as it was read or changed since. ConfigError."""
    empty = empty_keys(source)
    try:
        schema = ClusterSchema.model_validate(source.tree)
    except ValidationError as error:
        raise ConfigError(list(dict.fromkeys(empty + findings_of(error, source, ClusterSchema)))) from error
    reader = GuestReader(source)
    guests = {host.name: _guests(reader, index, schema) for index, host in enumerate(schema.hosts)}
    resolution = Resolution(source, schema, guests)
    findings = empty + reader.findings + ConfigChecks(source, schema, guests, resolution.inventory).run()
    findings += resolution.findings
    if findings:
        raise ConfigError(list(dict.fromkeys(findings)))
    return resolution.resolve(reader.remarks, reader.files)


def _guests(reader: GuestReader, host: int, schema: ClusterSchema) -> list[GuestDescription]:
    described = schema.hosts[host]
    read = [
        reader.read(guest, ("hosts", host, "guests", index), described)
        for index, guest in enumerate(described.guests)
    ]
    return [each for each in read if each is not None]
