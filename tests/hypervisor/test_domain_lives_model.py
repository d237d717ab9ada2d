"""Lives of domains against a naive model, with a board that starts and stops processes when it likes."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno
from actors.abi.interface import DominfFlags
from actors.messages import DomainStopped, HypercallReply, PauseDomain, StartDomain, StopDomain
from actors.runtime.machine import LinkClosed, LinkOpened

NR_SLOTS = 3
SLOTS = st.integers(0, NR_SLOTS - 1)
REASONS = st.sampled_from([0, 1, 2, 3, 5])
CONFIG = {"max_vcpus": 1, "max_evtchn_port": 9, "max_grant_frames": 1, "max_maptrack_frames": 1}
CREATED, STARTING, RUNNING, SHUTDOWN, DYING, DEAD = range(6)


class Life:
    """What the model knows of a domain; `mapped` are handles by those who have a grant of it."""

    def __init__(self, domid, incarnation, hvm):
        self.domid, self.incarnation, self.hvm = domid, incarnation, hvm
        self.state, self.pauses, self.reason = CREATED, 1, None
        self.process = self.linked = False
        self.target = None
        self.mapped = {}


@pytest.fixture
def machine(power_on):
    class Lives(RuleBasedStateMachine):
        """`slots` hold up to three domains besides dom0; at first two run and one has yet to."""

        def __init__(self):
            super().__init__()
            self.xen = power_on()
            self.xen.auto = False
            self.slots = [None] * NR_SLOTS
            self.incarnations = {}
            self.dom0_boots = 1
            self.waiting = []
            for slot in range(NR_SLOTS):
                self.make(slot, hvm=slot == 0)
            for domain in self.slots[:2]:
                assert self.domctl("unpausedomain", domain) == 0
                self.xen.feed(LinkOpened(f"dom{domain.domid}"))
                domain.pauses, domain.state = 0, RUNNING
                domain.process = domain.linked = True

        def find(self, slot):
            return self.slots[slot]

        def domctl(self, name, domain, **arguments):
            return self.xen.ret(0, f"domctl.{name}", domain=domain.domid, **arguments)

        @rule(slot=SLOTS, hvm=st.booleans())
        def create(self, slot, hvm):
            self.make(slot, hvm=hvm)

        def make(self, slot, *, hvm):
            if self.slots[slot] is None:
                domid = self.xen.out(0, "domctl.createdomain", "domain", **(CONFIG | {"flags": int(hvm)}))
                assert domid not in {each.domid for each in self.slots if each is not None}
                self.incarnations[domid] = self.incarnations.get(domid, 0) + 1
                domain = self.slots[slot] = Life(domid, self.incarnations[domid], hvm)
                assert self.domctl("max_mem", domain, max_memkb=16) == 0
                populate = {"domid": domid, "nr_extents": 2}
                assert self.xen.ret(0, "memory_op.populate_physmap", **populate) == 2

        @rule(slot=SLOTS)
        def create_again_under_the_same_id(self, slot):
            domain = self.find(slot)
            if domain is not None:
                again = CONFIG | {"domain": domain.domid}
                assert self.xen.ret(0, "domctl.createdomain", **again) == -Errno.EEXIST

        @rule(slot=SLOTS)
        def pause(self, slot):
            domain = self.find(slot)
            if domain is not None:
                self.expect_hold(domain, lambda: self.domctl("pausedomain", domain) == 0, pauses=1)

        @rule(slot=SLOTS)
        def unpause(self, slot):
            domain = self.find(slot)
            if domain is None:
                return
            if not domain.pauses:
                assert self.domctl("unpausedomain", domain) == -Errno.EINVAL
                return
            self.xen.clear()
            self.expect_hold(domain, lambda: self.domctl("unpausedomain", domain) == 0, pauses=-1)
            started = self.xen.messages("supervisor", StartDomain)
            if not domain.pauses and domain.state == CREATED:
                assert [(each.domid, each.incarnation) for each in started] == [
                    (domain.domid, domain.incarnation)
                ]
                domain.state, domain.process = STARTING, True
            else:
                assert started == []

        def expect_hold(self, domain, call, pauses):
            """The process is held when the first reason comes, and let go with the last."""
            before = domain.pauses
            self.xen.clear()
            assert call()
            domain.pauses += pauses
            told = self.xen.messages("supervisor", PauseDomain)
            if domain.process and domain.state in {STARTING, RUNNING} and not (before and domain.pauses):
                assert told == [PauseDomain(domain.domid, domain.pauses > 0)]
            elif domain.state != SHUTDOWN and domain.state < DYING:
                assert told == []

        @rule(slot=SLOTS)
        def the_board_starts_it(self, slot):
            domain = self.find(slot)
            if domain is None or domain.linked or domain.state != STARTING:
                return
            self.xen.feed(LinkOpened(f"dom{domain.domid}"))
            domain.state, domain.linked = RUNNING, True

        @rule(slot=SLOTS)
        def a_stranger_links(self, slot):
            domain = self.find(slot)
            if domain is not None and domain.state not in {STARTING, RUNNING} and not domain.linked:
                self.xen.closed.clear()
                self.xen.feed(LinkOpened(f"dom{domain.domid}"))
                assert self.xen.closed == [f"dom{domain.domid}"]

        @rule(slot=SLOTS, reason=REASONS)
        def it_shuts_down(self, slot, reason):
            domain = self.find(slot)
            if domain is not None and domain.state == RUNNING:
                assert self.xen.raw(domain.domid, 29, 2, {"reason": reason}) is None
                domain.state, domain.reason = SHUTDOWN, reason

        @rule(slot=SLOTS, reason=REASONS)
        def dom0_shuts_it_down(self, slot, reason):
            domain = self.find(slot)
            if domain is not None:
                call = {"domain_id": domain.domid, "reason": reason}
                assert self.xen.ret(0, "sched_op.remote_shutdown", **call) == 0
                if domain.state < SHUTDOWN:
                    domain.state, domain.reason = SHUTDOWN, reason

        @rule(slot=SLOTS)
        def its_link_breaks(self, slot):
            domain = self.find(slot)
            if domain is not None and domain.linked:
                self.xen.feed(LinkClosed(f"dom{domain.domid}", "killed"))
                domain.linked = False
                if domain.state == RUNNING:
                    domain.state, domain.reason = SHUTDOWN, 3

        @rule(slot=SLOTS)
        def resume(self, slot):
            domain = self.find(slot)
            if domain is None:
                return
            ret = self.domctl("resumedomain", domain)
            if domain.state != SHUTDOWN:
                assert ret == 0
            elif not domain.linked:
                assert ret == -Errno.EINVAL
            else:
                assert ret == 0
                domain.state, domain.reason = RUNNING, None

        @rule(slot=SLOTS)
        def reset(self, slot):
            domain = self.find(slot)
            if domain is None:
                return
            ret = self.domctl("soft_reset", domain)
            if domain.state == SHUTDOWN and domain.hvm and domain.linked:
                assert ret == 0
                domain.state, domain.reason = RUNNING, None
            else:
                assert ret == -Errno.EINVAL

        @rule(slot=SLOTS)
        def destroy(self, slot):
            domain = self.find(slot)
            if domain is None:
                return
            self.xen.clear()
            reply = self.xen.raw(0, 36, 2, {"domain": domain.domid})
            if domain.state < DYING:
                domain.state = DYING
                stops = [StopDomain(domain.domid, domain.incarnation)] if domain.process else []
                assert self.xen.messages("supervisor", StopDomain) == stops
                if not domain.process:
                    self.dead(domain)
            if domain.state == DEAD:
                assert reply is not None
                assert reply.ret == 0
            else:
                assert reply is None
                self.waiting.append((domain, self.xen._sequence))

        @rule(slot=SLOTS)
        def its_process_ends(self, slot):
            domain = self.find(slot)
            if domain is None or not domain.process:
                return
            if domain.linked:
                self.its_link_breaks(slot)
            self.xen.clear()
            self.xen.message("supervisor", DomainStopped(domain.domid, domain.incarnation))
            domain.process = False
            if domain.state == DYING:
                answered = [sequence for each, sequence in self.waiting if each is domain]
                self.waiting = [row for row in self.waiting if row[0] is not domain]
                told = [each.sequence for each in self.xen.messages("dom0", HypercallReply)]
                assert told == answered
                self.dead(domain)
            elif domain.state < SHUTDOWN:
                domain.state, domain.reason = SHUTDOWN, 3

        @rule(slot=SLOTS)
        def the_end_of_another_incarnation_is_reported(self, slot):
            domain = self.find(slot)
            if domain is not None:
                self.xen.message("supervisor", DomainStopped(domain.domid, domain.incarnation + 1))

        @rule(slot=SLOTS, other=SLOTS)
        def set_target(self, slot, other):
            domain, target = self.find(slot), self.find(other)
            if domain is None or target is None:
                return
            ret = self.domctl("set_target", domain, target=target.domid)
            if domain is target:
                assert ret == -Errno.EINVAL
            elif not target.hvm:
                assert ret == -Errno.EOPNOTSUPP
            elif domain.target is not None or domain.state >= DYING:
                assert ret == -Errno.EINVAL
            else:
                assert ret == 0
                domain.target = target

        @rule(slot=SLOTS, other=SLOTS)
        def map_grant(self, slot, other):
            mapper, granter = self.find(slot), self.find(other)
            if mapper is None or granter is None or mapper.state != RUNNING or granter.state >= DYING:
                return
            if granter.mapped or mapper is granter:
                return
            self.xen.entry(granter.domid, 8, mapper.domid, 1)
            call = {"dom": granter.domid, "ref": 8, "flags": 2}
            _, out = self.xen.call(mapper.domid, "grant_table_op.map_grant_ref", **call)
            assert out["status"] == 0
            granter.mapped[mapper] = out["handle"]

        @rule(slot=SLOTS)
        def unmap_grants(self, slot):
            mapper = self.find(slot)
            if mapper is not None and mapper.state == RUNNING:
                for granter in [each for each in self.slots if each is not None and mapper in each.mapped]:
                    call = {"handle": granter.mapped.pop(mapper)}
                    _, out = self.xen.call(mapper.domid, "grant_table_op.unmap_grant_ref", **call)
                    assert out["status"] == 0
                self.reap()

        def dead(self, domain):
            domain.state, domain.target = DEAD, None
            for granter in self.slots:
                if granter is not None:
                    granter.mapped.pop(domain, None)
            self.reap()

        def reap(self):
            """The dead are gone that nobody holds any more."""
            for slot, domain in enumerate(self.slots):
                if domain is None or domain.state != DEAD or domain.mapped:
                    continue
                if not any(each is not None and each.target is domain for each in self.slots):
                    self.slots[slot] = None

        @rule()
        def dom0_crashes_and_comes_back(self):
            self.waiting.clear()
            self.xen.feed(LinkClosed("dom0", "killed"))
            self.xen.message("supervisor", DomainStopped(0, self.dom0_boots))
            self.dom0_boots += 1
            self.xen.feed(LinkOpened("dom0"))

        @invariant()
        def states_are_those_of_the_model(self):
            living = {each.domid: each for each in self.slots if each is not None}
            out = self.xen.call(0, "sysctl.getdomaininfolist", first_domain=1, max_domains=9)[1]
            assert [each["domain"] for each in out["domains"]] == sorted(living)
            for info in out["domains"]:
                domain, flags = living[info["domain"]], DominfFlags(0)
                if domain.state >= DYING:
                    flags |= DominfFlags.dying
                if domain.reason is not None:
                    flags |= DominfFlags.shutdown
                if domain.pauses:
                    flags |= DominfFlags.paused
                elif domain.state == RUNNING:
                    flags |= DominfFlags.blocked
                if domain.hvm:
                    flags |= DominfFlags.hvm_guest
                assert DominfFlags(info["flags"] & 0xFFFF) == flags
                assert info["flags"] >> 16 == (0xFF if domain.reason is None else domain.reason)
            callers = set(self.xen.machine._host.callers) - {"dom0"}
            running = {f"dom{each.domid}" for each in living.values() if each.state == RUNNING}
            assert callers == running

        def teardown(self):
            for slot in range(NR_SLOTS):
                if self.slots[slot] is not None:
                    self.destroy(slot)
            for slot in range(NR_SLOTS):
                self.its_process_ends(slot)
            assert self.slots == [None] * NR_SLOTS
            statistics = self.xen.machine.statistics()
            assert [each.domid for each in statistics.domains] == [0]
            assert (statistics.frames_lingering, statistics.grants_mapped) == (0, 0)
            assert statistics.dom0_boots == self.dom0_boots

    return Lives


def test_domains_live_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=50, stateful_step_count=50, deadline=None)
    )
