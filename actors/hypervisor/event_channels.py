"""Event channels between domains: the rules that change ports, and what is to be delivered.

Rules: check everything, then change; what a port may do in a state is the table below, and a missing
entry is -EINVAL. Sending sets a port pending; pending ports of a domain travel in one `Upcall`, and
no more than UPCALL_WINDOW of those are under way, so a storm collapses. Masks are the guest's own.
Source: xen/common/event_channel.c of 4.17, xen/include/public/event_channel.h.
Left out: ports that belong to Xen; init_control and expand_array: events travel in messages, so there
are no words in guest memory to link, and a domain is as after its kernel has made both calls.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.interface import NR_VIRQS, Virq
from actors.hypervisor.delegation import Delegation
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.pollers import Pollers
from actors.hypervisor.ports import DEFAULT_PRIORITY, Channel, PortState, PortTable
from actors.messages import UPCALL_WINDOW, Upcall
from actors.runtime.machine import Send

PER_VCPU_VIRQS: Final = frozenset({Virq.TIMER, Virq.DEBUG, Virq.XENOPROF, Virq.XENPMU})
MAX_PRIORITY: Final = 15

TRANSITIONS: Final[dict[tuple[PortState, str], PortState]] = {
    (PortState.FREE, "alloc_unbound"): PortState.UNBOUND,
    (PortState.FREE, "bind_interdomain"): PortState.INTERDOMAIN,
    (PortState.FREE, "bind_virq"): PortState.VIRQ,
    (PortState.FREE, "bind_ipi"): PortState.IPI,
    (PortState.FREE, "bind_pirq"): PortState.PIRQ,
    (PortState.UNBOUND, "peer_binds"): PortState.INTERDOMAIN,
    (PortState.INTERDOMAIN, "peer_closes"): PortState.UNBOUND,
    (PortState.UNBOUND, "close"): PortState.FREE,
    (PortState.INTERDOMAIN, "close"): PortState.FREE,
    (PortState.PIRQ, "close"): PortState.FREE,
    (PortState.VIRQ, "close"): PortState.FREE,
    (PortState.IPI, "close"): PortState.FREE,
    (PortState.UNBOUND, "send"): PortState.UNBOUND,
    (PortState.INTERDOMAIN, "send"): PortState.INTERDOMAIN,
    (PortState.IPI, "send"): PortState.IPI,
    (PortState.UNBOUND, "bind_vcpu"): PortState.UNBOUND,
    (PortState.INTERDOMAIN, "bind_vcpu"): PortState.INTERDOMAIN,
    (PortState.PIRQ, "bind_vcpu"): PortState.PIRQ,
    (PortState.VIRQ, "bind_vcpu"): PortState.VIRQ,
}


class EventChannels:
    """The ports of all domains, as far as one domain's ports concern another's."""

    def __init__(
        self,
        outbox: Outbox,
        unbind_pirq: Callable[[PortTable, int], None],
        pollers: Pollers,
        *,
        direct_links: bool = False,
    ) -> None:
        """`direct_links`: whether domains may send each other events without the hypervisor."""
        self._outbox = outbox
        self._pollers = pollers
        self._unbind_pirq = unbind_pirq
        self.delegation = Delegation(outbox, self.set_pending, enabled=direct_links)
        self.raised: list[PortTable] = []
        self._virq_owners: dict[int, PortTable] = {}
        self.hardware_ports: PortTable | None = None
        self.sent = 0
        self.upcalls = 0

    def alloc_unbound(self, table: PortTable, remote_domid: int) -> int:
        """A port that only `remote_domid` may bind. EINVAL dying, ENOSPC."""
        channel = self._allocate(table, "alloc_unbound")
        channel.remote_domid = remote_domid
        return channel.port

    def bind_interdomain(self, table: PortTable, remote: PortTable, remote_port: int) -> int:
        """Join a new port to another domain's unbound one, and set the new one pending.

        EINVAL if the remote port is not unbound or is kept for somebody else; ENOSPC.
        """
        port = table.free_port()
        peer = remote.channels.get(remote_port)
        if peer is None or peer.remote_domid != table.domid:
            raise XenError(Errno.EINVAL, f"port {remote_port} of domain {remote.domid} is not for us")
        state = _step(peer, "peer_binds")
        channel = self._allocate(table, "bind_interdomain")
        peer.state = state
        channel.peer, peer.peer = peer, channel
        # evtchn_bind_interdomain: an event sent before the binding was dropped, so the binder looks once.
        self.set_pending(channel)
        self.delegation.review(channel)
        return port

    def bind_virq(self, table: PortTable, virq: int, vcpu: int) -> int:
        """A port for a virtual interrupt. EINVAL, ENOENT no such vcpu, EEXIST, ENOSPC."""
        if not 0 <= virq < NR_VIRQS or (virq not in PER_VCPU_VIRQS and vcpu != 0):
            raise XenError(Errno.EINVAL, f"virq {virq} on vcpu {vcpu}")
        _check_vcpu(table, vcpu)
        if (virq, vcpu) in table.virqs:
            raise XenError(Errno.EEXIST, f"virq {virq} is bound")
        channel = self._allocate(table, "bind_virq")
        channel.virq, channel.vcpu = virq, vcpu
        table.virqs[virq, vcpu] = channel
        return channel.port

    def bind_ipi(self, table: PortTable, vcpu: int) -> int:
        """A port to interrupt one of the domain's own vcpus. ENOENT no such vcpu, ENOSPC."""
        _check_vcpu(table, vcpu)
        channel = self._allocate(table, "bind_ipi")
        channel.vcpu = vcpu
        return channel.port

    def bind_pirq(self, table: PortTable, pirq: int) -> int:
        """A port for a physical interrupt, which the caller has found free and allowed. ENOSPC."""
        channel = self._allocate(table, "bind_pirq")
        channel.pirq = pirq
        table.pirqs[pirq] = channel
        return channel.port

    def send(self, table: PortTable, port: int) -> None:
        """Set the other end pending. An unbound port has no other end: the event is dropped."""
        channel = table.channels.get(port)
        if channel is None:
            raise XenError(Errno.EINVAL, f"port {port} is not in use")
        self.sent += 1
        table.sent += 1
        if channel.state is PortState.INTERDOMAIN:
            peer = channel.peer
            assert peer is not None, "an interdomain port has a peer"
            target = peer.table
            if peer.port not in target.pending:
                target.pending.add(peer.port)
                if target.upcalls_open < UPCALL_WINDOW:
                    self.raised.append(target)
                if target.polls:
                    self._pollers.event(peer)
            return
        _step(channel, "send")
        if channel.state is PortState.IPI:
            self.set_pending(channel)

    def close(self, table: PortTable, port: int) -> None:
        """Free a port. The other end becomes unbound, kept for this domain, and is not told. EINVAL."""
        channel = table.channels.get(port)
        if channel is None:
            raise XenError(Errno.EINVAL, f"port {port} is not in use")
        _step(channel, "close")
        if channel.state is PortState.INTERDOMAIN:
            self.delegation.withdraw(channel)
            _widow(channel)
        elif channel.state is PortState.VIRQ:
            del table.virqs[channel.virq, channel.vcpu if channel.virq in PER_VCPU_VIRQS else 0]
        elif channel.state is PortState.PIRQ:
            del table.pirqs[channel.pirq]
            self._unbind_pirq(table, channel.pirq)
        table.release(channel)

    def close_all(self, table: PortTable) -> None:
        """Close every port, from the top down, as evtchn_destroy does."""
        for port in sorted(table.channels, reverse=True):
            self.close(table, port)

    def forget(self, table: PortTable) -> None:
        """A domain dies: its ports close, and the virtual interrupts it took for all go to dom0 again.

        evtchn_destroy, which ends with clear_global_virq_handlers.
        """
        table.dying = True
        table.link = None
        self.close_all(table)
        self.delegation.forget(table)
        for virq in [virq for virq, owner in self._virq_owners.items() if owner is table]:
            del self._virq_owners[virq]
        if self.hardware_ports is table:
            self.hardware_ports = None

    def bind_vcpu(self, table: PortTable, port: int, vcpu: int) -> None:
        """Move a port to another vcpu. ENOENT; EINVAL for an IPI or a VIRQ that belongs to a vcpu."""
        _check_vcpu(table, vcpu)
        channel = table.channels.get(port)
        if channel is None:
            raise XenError(Errno.EINVAL, f"port {port} is not in use")
        _step(channel, "bind_vcpu")
        if channel.state is PortState.VIRQ and channel.virq in PER_VCPU_VIRQS:
            raise XenError(Errno.EINVAL, f"virq {channel.virq} belongs to its vcpu")
        channel.vcpu = vcpu
        self.delegation.review(channel)

    def set_priority(self, table: PortTable, port: int, priority: int) -> None:
        """Let events of a port come before or after others; 0 is first, 15 last. EINVAL."""
        if not table.is_valid(port) or not 0 <= priority <= MAX_PRIORITY:
            raise XenError(Errno.EINVAL, f"port {port}, priority {priority}")
        if port in table.channels and priority != DEFAULT_PRIORITY:
            table.priorities[port] = priority
        else:
            # A port that is bound begins with the default again, so a free one need not remember.
            table.priorities.pop(port, None)
        if port in table.channels:
            self.delegation.review(table.channels[port])

    def set_virq_owner(self, virq: int, table: PortTable) -> None:
        """set_global_virq_handler: a domain takes a global virtual interrupt. EINVAL: of a vcpu, or dying.

        That the last owner still has it bound is no obstacle in 4.17; -EBUSY came with commit 980822c5ed.
        """
        if not 0 <= virq < NR_VIRQS or virq in PER_VCPU_VIRQS or table.dying:
            raise XenError(Errno.EINVAL, f"virq {virq} cannot go to domain {table.domid}")
        self._virq_owners[virq] = table

    def virq_owner(self, virq: int) -> PortTable | None:
        """The ports of the domain that takes a global virtual interrupt."""
        return self._virq_owners.get(virq, self.hardware_ports)

    def raise_global(self, virq: int) -> None:
        """send_global_virq: a global virtual interrupt for its owner, if it has bound it."""
        owner = self.virq_owner(virq)
        channel = owner.virqs.get((virq, 0)) if owner is not None else None
        if channel is not None:
            self.set_pending(channel)

    def raise_on_vcpu(self, table: PortTable, virq: int, vcpu: int) -> None:
        """send_guest_vcpu_virq: a virtual interrupt for one vcpu of a domain, if it has bound it."""
        channel = table.virqs.get((virq, vcpu))
        if channel is not None:
            self.set_pending(channel)

    def set_pending(self, channel: Channel) -> None:
        """An event on this port; if one is pending already, they are one (evtchn_2l_set_pending)."""
        table = channel.table
        if channel.port not in table.pending:
            table.pending.add(channel.port)
            if table.upcalls_open < UPCALL_WINDOW:
                self.raised.append(table)
            if table.polls:
                self._pollers.event(channel)

    def upcalls_taken(self, table: PortTable, count: int) -> bool:
        """The domain has taken so many upcalls; False, and nothing happens, if it had not so many to take."""
        if not 0 < count <= table.upcalls_open:
            return False
        table.upcalls_open -= count
        table.upcalls_taken += count
        if table.pending:
            self.raised.append(table)
        return True

    def attach(self, table: PortTable, link: str) -> None:
        """The domain runs: deliver what is pending."""
        table.link = link
        self.raised.append(table)
        self.delegation.review_all(table)

    def deliver(self) -> None:
        """Put upcalls for everything that was raised into the outbox."""
        raised, self.raised = self.raised, []
        for table in raised:
            pending = table.pending
            if pending and table.link is not None and table.upcalls_open < UPCALL_WINDOW:
                table.upcalls_open += 1
                self.upcalls += 1
                table.upcalls += 1
                self._outbox.effects.append(Send(table.link, Upcall(table.in_order())))
                pending.clear()

    def check_owners(self, known: set[PortTable]) -> None:
        """Global virtual interrupts go to domains that there are."""
        for virq, table in self._virq_owners.items():
            assert table in known, f"virq {virq} goes to domain {table.domid}, which is gone"

    def _allocate(self, table: PortTable, operation: str) -> Channel:
        return table.take(table.free_port(), TRANSITIONS[PortState.FREE, operation])


