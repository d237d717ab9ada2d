"""The ways in which a fault is done, each of them a record: `live` says how the live driver does it.

Rules: this is the whole list; whoever does faults knows every one of them, and none by the name of a kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MESSAGE: Final = "a message"
RULE: Final = "a rule in the sender's driver"


@dataclass(frozen=True, slots=True)
class KillDomain:
    """A domain's process is killed."""

    live = "SIGKILL"


@dataclass(frozen=True, slots=True)
class KillBackend:
    """Who serves a device is killed: the process of its guest's device model, or else the domain."""

    live = "SIGKILL"


@dataclass(frozen=True, slots=True)
class FreezeDomain:
    """A domain's process is stopped; taken away, that same process runs on."""

    live = "SIGSTOP"


@dataclass(frozen=True, slots=True)
class ResetMachine:
    """Everything of a machine ends but its devices, and it starts again."""

    live = "SIGKILL"


@dataclass(frozen=True, slots=True)
class CutPower:
    """A host loses its power; taken away, it is started again."""

    live = "SIGKILL"


@dataclass(frozen=True, slots=True)
class SlowDown:
    """An actor takes `factor` (an option) times as long for its steps, and a device for its commands, too."""

    live = "SIGSTOP and SIGCONT in turn"


@dataclass(frozen=True, slots=True)
class AddRule:
    """A rule on a link, or, of a domain, on what the hypervisor sends it (`actors/runtime/link_rules.py`).

    `messages`: those that it strikes, unless an option says that; `fields`: what it puts into them.
    """

    action: str
    messages: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
    live = RULE


@dataclass(frozen=True, slots=True)
class DropRules:
    """All rules are taken off a link."""

    live = RULE


class Whom(Enum):
    """Who is told: the target itself (of a device its guest), or the domain that serves the device."""

    target = "the target"
    backend = "the backend"


@dataclass(frozen=True, slots=True)
class TellActor:
    """An actor breaks itself; taken away, it is told to be whole again."""

    whom: Whom = Whom.target
    live = MESSAGE


@dataclass(frozen=True, slots=True)
class TellDevice:
    """A device is told, and again when the power is back. One that `tears` is told of the loss of power."""

    tears: bool = False
    live = MESSAGE


@dataclass(frozen=True, slots=True)
class TellSwitch:
    """The cluster's switch is told, of all ports of the target."""

    live = MESSAGE


@dataclass(frozen=True, slots=True)
class OrderToolstack:
    """dom0's toolstack is told about a device; taken away, one undoes that as soon as it can."""

    live = MESSAGE


@dataclass(frozen=True, slots=True)
class ReplaceStore:
    """Another xenstored takes the place of the one that runs: in order if that is `planned`.

    Not planned, or with `restart: lose`, it is the death of a domain that xenstored has for itself.
    """

    planned: bool = False

    @property
    def live(self) -> str:
        """As said above."""
        return MESSAGE if self.planned else "SIGKILL, or a message in dom0"


Act = (
    KillDomain | KillBackend | FreezeDomain | ResetMachine | CutPower | SlowDown | AddRule | DropRules
    | TellActor | TellDevice | TellSwitch | OrderToolstack | ReplaceStore
)  # fmt: skip
