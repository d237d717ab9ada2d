"""The kinds of faults, a row for each.

Rules: this table is all that is known of a kind: files, commands, campaigns, verdicts and whoever does faults
follow it, in its order. What an actor does that is told of a fault is in that actor, under the kind's name.
"""

from collections.abc import Iterable
from typing import Final

from actors.abi.interface import ShutdownReason
from actors.policies import StoreRestart
from actors.runtime.link_rules import ALTER, CORRUPT, DELAY, DROP, DUPLICATE, REORDER
from cluster.lab.faults.act import (
    AddRule,
    CutPower,
    DropRules,
    FreezeDomain,
    KillBackend,
    KillDomain,
    OrderToolstack,
    ReplaceStore,
    ResetMachine,
    SlowDown,
    TellActor,
    TellDevice,
    TellSwitch,
    Whom,
)
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.option import Factor, Names, Option, Time
from cluster.lab.faults.recipe import LAST_MAX_US, Recipe, delaying, failing, flapping, lasting, slowing

_HANG_MAX_US: Final = 2_000_000
_DARK_MAX_US: Final = 100_000
_COMMANDS: Final = ("read", "write", "flush")

_OPERATIONS: Final = Option(
    "operations", Names(_COMMANDS), _COMMANDS, f"only such commands: {', '.join(_COMMANDS)}", "operation"
)
_INTERVAL: Final = Option(
    "interval", Time(above_zero=True), 100_000, "between two edges, or changes of a link"
)
_DELAY: Final = Option("delay", Time(), 1_000_000, "by so much")
_JITTER: Final = Option("jitter", Time(), 0, "up to this more")
_MESSAGES: Final = Option("messages", Names(), (), "only these, as Upcall", "message")
_FACTOR: Final = Option("factor", Factor(1.5, 1000), 10.0, "how many times as long")

# fmt: off
_DOMAINS: Final = (
    FaultKind(
        "crash", Aim.domain, "stops between two instructions and is gone", KillDomain(),
        lasts=False, deadly=True, seen_as=ShutdownReason.crash, weight=5,
        recipes=(Recipe(Aim.dom0), Recipe(Aim.driver), Recipe(Aim.guest)),
    ),
    FaultKind(
        "hang", Aim.domain, "runs no more, but nothing closes", FreezeDomain(),
        stays=True, deadly=True, lifted="went on", seen_as=ShutdownReason.watchdog,
        recipes=(Recipe(Aim.domain, lasting(_HANG_MAX_US)),),
    ),
    FaultKind(
        "hwdom-reboot", Aim.dom0, "dom0 and the machine reboot in order", TellActor(),
        lasts=False, deadly=True, ends_machine=True, recipes=(Recipe(Aim.dom0),),
    ),
    FaultKind(
        "driver-reboot", Aim.driver, "the driver domain reboots by itself", TellActor(),
        lasts=False, deadly=True,
    ),
    FaultKind(
        "spare-crash", Aim.spare, "the spare of dom0 is gone, be it parked or not", KillDomain(),
        lasts=False, deadly=True, silent=True, recipes=(Recipe(Aim.spare),),
    ),
    FaultKind(
        "toolstack-kill", Aim.dom0, "xl is killed in the middle of whatever it does", TellActor(),
        stays=True, silent=True, spares_store=(StoreRestart.lose, StoreRestart.live_update),
        lifted="xl started again",
        recipes=(Recipe(Aim.dom0, lasting()),),
    ),
    FaultKind(
        "xenstored-kill", Aim.store, "xenstored is killed", ReplaceStore(),
        lasts=False, recipes=(Recipe(Aim.store),),
    ),
    FaultKind(
        "xenstored-live-update", Aim.store,
        "xenstored is replaced in order: by a live update, if its host has that", ReplaceStore(planned=True),
        lasts=False, spares_store=(StoreRestart.live_update,), recipes=(Recipe(Aim.store),),
    ),
    FaultKind(
        "hypervisor-crash", Aim.host, "the hypervisor panics, and the machine restarts", ResetMachine(),
        lasts=False, deadly=True, ends_machine=True,
    ),
    FaultKind(
        "host-power-loss", Aim.host, "everything stops, caches of disks are lost", CutPower(),
        duration_ns=1_000_000_000, deadly=True, lifted="power back", weight=2,
        recipes=(Recipe(Aim.host, lasting(_DARK_MAX_US)),),
    ),
)

