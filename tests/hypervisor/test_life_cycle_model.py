"""The life of domains against a naive model: created, paused, running, shut down, resumed, dying, gone.

The board is slow: the process of a domain starts and ends when the model says so, so that anything may
happen to a domain that is half started or half dead, several at a time.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actors.abi.errno import Errno
from actors.abi.interface import DominfFlags, ShutdownReason
from actors.messages import DomainStopped, HypercallReply, StartDomain, StopDomain
from actors.runtime.machine import LinkClosed, LinkOpened, Received

PICK = st.integers(0, 5)
REASONS = st.sampled_from([int(each) for each in ShutdownReason])
MS = 1_000_000


class Life:
    """One domain as a naive mind sees it. `process` is None, starting, runs, lost or stopping."""

    def __init__(self):
        self.pauses = 1
        self.started = False
        self.process = None
        self.reason = None
        self.code = None
        self.dying = False
        self.suspended = False

    @property
    def runs(self):
        return self.process == "runs" and self.reason is None and not self.dying


@pytest.fixture
def machine(power_on):
    class Lives(RuleBasedStateMachine):
        """`lives` by domain id, in the order of creation; domains that are gone are not in it."""

        def __init__(self):
            super().__init__()
            self.xen = power_on()
            self.lives = {}
            self.waiting = {}
            self.xen.auto = False

        @initialize()
        def begin(self):
            for _ in range(4):
                self.create(running=True)

        def pick(self, number):
            return list(self.lives.items())[number % len(self.lives)]

        def finished(self, domid):
            """The domain is gone: its number is free, and whoever waited for that is told."""
            del self.lives[domid]
            sequences = self.waiting.pop(domid, [])
            answered = [each.sequence for each in self.xen.messages("dom0", HypercallReply)]
            assert all(sequence in answered for sequence in sequences)

        @precondition(lambda self: len(self.lives) < 6)
        @rule(running=st.booleans())
        def create(self, running):
            domid = self.xen.create(pages=1, run=False)
            assert domid not in self.lives
            self.lives[domid] = Life()
            if running:
                self.unpause(len(self.lives) - 1)
                self.process_starts(len(self.lives) - 1)

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def pause(self, number):
            domid, life = self.pick(number)
            for _ in range(2):
                assert self.xen.ret(0, "domctl.pausedomain", domain=domid) == 0
                life.pauses += 1

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def unpause(self, number):
            domid, life = self.pick(number)
            before = len(self.xen.messages("supervisor", StartDomain))
            ret = self.xen.ret(0, "domctl.unpausedomain", domain=domid)
            assert ret == (0 if life.pauses else -Errno.EINVAL)
            life.pauses = max(life.pauses - 1, 0)
            starts = not life.pauses and not life.started and life.reason is None and not life.dying
            assert len(self.xen.messages("supervisor", StartDomain)) == before + (ret == 0 and starts)
            if ret == 0 and starts:
                life.started, life.process = True, "starting"

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def process_starts(self, number):
            domid, life = self.pick(number)
            if life.process == "starting" and life.reason is None and not life.dying:
                self.xen.feed(LinkOpened(f"dom{domid}"))
                life.process = "runs"

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def process_is_lost(self, number):
            domid, life = self.pick(number)
            if life.process == "runs":
                self.xen.feed(LinkClosed(f"dom{domid}", "killed"))
                life.process = "lost"
                if life.reason is None and not life.dying:
                    life.reason = int(ShutdownReason.crash) if life.code is None else life.code

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def process_has_ended(self, number):
            """Of a domain that is dying, if there is one: the board does not forget."""
            dying = [each for each, life in enumerate(self.lives.values()) if life.dying]
            number = dying[number % len(dying)] if dying else number
            domid, life = self.pick(number)
            if life.process is None:
                return
            if life.process == "runs":
                self.process_is_lost(number)
            incarnation = self.xen.machine._host.domains.find(domid).incarnation
            self.xen.feed(Received("supervisor", DomainStopped(domid, incarnation)))
            life.process = None
            if life.dying:
                self.finished(domid)
            elif life.reason is None:
                life.reason = int(ShutdownReason.crash) if life.code is None else life.code

        @precondition(lambda self: self.lives)
        @rule(number=PICK, reason=REASONS, mine=st.booleans())
        def shut_down(self, number, reason, mine):
            domid, life = self.pick(number)
            if mine and not life.runs:
                return
            if mine:
                assert self.xen.raw(domid, 29, 2, {"reason": reason}) is None
                life.suspended = True
            else:
                assert self.xen.ret(0, "sched_op.remote_shutdown", domain_id=domid, reason=reason) == 0
            if life.reason is None and not life.dying:
                life.reason = reason if life.code is None else life.code

        @precondition(lambda self: self.lives)
        @rule(number=PICK, reason=REASONS)
        def set_shutdown_code(self, number, reason):
            domid, life = self.pick(number)
            if life.runs:
                assert self.xen.ret(domid, "sched_op.shutdown_code", reason=reason) == 0
                life.code = reason if life.code is None else life.code

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def set_watchdog(self, number):
            domid, life = self.pick(number)
            if life.runs:
                assert self.xen.ret(domid, "sched_op.watchdog", id=0, timeout=1) in {1, 2, -Errno.ENOSPC}
                self.xen.wait(1000 * MS)
                life.reason = int(ShutdownReason.watchdog) if life.code is None else life.code

        @precondition(lambda self: self.lives)
        @rule(number=PICK)
        def resume(self, number):
            domid, life = self.pick(number)
            self.xen.clear()
            ret = self.xen.ret(0, "domctl.resumedomain", domain=domid)
            down = life.reason is not None and not life.dying
            assert ret == (-Errno.EINVAL if down and life.process != "runs" else 0)
            if down and ret == 0:
                answers = self.xen.messages(f"dom{domid}", HypercallReply)
                assert [each.ret for each in answers] == ([0] if life.suspended else [])
                life.reason = life.code = None
                life.suspended = False

        @precondition(lambda self: self.lives)
        @rule(numbers=st.lists(PICK, min_size=1, max_size=3))
        def destroy(self, numbers):
            """Several at once; each is answered when its process has ended."""
            for number in numbers:
                if not self.lives:
                    return
                domid, life = self.pick(number)
                reply = self.xen.raw(0, 36, 2, {"domain": domid})
                again, life.dying = life.dying, True
                if life.process is None:
                    assert reply.ret == 0
                    self.finished(domid)
                else:
                    assert reply is None
                    stopped = [each.domid for each in self.xen.messages("supervisor", StopDomain)]
                    assert again or stopped[-1] == domid
                    self.waiting.setdefault(domid, []).append(self.xen._sequence)

        @rule()
        def dom0_is_reborn(self):
            self.waiting.clear()
            self.xen.auto = True
            self.xen.crash(0)
            self.xen.auto = False

        @invariant()
        def the_list_is_that_of_the_model(self):
            _, out = self.xen.call(0, "sysctl.getdomaininfolist", first_domain=1, max_domains=99)
            found = {each["domain"]: each["flags"] for each in out["domains"]}
            assert found.keys() == self.lives.keys()
            for domid, life in self.lives.items():
                flags = DominfFlags(found[domid] & 0xFFFF)
                assert bool(flags & DominfFlags.dying) == life.dying
                assert bool(flags & DominfFlags.paused) == (life.pauses > 0)
                assert bool(flags & DominfFlags.shutdown) == (life.reason is not None)
                if life.reason is not None:
                    assert found[domid] >> 16 == life.reason
                assert bool(flags & DominfFlags.blocked) == (life.runs and not life.pauses)

        @invariant()
        def only_what_runs_makes_hypercalls(self):
            running = {f"dom{domid}" for domid, life in self.lives.items() if life.runs}
            assert self.xen.machine._host.callers.keys() == running | {"dom0"}

    return Lives


def test_domains_live_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=150, stateful_step_count=50, deadline=None)
    )
