"""The hardware domain in all of its incarnations: how it boots, what its death means, and its spare.

A spare is the next incarnation, made while the present one runs: its kernel boots as far as it can without
the machine, and parks itself by a suspend. When the present one is dead and released it is promoted: it gets
the number, the rights and the link of domain 0, and its suspend returns.
Rules: a spare is nobody before that: no number finds it, it has no right and no port, and makes few calls.
It is made when dom0 has run for a while, so that it takes no processor from a recovery. One that dies is
replaced, but not for ever; one that is not there, or not parked yet, leaves what there is without a spare: a
boot. One that hangs, and says nothing when it is promoted, has died of that.
Source: xen/common/{domain,shutdown}.c. `hwdom: restart` is ours, as is the spare: stock Xen has neither.
"""

from typing import Final

from actors.abi.errno import XenError
from actors.abi.hypercalls import Gnttabop, Hypercall, Schedop, Xenver
from actors.abi.interface import ShutdownReason
from actors.hypervisor.domains import HARDWARE_DOMID, Domain, Life
from actors.hypervisor.host import RESERVED_FRAMES, Host
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.outbox import SUPERVISOR
from actors.hypervisor.ports import MAX_PORTS
from actors.hypervisor.rights import hardware_rights
from actors.messages import MachineHalt, MachineRestart, PromoteSpare
from actors.policies import Hwdom
from actors.start_info import MAX_FRAMES, StartInfo, write_start_info

FAILURES: Final = frozenset({ShutdownReason.crash, ShutdownReason.watchdog})
SPARE_AFTER_NS: Final = 500_000_000
"""How long a dom0 has to run before the next one is made."""
SPARES_IN_A_ROW: Final = 3
"""So many may die before they are parked; then there is none until dom0 has booted again."""
PROMOTED_ANSWERS_NS: Final = 1_000_000_000
"""How long one that was promoted may say nothing."""
SPARE_CALLS: Final = frozenset(
    [(int(Hypercall.xen_version), int(each)) for each in Xenver]
    + [(int(Hypercall.grant_table_op), int(Gnttabop.setup_table))]
    + [(int(Hypercall.sched_op), int(Schedop.shutdown))]
)
"""What a spare may call: it asks which Xen this is, has its grant table set up, and parks itself."""
_SPARE: Final = "spare of dom0"
_PROMOTED: Final = "promoted dom0"