_DISKS: Final = (
    FaultKind(
        "disk-error", Aim.disk, "commands fail with a media error", TellDevice(), each_time=True, errors=True,
        options=(_OPERATIONS,), recipes=(Recipe(Aim.disk, failing),),
    ),
    FaultKind(
        "disk-stall", Aim.disk, "no command is answered", TellDevice(),
        recipes=(Recipe(Aim.disk, lasting()),),
    ),
    FaultKind(
        "disk-torn-write", Aim.disk, "a loss of power leaves sectors half written", TellDevice(tears=True),
        silent=True, breaks_promise="tore sectors",
    ),
    FaultKind(
        "disk-lying-flush", Aim.disk, "FLUSH and FUA are acknowledged, nothing is done", TellDevice(),
        silent=True, breaks_promise="acknowledged FLUSH and did nothing",
    ),
    FaultKind(
        "irq-lost", Aim.device, "its interrupts are not seen", TellDevice(), each_time=True,
        recipes=(Recipe(Aim.level_disk, lasting()), Recipe(Aim.nic, lasting())),
    ),
    FaultKind(
        "irq-storm", Aim.device, "interrupts without a cause", TellDevice(),
        options=(_INTERVAL,),
        recipes=(
            Recipe(Aim.disk, lasting(LAST_MAX_US // 10)), Recipe(Aim.nic, lasting(LAST_MAX_US // 10)),
        ),
    ),
)

_NETWORK: Final = (
    FaultKind(
        "nic-hang", Aim.nic, "is gone from the bus: it answers nothing and moves nothing", TellDevice(),
        recipes=(Recipe(Aim.nic, lasting()),),
    ),
    FaultKind(
        "nic-dma-stop", Aim.nic, "takes registers, and neither reads nor writes memory", TellDevice(),
        recipes=(Recipe(Aim.nic, lasting()),),
    ),
    FaultKind(
        "nic-link-down", Aim.nic, "has no carrier", TellDevice(), recipes=(Recipe(Aim.nic, lasting()),),
    ),
    FaultKind(
        "nic-link-flap", Aim.nic, "loses its carrier and has it again, in turn", TellDevice(),
        options=(_INTERVAL,), recipes=(Recipe(Aim.nic, flapping),),
    ),
    FaultKind(
        "switch-partition", Aim.wired, "the switch lets nothing through between this host and others",
        TellSwitch(), recipes=(Recipe(Aim.wired, lasting()),),
    ),
    FaultKind(
        "switch-stall", Aim.wired, "the ports of this host at the switch stand still", TellSwitch(),
        recipes=(Recipe(Aim.wired, lasting()),),
    ),
    FaultKind(
        "frame-corrupt", Aim.wire, "one bit of a frame is turned over", AddRule(CORRUPT, ("EthernetFrame",)),
        each_time=True, recipes=(Recipe(Aim.wire, failing),),
    ),
)

_LINKS: Final = (
    FaultKind(
        "evtchn-lost", Aim.domain, "events for it are lost on their way",
        AddRule(ALTER, ("Upcall",), {"ports": []}), each_time=True,
    ),
    FaultKind(
        "link-delay", Aim.link, "messages come later", AddRule(DELAY), each_time=True,
        options=(_DELAY, _JITTER, _MESSAGES), recipes=(Recipe(Aim.link, delaying),),
    ),
    FaultKind(
        "link-drop", Aim.link, "messages are lost", AddRule(DROP), each_time=True, options=(_MESSAGES,),
        recipes=(Recipe(Aim.wire, failing),),
    ),
    FaultKind(
        "link-duplicate", Aim.link, "messages come twice", AddRule(DUPLICATE), each_time=True,
        options=(_MESSAGES,), recipes=(Recipe(Aim.wire, failing),),
    ),
    FaultKind(
        "link-reorder", Aim.link, "messages are overtaken by later ones", AddRule(REORDER), each_time=True,
        options=(_DELAY, _MESSAGES), recipes=(Recipe(Aim.wire, failing),),
    ),
    FaultKind(
        "link-partition", Aim.link, "nothing gets through in this direction", AddRule(DROP),
        recipes=(Recipe(Aim.wire, lasting()),),
    ),
    FaultKind("link-heal", Aim.link, "takes all rules off the link", DropRules(), lasts=False, silent=True),
)

_VBDS: Final = (
    FaultKind(
        "backend-crash", Aim.vbd, "who serves the disk is gone: its guest's device model, or a domain",
        KillBackend(), lasts=False, deadly=True,
    ),
    FaultKind(
        "backend-malformed-response", Aim.vbd, "the backend answers a request that was never asked",
        TellActor(Whom.backend), lasts=False, errors=True,
    ),
    FaultKind(
        "frontend-disconnect", Aim.vbd, "the guest closes its disk", TellActor(),
        stays=True, errors=True, lifted="opened again", recipes=(Recipe(Aim.vbd, lasting()),),
    ),
    FaultKind(
        "block-detach", Aim.vbd, "xl detaches the disk from the guest; taken away, it attaches it again",
        OrderToolstack(), stays=True, errors=True, lifted="attached again",
        recipes=(Recipe(Aim.vbd, lasting()),),
    ),
    FaultKind(
        "block-attach", Aim.vbd, "xl attaches the disk, if it was detached", OrderToolstack(),
        lasts=False, silent=True,
    ),
)

_VIFS: Final = (
    FaultKind(
        "netback-restart", Aim.vif, "the interface's backend dies alone, and is probed again",
        TellActor(Whom.backend), lasts=False, recipes=(Recipe(Aim.vif),),
    ),
    FaultKind(
        "netback-stop", Aim.vif, "the interface's backend takes and gives nothing",
        TellActor(Whom.backend), lifted="going again", recipes=(Recipe(Aim.vif, lasting()),),
    ),
    FaultKind(
        "netfront-disconnect", Aim.vif, "the guest closes its interface", TellActor(),
        stays=True, lifted="opened again", recipes=(Recipe(Aim.vif, lasting()),),
    ),
    FaultKind(
        "network-detach", Aim.vif, "xl detaches the interface; taken away, it attaches it again",
        OrderToolstack(), stays=True, lifted="attached again", recipes=(Recipe(Aim.vif, lasting()),),
    ),
    FaultKind(
        "network-attach", Aim.vif, "xl attaches the interface, if it was detached", OrderToolstack(),
        lasts=False, silent=True,
    ),
)

_ACTORS: Final = (
    FaultKind(
        "slow", Aim.actor, "everything takes longer", SlowDown(),
        options=(_FACTOR,), recipes=(Recipe(Aim.actor, slowing),),
    ),
)
# fmt: on


def _options(kinds: Iterable[FaultKind]) -> dict[str, Option]:
    found: dict[str, Option] = {}
    for kind in kinds:
        for each in kind.options:
            assert found.setdefault(each.name, each) is each, f"{each.name} means two things"
    return found


FAULT_KINDS: Final = {
    each.name: each for each in (*_DOMAINS, *_DISKS, *_NETWORK, *_LINKS, *_VBDS, *_VIFS, *_ACTORS)
}
OPTIONS: Final = _options(FAULT_KINDS.values())
