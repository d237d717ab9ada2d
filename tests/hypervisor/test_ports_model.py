"""Ports against a naive model: random binding, closing, sending, and domains that die."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno

SELF = 0x7FF0
MAX_PORT = 4
DOMAINS = st.integers(0, 3)
PORTS = st.integers(0, MAX_PORT + 1)


@pytest.fixture
def machine(power_on):
    class Ports(RuleBasedStateMachine):
        """`ports[domid][port]` is ("unbound", for whom), ("interdomain", domid, port) or ("ipi",)."""

        def __init__(self):
            super().__init__()
            self.xen = power_on()
            self.domids = [0] + [self.xen.create(pages=1, max_evtchn_port=MAX_PORT) for _ in range(3)]
            self.xen.machine._host.domains.find(0).ports.max_port = MAX_PORT
            self.ports = {domid: {} for domid in self.domids}

        def free(self, domid):
            return next((port for port in range(1, MAX_PORT + 1) if port not in self.ports[domid]), None)

        def expect(self, domid, name, expected, field=None, **arguments):
            ret, out = self.xen.call(domid, f"event_channel_op.{name}", **arguments)
            if field is not None and expected >= 0:
                assert (ret, out[field]) == (0, expected)
            else:
                assert ret == expected

        @rule(who=DOMAINS, whom=DOMAINS)
        def alloc_unbound(self, who, whom):
            domid, remote = self.domids[who], self.domids[whom]
            port = self.free(domid)
            arguments = {"dom": SELF, "remote_dom": remote}
            self.expect(domid, "alloc_unbound", port or -Errno.ENOSPC, "port", **arguments)
            if port:
                self.ports[domid][port] = ("unbound", remote)

        @rule(who=DOMAINS, whom=DOMAINS, remote_port=PORTS)
        def bind_interdomain(self, who, whom, remote_port):
            domid, remote = self.domids[who], self.domids[whom]
            port = self.free(domid)
            arguments = {"remote_dom": remote, "remote_port": remote_port}
            expected = port or -Errno.ENOSPC
            if port and self.ports[remote].get(remote_port) != ("unbound", domid):
                expected = -Errno.EINVAL
            self.expect(domid, "bind_interdomain", expected, "local_port", **arguments)
            if expected > 0:
                self.ports[domid][port] = ("interdomain", remote, remote_port)
                self.ports[remote][remote_port] = ("interdomain", domid, port)

        @rule(who=DOMAINS)
        def bind_ipi(self, who):
            domid = self.domids[who]
            port = self.free(domid)
            self.expect(domid, "bind_ipi", port or -Errno.ENOSPC, "port", vcpu=0)
            if port:
                self.ports[domid][port] = ("ipi",)

        @rule(who=DOMAINS, port=PORTS)
        def close(self, who, port):
            domid = self.domids[who]
            self.expect(domid, "close", 0 if port in self.ports[domid] else -Errno.EINVAL, port=port)
            self.closed(domid, port)

        def closed(self, domid, port):
            match self.ports[domid].pop(port, None):
                case ("interdomain", remote, remote_port):
                    self.ports[remote][remote_port] = ("unbound", domid)

        @rule(who=DOMAINS, port=PORTS)
        def send(self, who, port):
            domid = self.domids[who]
            self.xen.clear()
            found = self.ports[domid].get(port)
            self.expect(domid, "send", 0 if found else -Errno.EINVAL, port=port)
            wanted = {each: [] for each in self.domids}
            match found:
                case ("interdomain", remote, remote_port):
                    wanted[remote] = [[remote_port]]
                case ("ipi",):
                    wanted[domid] = [[port]]
            assert {each: self.xen.upcalls(each) for each in self.domids} == wanted

        @rule(who=DOMAINS)
        def die(self, who):
            domid = self.domids[who]
            if domid == 0:
                self.xen.crash(0)
                self.xen.machine._host.domains.find(0).ports.max_port = MAX_PORT
                reborn = 0
            else:
                assert self.xen.ret(0, "domctl.destroydomain", domain=domid) == 0
                reborn = self.xen.create(pages=1, max_evtchn_port=MAX_PORT)
            for port in sorted(self.ports[domid], reverse=True):
                self.closed(domid, port)
            del self.ports[domid]
            self.domids[who] = reborn
            self.ports[reborn] = {}

        @invariant()
        def ports_are_those_of_the_model(self):
            for domain in self.xen.machine._host.domains.listed():
                found = {}
                for port, channel in domain.ports.channels.items():
                    name = channel.state.name.lower()
                    if name == "unbound":
                        found[port] = (name, channel.remote_domid)
                    elif name == "interdomain":
                        found[port] = (name, channel.peer.table.domid, channel.peer.port)
                    else:
                        found[port] = (name,)
                assert found == self.ports[domain.domid]

    return Ports


def test_ports_behave_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=30, stateful_step_count=40, deadline=None)
    )