def check_ports(tables: list[PortTable]) -> None:
    """Every interdomain port has a live peer that points back; indexes agree; pending ports are in use."""
    known = {id(table) for table in tables}
    for table in tables:
        for port, channel in table.channels.items():
            where = f"port {port} of domain {table.domid}"
            assert channel.port == port, f"{where} is filed wrongly"
            assert channel.table is table, f"{where} is filed wrongly"
            assert 0 < port < table.valid_ports, f"{where} is out of range"
            if channel.state is PortState.INTERDOMAIN:
                peer = channel.peer
                assert peer is not None, f"{where} has no peer"
                assert peer.peer is channel, f"{where}: the peer points elsewhere"
                assert peer.state is PortState.INTERDOMAIN, f"{where}: the peer is {peer.state.name}"
                assert id(peer.table) in known, f"{where}: the peer's domain is gone"
            else:
                assert channel.peer is None, f"{where} is {channel.state.name} and has a peer"
        assert table.pending <= table.channels.keys(), f"domain {table.domid}: pending ports that are free"
        assert table.priorities.keys() <= table.channels.keys(), (
            f"domain {table.domid}: priorities of ports that are free"
        )
        assert not table.polls or table.link is not None, f"domain {table.domid} waits and does not run"
        for (virq, vcpu), channel in table.virqs.items():
            where = f"virq {virq} of domain {table.domid}"
            assert table.channels.get(channel.port) is channel, f"{where} has no port"
            assert (channel.state, channel.virq) == (PortState.VIRQ, virq), f"{where} is filed wrongly"
            assert virq not in PER_VCPU_VIRQS or channel.vcpu == vcpu, f"{where} is on another vcpu"
        for pirq, channel in table.pirqs.items():
            assert table.channels.get(channel.port) is channel, f"pirq {pirq} of domain {table.domid}"


def _step(channel: Channel, operation: str) -> PortState:
    state = TRANSITIONS.get((channel.state, operation))
    if state is None:
        raise XenError(Errno.EINVAL, f"{operation} of port {channel.port}, which is {channel.state.name}")
    return state


def _widow(channel: Channel) -> None:
    """evtchn_close of an ECS_INTERDOMAIN port: what is left at the other end."""
    peer = channel.peer
    assert peer is not None, "an interdomain port has a peer"
    peer.state = _step(peer, "peer_closes")
    peer.remote_domid = channel.table.domid
    peer.peer = channel.peer = None


def _check_vcpu(table: PortTable, vcpu: int) -> None:
    if not 0 <= vcpu < table.nr_vcpus:
        raise XenError(Errno.ENOENT, f"domain {table.domid} has no vcpu {vcpu}")
