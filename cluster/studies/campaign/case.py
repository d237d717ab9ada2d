"""A configuration with the faults of one seed in it: what a trial runs, and what shrinking makes smaller.

Rules: it is plain data in the form of a configuration file, and goes through the same checks; it can be
written as a file that `domzero run` takes.
"""

import copy
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from actors.policies import Links
from cluster.lab.config.loading import resolve_source
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.yaml_source import YamlSource

FaultRow = dict[str, object]


def first_seed(source: YamlSource) -> int:
    """The seed that a file names, or 1; what is no number is refused where the file is resolved."""
    seed = source.tree.get("seed", 1)
    return seed if isinstance(seed, int) else 1


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration and one seed. `source.tree` is never changed, only replaced."""

    source: YamlSource
    seed: int

    @classmethod
    def read(cls, path: Path, seed: int) -> "Case":
        """A file as it is. ConfigError."""
        return cls(YamlSource.read(path), seed)

    @property
    def faults(self) -> list[FaultRow]:
        """The faults, in the form of a configuration file."""
        found = self.source.tree.get("faults") or []
        assert isinstance(found, list), "the file has been checked"
        return [dict(each) for each in found]

    def with_faults(self, faults: list[FaultRow]) -> "Case":
        """The same with other faults."""
        return self.changed({**self.source.tree, "faults": faults})

    def with_links(self, links: Links) -> "Case":
        """The same with such links on each host whose description says nothing of them."""
        hosts = self.tree()["hosts"]
        return self.changed({**self.source.tree, "hosts": [{"links": links.value} | each for each in hosts]})

    def without_predictions(self) -> "Case":
        """The same with nothing predicted: the checks alone decide."""
        return self.changed({**self.source.tree, "expect": {}})

    def changed(self, tree: dict[str, object]) -> "Case":
        """The same seed with another configuration."""
        return replace(self, source=self.source.changed(tree))

    def tree(self) -> dict[str, Any]:
        """The configuration as data of one's own."""
        return copy.deepcopy(self.source.tree)

    def cluster(self) -> ResolvedCluster:
        """The cluster that it describes. ConfigError."""
        return resolve_source(self.source).with_seed(self.seed)

    def text(self) -> str:
        """The configuration as a file."""
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = None
        yaml.width = 110
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        out = io.StringIO()
        yaml.dump({**self.source.tree, "seed": self.seed}, out)
        return out.getvalue()
