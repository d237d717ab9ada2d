"""event_channel_op: arguments and rights of each command; the rules are in `event_channels.py`.

Source: xen/common/event_channel.c (do_event_channel_op), xen/include/xsm/dummy.h.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Evtchnop
from actors.abi.interface import BIND_PIRQ__WILL_SHARE, EvtchnStatus
from actors.abi.types import DOMID_SELF
from actors.hypervisor.arguments import Arguments, Out, Result, number
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_target
from actors.hypervisor.host import Host
from actors.hypervisor.ports import Channel, PortState

_STATUS = {
    PortState.UNBOUND: EvtchnStatus.unbound,
    PortState.INTERDOMAIN: EvtchnStatus.interdomain,
    PortState.PIRQ: EvtchnStatus.pirq,
    PortState.VIRQ: EvtchnStatus.virq,
    PortState.IPI: EvtchnStatus.ipi,
}


class EventChannelOps:
    """The commands of event_channel_op."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._events = host.events
        self._domains = host.domains

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Evtchnop.bind_interdomain: self.bind_interdomain,
            Evtchnop.bind_virq: self.bind_virq,
            Evtchnop.bind_pirq: self.bind_pirq,
            Evtchnop.close: self.close,
            Evtchnop.send: self.send,
            Evtchnop.status: self.status,
            Evtchnop.alloc_unbound: self.alloc_unbound,
            Evtchnop.bind_ipi: self.bind_ipi,
            Evtchnop.bind_vcpu: self.bind_vcpu,
            Evtchnop.unmask: self.unmask,
            Evtchnop.reset: self.reset,
            Evtchnop.set_priority: self.set_priority,
        }

    def send(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_send."""
        port = arguments.get("port")
        if type(port) is not int:
            raise XenError(Errno.EFAULT, "port is not a number")
        self._events.send(caller.ports, port)
        return 0

    def alloc_unbound(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_alloc_unbound."""
        dom, remote_dom = number(arguments, "dom"), number(arguments, "remote_dom")
        target = self._domains.find_for(caller, dom)
        target.ports.free_port()
        check_target(caller, target)
        remote = caller.domid if remote_dom == DOMID_SELF else remote_dom & 0xFFFF
        return 0, {"port": self._events.alloc_unbound(target.ports, remote)}

    def bind_interdomain(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_bind_interdomain."""
        remote_dom, remote_port = number(arguments, "remote_dom"), number(arguments, "remote_port")
        remote = self._domains.find_for(caller, remote_dom)
        port = self._events.bind_interdomain(caller.ports, remote.ports, remote_port)
        return 0, {"local_port": port}

    def bind_virq(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_bind_virq."""
        virq, vcpu = number(arguments, "virq"), number(arguments, "vcpu")
        return 0, {"port": self._events.bind_virq(caller.ports, virq, vcpu)}

    def bind_ipi(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_bind_ipi."""
        return 0, {"port": self._events.bind_ipi(caller.ports, number(arguments, "vcpu"))}

    def bind_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_bind_pirq."""
        pirq, flags = number(arguments, "pirq"), number(arguments, "flags")
        share = bool(flags & BIND_PIRQ__WILL_SHARE)
        return 0, {"port": self._host.pirqs.bind(self._events, caller.ports, pirq, will_share=share)}

    def close(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_close."""
        self._events.close(caller.ports, number(arguments, "port"))
        return 0

    def status(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_status. A port that is free or reserved is `closed`."""
        dom, port = number(arguments, "dom"), number(arguments, "port")
        target = self._domains.find_for(caller, dom)
        if not target.ports.is_valid(port):
            raise XenError(Errno.EINVAL, f"no port {port}")
        check_target(caller, target)
        channel = target.ports.channels.get(port)
        if channel is None:
            return 0, {"status": int(EvtchnStatus.closed), "vcpu": 0}
        return 0, {"status": int(_STATUS[channel.state]), "vcpu": channel.vcpu, **_details(channel)}

    def bind_vcpu(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_bind_vcpu."""
        self._events.bind_vcpu(caller.ports, number(arguments, "port"), number(arguments, "vcpu"))
        return 0

    def unmask(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_unmask: masks are the guest's own here, so only the port is checked."""
        port = number(arguments, "port")
        if not caller.ports.is_valid(port):
            raise XenError(Errno.EINVAL, f"no port {port}")
        return 0

    def reset(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_reset of oneself, or of a domain that its toolstack has paused. EINVAL, EBUSY, EAGAIN."""
        target = self._domains.find_for(caller, number(arguments, "dom"))
        check_target(caller, target)
        if target is not caller and not target.pause_count:
            raise XenError(Errno.EINVAL, f"domain {target.domid} is not paused")
        return self._host.resets.start(target.ports, caller.ports, self._host.sequence)

    def set_priority(self, caller: Domain, arguments: Arguments) -> Result:
        """EVTCHNOP_set_priority."""
        self._events.set_priority(caller.ports, number(arguments, "port"), number(arguments, "priority"))
        return 0


def _details(channel: Channel) -> Out:
    match channel.state:
        case PortState.UNBOUND:
            return {"dom": channel.remote_domid}
        case PortState.INTERDOMAIN:
            peer = channel.peer
            assert peer is not None, "an interdomain port has a peer"
            return {"dom": peer.table.domid, "port": peer.port}
        case PortState.PIRQ:
            return {"pirq": channel.pirq}
        case PortState.VIRQ:
            return {"virq": channel.virq}
        case _:
            return {}
