"""One combination of an architecture, a fault and a frontend, and the configuration of one of its seeds."""

from dataclasses import dataclass
from random import Random
from typing import Any

from actors.policies import Frontend
from cluster.lab.config.architecture import ARCHITECTURES
from cluster.studies.campaign.case import Case
from cluster.studies.matrix.schema import DRIVER, NONE, MatrixFile


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, by the names of its place on the three axes."""

    architecture: str
    fault: str
    frontend: Frontend

    @property
    def names(self) -> tuple[str, str, str]:
        """The same as a record has it."""
        return self.architecture, self.fault, self.frontend.value

    def __str__(self) -> str:
        return f"{self.architecture}/{self.fault}/{self.frontend}"

    def case(self, file: MatrixFile, seed: int) -> Case:
        """The configuration of a seed. A cell without a fault has guests that ask as fast as they can."""
        tree = Case(file.source, seed).tree()
        driver = "dom0"
        for host in tree.get("hosts", []):
            drivers = host.pop("driver_domains", [])
            if ARCHITECTURES[self.architecture].driver_domains:
                host["driver_domains"] = drivers
                driver = next((str(each.get("name")) for each in drivers), driver)
            host["architecture"] = self.architecture
            for guest in host.get("guests", []):
                guest.setdefault("frontend", self.frontend.value)
                if self.fault == NONE:
                    guest.get("workload", {}).pop("rate", None)
        tree["faults"] = self._faults(file, Random(f"{self}:{seed}"))
        return Case(file.source.changed(_with_driver(tree, driver)), seed)

    def _faults(self, file: MatrixFile, random: Random) -> list[dict[str, object]]:
        first_ns, last_ns = file.axes.at
        found = []
        for each in file.axes.faults.get(self.fault, []):
            at = (
                {}
                if each.keys() & {"at", "when"}
                else {"at": f"{random.randint(first_ns, last_ns) // 1000}us"}
            )
            found.append({**each, **at})
        return found


def _with_driver(value: Any, driver: str) -> Any:  # noqa: ANN401 (plain data of any shape)
    """The same data with the domain that drives the disks in the place of its sign."""
    if isinstance(value, dict):
        return {key: _with_driver(each, driver) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_driver(each, driver) for each in value]
    return value.replace(DRIVER, driver) if isinstance(value, str) else value
