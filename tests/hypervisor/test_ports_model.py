"""Ports against a naive model: binding, closing, sending, waiting, timers, and domains that die.

Upcalls are taken by hand, so what is pending, in which order it comes and who is woken is the model's
to say at every step; the machine's own check() runs after each event.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from actors.abi.errno import Errno
from actors.abi.interface import Virq
from actors.messages import UPCALL_WINDOW, HypercallReply, UpcallTaken
from actors.runtime.machine import DeadlinePassed

SELF = 0x7FF0
MAX_PORT = 5
DOMAINS = st.integers(0, 3)
PORTS = st.integers(0, MAX_PORT + 1)
VCPUS = st.integers(0, 1)
MS = 1_000_000


class Model:
    """One domain as a naive mind sees it."""

    def __init__(self):
        self.ports = {}
        self.vcpu = {}
        self.priority = {}
        self.pending = set()
        self.upcalls = []
        self.open = 0
        self.waits = []
        self.answered = []
        self.shot_ns = None
        self.period_ns = [0, 0]
        self.ticked_ns = [0, 0]

    def free(self):
        return next((port for port in range(1, MAX_PORT + 1) if port not in self.ports), None)

    def raised(self, port):
        """An event: whoever waits for it is answered, and an upcall is sent if there is room for one."""
        if port in self.pending:
            return
        self.pending.add(port)
        for wait in list(self.waits):
            sequence, ports, _ = wait
            wakes = self.vcpu[port] == 0 if ports is None else False
            if ports is not None:
                wakes = self.vcpu[port] == 0 or len(set(ports)) != 1 or port in ports
            if wakes:
                self.waits.remove(wait)
                self.answered.append(sequence)

    def deliver(self):
        if self.pending and self.open < UPCALL_WINDOW:
            self.open += 1
            order = sorted(self.pending, key=lambda port: (self.priority.get(port, 7), port))
            self.upcalls.append(order)
            self.pending.clear()

    def timer(self, vcpu):
        for port, state in self.ports.items():
            if state == ("virq", vcpu):
                self.raised(port)


@pytest.fixture
def machine(power_on):
    class Ports(RuleBasedStateMachine):
        """`ports` of a model: ("unbound", whom), ("interdomain", domid, port), ("ipi",), ("virq", vcpu)."""

        def __init__(self):
            super().__init__()
            self.xen = power_on()
            self.xen.take_upcalls = False
            self.domids = [0] + [self.make() for _ in range(3)]
            self.xen.machine._host.domains.find(0).ports.max_port = MAX_PORT
            self.models = {domid: Model() for domid in self.domids}
            self.xen.clear()

        def make(self):
            return self.xen.create(pages=1, max_evtchn_port=MAX_PORT, max_vcpus=2)

        def expect(self, domid, name, expected, field=None, **arguments):
            ret, out = self.xen.call(domid, f"event_channel_op.{name}", **arguments)
            if field is not None and expected >= 0:
                assert (ret, out[field]) == (0, expected)
            else:
                assert ret == expected

        def bound(self, domid, port, state, vcpu=0):
            model = self.models[domid]
            model.ports[port], model.vcpu[port] = state, vcpu

        @rule(who=DOMAINS, whom=DOMAINS)
        def alloc_unbound(self, who, whom):
            domid, remote = self.domids[who], self.domids[whom]
            port = self.models[domid].free()
            arguments = {"dom": SELF, "remote_dom": remote}
            self.expect(domid, "alloc_unbound", port or -Errno.ENOSPC, "port", **arguments)
            if port:
                self.bound(domid, port, ("unbound", remote))

        @rule(who=DOMAINS, whom=DOMAINS, remote_port=PORTS)
        def bind_interdomain(self, who, whom, remote_port):
            domid, remote = self.domids[who], self.domids[whom]
            port = self.models[domid].free()
            arguments = {"remote_dom": remote, "remote_port": remote_port}
            expected = port or -Errno.ENOSPC
            if port and self.models[remote].ports.get(remote_port) != ("unbound", domid):
                expected = -Errno.EINVAL
            self.expect(domid, "bind_interdomain", expected, "local_port", **arguments)
            if expected > 0:
                self.bound(domid, port, ("interdomain", remote, remote_port))
                self.models[remote].ports[remote_port] = ("interdomain", domid, port)
                self.models[domid].raised(port)
            self.delivered()

        def delivered(self):
            for model in self.models.values():
                model.deliver()

        @initialize()
        def connect(self):
            for who, whom in ((0, 1), (1, 2), (2, 3)):
                self.join(who, whom)

        @rule(who=DOMAINS, whom=DOMAINS)
        def join(self, who, whom):
            port = self.models[self.domids[who]].free()
            self.alloc_unbound(who, whom)
            if port:
                self.bind_interdomain(whom, who, port)

        @rule(who=DOMAINS, vcpu=VCPUS)
        def bind_ipi(self, who, vcpu):
            domid = self.domids[who]
            vcpu = vcpu if domid else 0
            port = self.models[domid].free()
            self.expect(domid, "bind_ipi", port or -Errno.ENOSPC, "port", vcpu=vcpu)
            if port:
                self.bound(domid, port, ("ipi",), vcpu)

        @rule(who=DOMAINS, vcpu=VCPUS)
        def bind_timer(self, who, vcpu):
            domid = self.domids[who]
            model = self.models[domid]
            port = model.free()
            expected = port or -Errno.ENOSPC
            if ("virq", vcpu) in model.ports.values():
                expected = -Errno.EEXIST
            self.expect(domid, "bind_virq", expected, "port", virq=int(Virq.TIMER), vcpu=vcpu)
            if expected > 0:
                self.bound(domid, port, ("virq", vcpu), vcpu)

        @rule(who=DOMAINS, port=PORTS, vcpu=st.integers(0, 2))
        def bind_vcpu(self, who, port, vcpu):
            domid = self.domids[who]
            model = self.models[domid]
            kind = model.ports.get(port, ("free",))[0]
            expected = 0 if kind in {"unbound", "interdomain"} else -Errno.EINVAL
            self.expect(domid, "bind_vcpu", -Errno.ENOENT if vcpu == 2 else expected, port=port, vcpu=vcpu)
            if expected == 0 and vcpu < 2:
                model.vcpu[port] = vcpu

        @rule(who=DOMAINS, port=PORTS, priority=st.integers(0, 16))
        def set_priority(self, who, port, priority):
            domid = self.domids[who]
            self.expect(
                domid, "set_priority", -Errno.EINVAL if priority == 16 else 0, port=port, priority=priority
            )
            if priority < 16 and port in self.models[domid].ports:
                self.models[domid].priority[port] = priority

        @rule(who=DOMAINS, priorities=st.lists(st.sampled_from([0, 7, 15]), min_size=3, max_size=5))
        def set_priorities(self, who, priorities):
            for port, priority in zip(sorted(self.models[self.domids[who]].ports), priorities, strict=False):
                self.set_priority(who, port, priority)

        @rule(who=DOMAINS, vcpus=st.lists(VCPUS, min_size=3, max_size=5))
        def bind_vcpus(self, who, vcpus):
            for port, vcpu in zip(sorted(self.models[self.domids[who]].ports), vcpus, strict=False):
                self.bind_vcpu(who, port, vcpu)

        @rule(who=DOMAINS, port=PORTS)
        def close(self, who, port):
            domid = self.domids[who]
            there = port in self.models[domid].ports
            self.expect(domid, "close", 0 if there else -Errno.EINVAL, port=port)
            self.closed(domid, port)

        def closed(self, domid, port):
            model = self.models[domid]
            match model.ports.pop(port, None):
                case ("interdomain", remote, remote_port):
                    self.models[remote].ports[remote_port] = ("unbound", domid)
            model.pending.discard(port)
            model.priority.pop(port, None)
            model.vcpu.pop(port, None)

        @rule(who=DOMAINS)
        def reset(self, who):
            self.expect(self.domids[who], "reset", 0, dom=SELF)
            for port in list(self.models[self.domids[who]].ports):
                self.closed(self.domids[who], port)

        @rule(who=DOMAINS, picks=st.lists(st.integers(0, 9), min_size=1, max_size=6))
        def send_several(self, who, picks):
            for pick in picks:
                self.send(who, pick)

        @rule(who=DOMAINS, port=PORTS)
        def send(self, who, port):
            domid = self.domids[who]
            found = self.models[domid].ports.get(port, ("free",))
            bad = found[0] in {"free", "virq"}
            self.expect(domid, "send", -Errno.EINVAL if bad else 0, port=port)
            match found:
                case ("interdomain", remote, remote_port):
                    self.models[remote].raised(remote_port)
                case ("ipi",):
                    self.models[domid].raised(port)
            self.delivered()

        @rule(who=DOMAINS)
        def take_upcall(self, who):
            domid = self.domids[who]
            if self.models[domid].open:
                self.xen.message(f"dom{domid}", UpcallTaken())
                self.models[domid].open -= 1

        @rule()
        def flood(self):
            """Twice everything, so that upcalls are full and the rest is pending together."""
            for _ in range(2):
                for who, domid in enumerate(self.domids):
                    for port in sorted(self.models[domid].ports):
                        self.send(who, port)
            for who in range(4):
                self.take_upcall(who)
                self.delivered()

        @rule(
            who=DOMAINS, ports=st.none() | st.lists(PORTS, max_size=3), delay=st.sampled_from([0, MS, 5 * MS])
        )
        def wait(self, who, ports, delay):
            """After what is pending is taken, as a kernel does that has nothing left to do."""
            domid = self.domids[who]
            model = self.models[domid]
            while model.open and who != 3:
                self.take_upcall(who)
                self.delivered()
            until_ns = self.xen.now_ns + delay if delay else 0
            if ports is None:
                until_ns = 0
                reply = self.xen.raw(domid, 29, 1, {})
            else:
                arguments = {"ports": ports, "nr_ports": len(ports), "timeout": until_ns}
                reply = self.xen.raw(domid, 29, 3, arguments)
            if model.open or model.pending:
                assert reply.ret == 0
                return
            assert reply is None
            model.waits.append((self.xen._sequence, ports, until_ns))
            if len(model.waits) > 2:
                model.answered.append(model.waits.pop(0)[0])

        @rule(who=DOMAINS, delay=st.integers(1, 3))
        def set_singleshot(self, who, delay):
            domid = self.domids[who]
            at_ns = self.xen.now_ns + delay * MS
            assert self.xen.ret(domid, "vcpu_op.set_singleshot_timer", vcpu=0, timeout_abs_ns=at_ns) == 0
            self.models[domid].shot_ns = at_ns

        @rule(who=DOMAINS, vcpu=VCPUS, period=st.integers(0, 3))
        def set_periodic(self, who, vcpu, period):
            domid = self.domids[who]
            model = self.models[domid]
            name = "set_periodic_timer" if period else "stop_periodic_timer"
            assert self.xen.ret(domid, f"vcpu_op.{name}", vcpu=vcpu, period_ns=period * MS) == 0
            model.period_ns[vcpu] = period * MS
            self.tick(model, vcpu)

        def tick(self, model, vcpu):
            if model.period_ns[vcpu] and self.xen.now_ns >= model.ticked_ns[vcpu] + model.period_ns[vcpu]:
                model.ticked_ns[vcpu] = self.xen.now_ns
                model.timer(vcpu)

        @rule(ms=st.integers(1, 4))
        def pass_time(self, ms):
            self.xen.now_ns += ms * MS
            self.xen.feed(DeadlinePassed())
            for model in self.models.values():
                for wait in list(model.waits):
                    if wait[2] and wait[2] <= self.xen.now_ns:
                        model.waits.remove(wait)
                        model.answered.append(wait[0])
                if model.shot_ns is not None and model.shot_ns <= self.xen.now_ns:
                    model.shot_ns = None
                    model.timer(0)
                for vcpu in (0, 1):
                    self.tick(model, vcpu)

        @rule(who=st.lists(DOMAINS, min_size=1, max_size=3, unique=True))
        def die(self, who):
            """Some of them, one after another, without a step of anybody else between."""
            for each in who:
                domid = self.domids[each]
                if domid == 0:
                    self.xen.crash(0)
                    self.xen.machine._host.domains.find(0).ports.max_port = MAX_PORT
                    reborn = 0
                else:
                    assert self.xen.ret(0, "domctl.destroydomain", domain=domid) == 0
                    reborn = self.make()
                for port in sorted(self.models[domid].ports, reverse=True):
                    self.closed(domid, port)
                del self.models[domid]
                self.domids[each] = reborn
                self.models[reborn] = Model()
            self.forget_answers()

        def forget_answers(self):
            """What was answered before a death went to somebody who may be gone."""
            self.xen.clear()
            for model in self.models.values():
                model.answered.clear()

        @invariant()
        def everybody_has_heard_what_the_model_says(self):
            waited = {sequence for model in self.models.values() for sequence in model.answered}
            for domid, model in self.models.items():
                model.deliver()
                answered = [
                    each.sequence
                    for each in self.xen.messages(f"dom{domid}", HypercallReply)
                    if each.sequence in waited
                ]
                assert sorted(answered) == sorted(model.answered)
                assert self.xen.upcalls(domid) == model.upcalls
                model.answered.clear()
                model.upcalls.clear()
            self.xen.clear()

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
                    elif name == "virq":
                        found[port] = (name, channel.vcpu)
                    else:
                        found[port] = (name,)
                model = self.models[domain.domid]
                assert found == model.ports
                assert domain.ports.pending == model.pending
                assert len(domain.ports.polls) == len(model.waits)

        @invariant()
        def the_next_deadline_is_the_earliest_of_all(self):
            times = [wait[2] for model in self.models.values() for wait in model.waits if wait[2]]
            times += [model.shot_ns for model in self.models.values() if model.shot_ns is not None]
            times += [
                ticked + period
                for model in self.models.values()
                for ticked, period in zip(model.ticked_ns, model.period_ns, strict=True)
                if period
            ]
            assert self.xen.machine.next_deadline_ns() == min(times, default=None)

    return Ports


def test_ports_behave_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=150, stateful_step_count=50, deadline=None)
    )
