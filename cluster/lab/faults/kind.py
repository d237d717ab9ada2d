"""A kind of fault as one row: what it is, what can be told of it, how it is done, what may come of it.

Rules: everybody who treats kinds differently asks the row; nobody compares the names of kinds.
"""

from dataclasses import dataclass

from actors.abi.interface import ShutdownReason
from actors.policies import StoreRestart
from cluster.lab.faults.act import Act, CutPower
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.option import Option
from cluster.lab.faults.recipe import Recipe


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind: its name, what it is done to, what it does (for people), and the act that does it.

    `lasts`: it has a duration; without one it is there until the guests stop working, or, if it `stays`,
    for good. `duration_ns`: it has one even if none is given. `each_time`: `probability` is that of each
    message, command or interrupt, not of the whole fault. `lifted`: what has happened once it was taken away.

    `deadly`: it ends the life of what it is done to; `ends_machine`: and that of dom0 is the machine's,
    whatever the policy. `silent`: no guest notices it by itself. `errors`: it promises that requests fail.
    `breaks_promise`: what a disk does under it that no disk may. `spares_store`: the `restart` policies of
    a host with which no life of xenstored may end by it. `seen_as`: so ends a domain to which somebody else
    has done it, as the hypervisor tells it.

    `recipes`: what a campaign makes of it, `weight` times as often as others.
    """

    name: str
    aim: Aim
    does: str
    act: Act
    lasts: bool = True
    stays: bool = False
    duration_ns: int | None = None
    each_time: bool = False
    lifted: str = "over"
    deadly: bool = False
    ends_machine: bool = False
    silent: bool = False
    errors: bool = False
    breaks_promise: str = ""
    spares_store: tuple[StoreRestart, ...] = ()
    seen_as: ShutdownReason | None = None
    options: tuple[Option, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    weight: int = 1

    @property
    def option_names(self) -> list[str]:
        """The names of its own options."""
        return [each.name for each in self.options]

    @property
    def cuts_power(self) -> bool:
        """Whether the machine is off while it lasts."""
        return isinstance(self.act, CutPower)
