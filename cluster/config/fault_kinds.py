"""The kinds of faults: what each does, to what, for how long, with which options, in which driver.

Rules: this table is all that is known of a kind before it is performed: validation, `domzero fault list`
and the documentation follow it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

LIVE: Final = "live"
SIMULATED: Final = "simulated"
BOTH: Final = (LIVE, SIMULATED)
OPERATIONS: Final = ("read", "write", "flush")


class Aim(Enum):
    """What a kind can be done to; the value says how such a target is written."""

    domain = "HOST/dom0, HOST/GUEST, HOST/DRIVER or HOST/xenstore"
    dom0 = "HOST/dom0"
    disk = "HOST/DISK"
    vbd = "HOST/GUEST/VDEV"
    store = "HOST/xenstored"
    host = "HOST"
    actor = "HOST/DOMAIN, HOST/DISK, HOST/hypervisor or HOST/ioapic"
    link = "HOST/FROM:TO"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind. `options` are its own keys; `live` is how the live driver does it.

    `lasts`: it has a duration; without one it is there until the guests stop working, or, if it `stays`,
    for good. `deadly`: it ends the life of what it is done to. `silent`: no guest notices it by itself.
    `lifted`: what has happened once it was taken away. `errors`: it promises that requests fail.
    """

    name: str
    aim: Aim
    does: str
    live: str
    lasts: bool = True
    stays: bool = False
    deadly: bool = False
    silent: bool = False
    options: tuple[str, ...] = ()
    duration_ns: int | None = None
    lifted: str = "over"
    errors: bool = False
    drivers: tuple[str, ...] = BOTH

    @property
    def strikes_once(self) -> bool:
        """Whether `probability` is that of the whole fault, not of each message, command or interrupt."""
        return self.name not in _EACH_TIME


_EACH_TIME: Final = {
    "disk-error", "irq-lost", "evtchn-lost", "link-delay", "link-drop", "link-duplicate", "link-reorder"
}  # fmt: skip
_MESSAGE: Final = "a message"
_RULE: Final = "a rule in the sender's driver"

_ALL: Final = (
    FaultKind(
        "crash", Aim.domain, "stops between two instructions and is gone", "SIGKILL", lasts=False, deadly=True
    ),
    FaultKind(
        "hang",
        Aim.domain,
        "runs no more, but nothing closes",
        "SIGSTOP",
        stays=True,
        deadly=True,
        lifted="went on",
    ),
    FaultKind(
        "hwdom-reboot", Aim.dom0, "dom0 and the machine reboot in order", _MESSAGE, lasts=False, deadly=True
    ),
    FaultKind(
        "toolstack-kill",
        Aim.dom0,
        "xl is killed in the middle of whatever it does",
        _MESSAGE,
        stays=True,
        silent=True,
        lifted="xl started again",
    ),
    FaultKind(
        "xenstored-kill", Aim.store, "xenstored is killed", "SIGKILL, or a message in dom0", lasts=False
    ),
    FaultKind(
        "xenstored-live-update",
        Aim.store,
        "xenstored is replaced in order: by a live update, if its host has that",
        _MESSAGE,
        lasts=False,
    ),
    FaultKind(
        "host-power-loss",
        Aim.host,
        "everything stops, caches of disks are lost",
        "SIGKILL",
        duration_ns=1_000_000_000,
        deadly=True,
        lifted="power back",
    ),
    FaultKind(
        "disk-error",
        Aim.disk,
        "commands fail with a media error",
        _MESSAGE,
        errors=True,
        options=("operations",),
    ),
    FaultKind("disk-stall", Aim.disk, "no command is answered", _MESSAGE),
    FaultKind(
        "disk-torn-write", Aim.disk, "a loss of power leaves sectors half written", _MESSAGE, silent=True
    ),
    FaultKind(
        "disk-lying-flush", Aim.disk, "FLUSH and FUA are acknowledged, nothing is done", _MESSAGE, silent=True
    ),
    FaultKind("irq-lost", Aim.disk, "its interrupts are not seen", _MESSAGE),
    FaultKind("irq-storm", Aim.disk, "interrupts without a cause", _MESSAGE, options=("interval",)),
    FaultKind("evtchn-lost", Aim.domain, "events for it are lost on their way", _RULE),
    FaultKind("link-delay", Aim.link, "messages come later", _RULE, options=("delay", "jitter", "messages")),
    FaultKind("link-drop", Aim.link, "messages are lost", _RULE, options=("messages",)),
    FaultKind("link-duplicate", Aim.link, "messages come twice", _RULE, options=("messages",)),
    FaultKind(
        "link-reorder", Aim.link, "messages are overtaken by later ones", _RULE, options=("delay", "messages")
    ),
    FaultKind("link-partition", Aim.link, "nothing gets through in this direction", _RULE),
    FaultKind("link-heal", Aim.link, "takes all rules off the link", _RULE, lasts=False, silent=True),
    FaultKind(
        "backend-malformed-response",
        Aim.vbd,
        "the backend answers a request that was never asked",
        _MESSAGE,
        lasts=False,
        errors=True,
    ),
    FaultKind(
        "block-detach",
        Aim.vbd,
        "xl detaches the disk from the guest; taken away, it attaches it again",
        _MESSAGE,
        stays=True,
        errors=True,
        lifted="attached again",
    ),
    FaultKind(
        "block-attach",
        Aim.vbd,
        "xl attaches the disk, if it was detached",
        _MESSAGE,
        lasts=False,
        silent=True,
    ),
    FaultKind(
        "frontend-disconnect",
        Aim.vbd,
        "the guest closes its disk",
        _MESSAGE,
        stays=True,
        errors=True,
        lifted="opened again",
    ),
    FaultKind(
        "slow", Aim.actor, "everything takes longer", "SIGSTOP and SIGCONT in turn", options=("factor",)
    ),
)

FAULT_KINDS: Final = {each.name: each for each in _ALL}
OPTIONS: Final = ("operations", "interval", "delay", "jitter", "messages", "factor")
DEFAULTS: Final[dict[str, object]] = {
    "interval": 100_000,
    "delay": 1_000_000,
    "jitter": 0,
    "factor": 10.0,
}