class HardwareDomain:
    """Domain 0 of one boot of the machine. `boots` counts its incarnations.

    `promotions`: those of them that were spares; `spares_lost`: spares that have died.
    """

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives
        lives.hardware_stopped = self._stopped
        lives.hardware_gone = self._gone
        self.boots = 0
        self.promotions = 0
        self.spares_lost = 0
        self._lost_in_a_row = 0

    def boot(self) -> None:
        """Have the next incarnation take its place: the spare if one is parked, else a new one."""
        self.boots += 1
        spare = self._host.domains.spare
        if spare is not None and spare.life is Life.SHUTDOWN and spare.linked:
            self._promote(spare)
        else:
            self._boot_from_cold()
            self._lost_in_a_row = 0
            self._make_spare_later()

    @property
    def spare_state(self) -> str:
        """`none`, `booting` or `parked`."""
        spare = self._host.domains.spare
        if spare is None:
            return "none"
        return "parked" if spare.life is Life.SHUTDOWN else "booting"

    def _boot_from_cold(self) -> None:
        try:
            domain = self._make()
        except XenError:
            self._stop_machine(MachineHalt("no memory for dom0"), "no memory for dom0: halted")
            return
        domain.rights = hardware_rights(self._host.platform.ioapic_base)
        self._host.events.hardware_ports = domain.ports
        self._lives.start(domain)

    def _make(self, *, spare: bool = False) -> Domain:
        """One incarnation with its memory, which nothing holds any more. ENOMEM."""
        platform = self._host.platform
        domain = self._lives.create(
            HARDWARE_DOMID,
            handle=bytes(16),
            flags=0,
            max_vcpus=platform.dom0_vcpus,
            max_port=MAX_PORTS - 1,
            grant_frames=platform.max_grant_frames,
            maptrack_frames=platform.max_maptrack_frames,
            spare=spare,
        )
        domain.physmap.max_pages = platform.dom0_memory_pages
        for mfn, count in self._host.frames.allocate(platform.dom0_memory_pages):
            domain.physmap.add(domain.physmap.end(), mfn, count)
        self._write_start_info(domain)
        domain.pause_count = 0
        return domain

    def _write_start_info(self, domain: Domain) -> None:
        """What a boot loader tells dom0; it makes its store and console itself. ValueError if too long."""
        physmap = domain.physmap
        first = (physmap.mfn(gfn) for gfn in range(min(physmap.pages, MAX_FRAMES)))
        platform = self._host.platform
        info = StartInfo(
            physmap.pages,
            cmd_line=platform.dom0_cmdline,
            box_mfn=RESERVED_FRAMES if platform.recovery_box_frames else 0,
            box_frames=platform.recovery_box_frames,
        )
        write_start_info(self._host.memory, [mfn for mfn in first if mfn is not None], info)

    def _make_spare_later(self) -> None:
        if self._host.platform.dom0_spare:
            self._host.agenda.set(_SPARE, self._host.outbox.now_ns + SPARE_AFTER_NS, self._make_spare)

    def _make_spare(self) -> None:
        host = self._host
        dom0 = host.domains.get(HARDWARE_DOMID)
        if host.domains.spare is not None or dom0 is None or dom0.life is not Life.RUNNING:
            return  # there is one, or there will be another dom0, which asks again
        needed = host.platform.dom0_memory_pages + 1
        host.frames.make_room(needed)
        if host.frames.available(None) < needed:
            host.outbox.log(f"no memory for a spare of dom0: {needed} frames wanted, which runs without one")
            return
        self._lives.start(self._make(spare=True))

    def _promote(self, spare: Domain) -> None:
        """It is domain 0 from now on, and goes on as soon as its link is there."""
        host = self._host
        host.outbox.log("the spare of dom0 takes its place")
        self.promotions += 1
        self._lives.promote(spare)
        spare.rights = hardware_rights(host.platform.ioapic_base)
        host.events.hardware_ports = spare.ports
        host.outbox.send(SUPERVISOR, PromoteSpare(spare.domid, spare.incarnation))
        said = sum(spare.hypercalls.values())
        host.agenda.set(_PROMOTED, host.outbox.now_ns + PROMOTED_ANSWERS_NS, lambda: self._heard(spare, said))

    def _heard(self, domain: Domain, said: int) -> None:
        """Whether one that was promoted has made a call since; one that has not is dead."""
        if sum(domain.hypercalls.values()) == said:
            self._host.outbox.log("the spare that was promoted says nothing")
            self._lives.shutdown(domain, ShutdownReason.watchdog)
        else:
            self._make_spare()

    def _stopped(self, domain: Domain, reason: int) -> None:
        """An incarnation has stopped: hwdom_shutdown, but for `restart`, or a spare that parks or dies.

        In Xen the watchdog restarts the machine even with noreboot.
        """
        if domain.spare:
            if reason == ShutdownReason.suspend:
                self._lost_in_a_row = 0
            else:
                self._lives.kill(domain)
            return
        if reason == ShutdownReason.poweroff:
            self._stop_machine(MachineHalt("dom0 powered off"), "Hardware Dom0 halted: halting machine")
            return
        if reason not in FAILURES:
            self._stop_machine(MachineRestart("dom0 rebooted"), "Hardware Dom0 shutdown: rebooting machine")
            return
        platform = self._host.platform
        name = ShutdownReason(reason).name
        what = "crashed" if reason == ShutdownReason.crash else f"shutdown: {name}"
        if platform.hwdom == Hwdom.restart:
            self._host.outbox.log(f"Hardware Dom0 {what}: restarting domain 0, guests run on")
            self._host.agenda.cancel(_PROMOTED)
            self._lives.kill(domain)
        elif platform.hwdom == Hwdom.halt or platform.noreboot:
            self._stop_machine(MachineHalt(f"dom0: {name}"), f"Hardware Dom0 {what}: halting machine")
        else:
            self._stop_machine(MachineRestart(f"dom0: {name}"), f"Hardware Dom0 {what}: rebooting machine")

    def _gone(self, domain: Domain) -> None:
        """An incarnation is dead and released."""
        if not domain.spare:
            self.boot()
            return
        self.spares_lost += 1
        self._lost_in_a_row += 1
        self._host.outbox.log(f"a spare of dom0 has died, {self._lost_in_a_row} in a row")
        if self._lost_in_a_row < SPARES_IN_A_ROW:
            self._make_spare_later()

    def _stop_machine(self, message: MachineHalt | MachineRestart, line: str) -> None:
        self._host.outbox.log(line)
        self._host.outbox.send(SUPERVISOR, message)
        self._host.stopped = True
        for domain in list(self._host.callers.values()):
            self._lives.silence(domain)
