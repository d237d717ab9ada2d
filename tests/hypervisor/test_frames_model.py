"""Reservations, physmaps, foreign frames and claims against a naive model, while any domain dies."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno
from actors.messages import DomainStopped
from actors.runtime.machine import LinkClosed

PAGES = 4
GFNS = st.integers(0, 11)
LISTS = st.lists(GFNS, max_size=4)
WHO = st.integers(0, 2)
SELF = 0x7FF0
FIRST_GFN = 100
"""dom0's own low gfns stay alone: it has its start-of-day record there."""


@pytest.fixture
def machine(power_on):
    class Frames(RuleBasedStateMachine):
        """`shown[who]` is gfn to ("own", mfn), ("foreign", mfn) or ("grant", mfn); `aside[who]` mfns."""

        def __init__(self):
            super().__init__()
            self.xen = power_on(nr_frames=98)
            self.domids, self.dying = [0, 0, 0], {}
            self.shown, self.aside, self.limits, self.claims = {}, {}, {}, {}
            for who in range(3):
                self.born(who)

        @property
        def host(self):
            return self.xen.machine._host

        def physmap(self, who):
            return self.host.domains.find(self.domids[who]).physmap

        def born(self, who):
            if who:
                self.domids[who] = self.xen.create(pages=PAGES)
                assert self.xen.ret(0, "domctl.max_mem", domain=self.domids[who], max_memkb=8 * 4) == 0
            physmap = self.physmap(who)
            self.shown[who] = {
                gfn + each: ("own", mfn + each)
                for gfn, mfn, count in physmap.extents()
                for each in range(count)
            }
            self.aside[who], self.limits[who], self.claims[who] = [], physmap.max_pages, 0

        def pages(self, who):
            return sum(kind == "own" for kind, _ in self.shown[who].values()) + len(self.aside[who])

        def available(self, who):
            return self.host.frames.free_frames - sum(self.claims.values()) + self.claims[who]

        def take(self, who, count):
            self.claims[who] -= min(count, self.claims[who])

        def at(self, who, gfn):
            return gfn + FIRST_GFN if who == 0 else gfn

        @rule(who=WHO, limit=st.sampled_from([4, 6, 8]))
        def max_mem(self, who, limit):
            limit += 64 if who == 0 else 0
            given = {"domain": self.domids[who], "max_memkb": limit * 4}
            assert self.xen.ret(0, "domctl.max_mem", **given) == 0
            self.limits[who] = limit

        @rule(who=WHO, gfns=LISTS, order=st.integers(0, 1), by_dom0=st.booleans())
        def populate(self, who, gfns, order, by_dom0):
            if who in self.dying and not by_dom0:
                return
            gfns = [self.at(who, gfn) for gfn in gfns]
            done, free = 0, self.available(who)
            for gfn in gfns if who not in self.dying else []:
                span = range(gfn, gfn + (1 << order))
                room = min(self.limits[who] - self.pages(who), free - (done << order))
                if room < 1 << order or any(each in self.shown[who] for each in span):
                    break
                self.shown[who] |= dict.fromkeys(span, ("own", None))
                done += 1
            given = {"domid": self.domids[who], "extent_start": gfns, "extent_order": order}
            ret, out = self.xen.call(
                0 if by_dom0 else self.domids[who], "memory_op.populate_physmap", **given
            )
            assert ret == done
            self.take(who, done << order)
            self.fill(who, out)

        def fill(self, who, out):
            for gfn, mfn, count in out.get("mfns", []):
                for each in range(count):
                    assert self.shown[who].get(gfn + each, ("own", None)) == ("own", None)
                    self.shown[who][gfn + each] = ("own", mfn + each)
            assert ("own", None) not in self.shown[who].values()

        @rule(who=WHO, gfns=LISTS)
        def decrease(self, who, gfns):
            gfns = [self.at(who, gfn) for gfn in gfns]
            done = 0
            for gfn in gfns if who not in self.dying else []:
                if self.shown[who].pop(gfn, None) is None:
                    break
                done += 1
            given = {"domid": self.domids[who], "extent_start": gfns}
            assert self.xen.ret(0, "memory_op.decrease_reservation", **given) == done

        @rule(who=WHO, count=st.sampled_from([1, 2, 9]))
        def increase(self, who, count):
            room = 0
            if who not in self.dying:
                room = max(min(count, self.limits[who] - self.pages(who), self.available(who)), 0)
            given = {"domid": self.domids[who], "nr_extents": count}
            ret, out = self.xen.call(0, "memory_op.increase_reservation", **given)
            assert ret == room
            if out.get("mfns"):
                assert out["mfns"][0][0] == max(self.shown[who], default=-1) + 1
            self.take(who, room)
            self.fill(who, out)

        @rule(who=WHO, gfns=st.lists(GFNS, min_size=1, max_size=3, unique=True), shift=st.integers(0, 12))
        def exchange(self, who, gfns, shift):
            if who in self.dying:
                return
            olds = [self.at(who, gfn) for gfn in gfns]
            news = [gfn + shift for gfn in olds]
            lists = {
                name: {"domid": self.domids[who], "nr_extents": len(each), "extent_start": each}
                for name, each in (("in", olds), ("out", news))
            }
            done, error = 0, 0
            for old, new in zip(olds, news, strict=True):
                kind, mfn = self.shown[who].get(old, (None, None))
                taken = new != old and new in self.shown[who]
                if kind != "own" or mfn in self.host.frames.references or taken:
                    error = Errno.EINVAL
                elif self.host.frames.free_frames - sum(self.claims.values()) < 1:
                    error = Errno.ENOMEM
                if error:
                    break
                del self.shown[who][old]
                self.shown[who][new] = ("own", ("fresh", new))
                done += 1
            ret, out = self.xen.call(0, "memory_op.exchange", **lists)
            assert (ret, out["nr_exchanged"]) == (-error, done)
            for gfn, value in list(self.shown[who].items()):
                if value == ("own", ("fresh", gfn)):
                    self.shown[who][gfn] = ("own", self.physmap(who).mfn(gfn))

        @rule(who=WHO, gfn=GFNS, to=GFNS)
        def move(self, who, gfn, to):
            gfn, to = self.at(who, gfn), self.at(who, to)
            given = {"domid": self.domids[who], "space": 2, "idx": gfn, "gpfn": to}
            ret = self.xen.ret(0, "memory_op.add_to_physmap", **given)
            if who in self.dying or self.shown[who].get(gfn, ("", 0))[0] != "own":
                assert ret == -Errno.EINVAL
                return
            assert ret == 0
            self.shown[who][to] = self.shown[who].pop(gfn)

        @rule(who=WHO, to=GFNS)
        def show_grant_frame(self, who, to):
            to = self.at(who, to)
            given = {"domid": self.domids[who], "space": 1, "idx": 0, "gpfn": to}
            ret, out = self.xen.call(0, "memory_op.add_to_physmap", **given)
            if who in self.dying:
                assert ret == -Errno.EINVAL
                return
            assert ret == 0
            shown = self.shown[who]
            self.shown[who] = {gfn: value for gfn, value in shown.items() if value != ("grant", out["mfn"])}
            self.shown[who][to] = ("grant", out["mfn"])

        @rule(whose=st.integers(1, 2), gfn=GFNS, to=GFNS)
        def show_foreign(self, whose, gfn, to):
            to = self.at(0, to)
            given = {"domid": SELF, "space": 4, "foreign_domid": self.domids[whose]}
            ret, out = self.xen.call(0, "memory_op.add_to_physmap_batch", idxs=[gfn], gpfns=[to], **given)
            assert ret == 0
            kind, mfn = self.shown[whose].get(gfn, ("", 0))
            if whose in self.dying or kind != "own":
                assert out["errs"] == [-Errno.EINVAL]
            else:
                assert (out["errs"], out["mfns"]) == ([0], [mfn])
                self.shown[0][to] = ("foreign", mfn)

        @rule(who=WHO, gfn=GFNS)
        def remove(self, who, gfn):
            gfn = self.at(who, gfn)
            ret = self.xen.ret(0, "memory_op.remove_from_physmap", domid=self.domids[who], gpfn=gfn)
            value = self.shown[who].pop(gfn, None)
            assert ret == (0 if value is not None else -Errno.ENOENT)
            if value is not None and value[0] == "own":
                self.aside[who].append(value[1])

        @rule(who=WHO, more=st.integers(1, 4))
        def claim_some_more(self, who, more):
            self.claim(who, self.pages(who) + more)

        @rule(who=WHO, pages=st.sampled_from([0, 5, 8]))
        def claim_anything(self, who, pages):
            self.claim(who, pages)

        def claim(self, who, pages):
            missing = pages - self.pages(who)
            free = self.host.frames.free_frames - sum(self.claims.values())
            ret = self.xen.ret(0, "memory_op.claim_pages", domid=self.domids[who], nr_extents=pages)
            if pages == 0:
                assert ret == 0
                self.claims[who] = 0
            elif who in self.dying or self.claims[who] or missing <= 0 or pages > self.limits[who]:
                assert ret == -Errno.EINVAL
            elif missing > free:
                assert ret == -Errno.ENOMEM
            else:
                assert ret == 0
                self.claims[who] = missing

        @rule(who=WHO)
        def die(self, who):
            if who == 0:
                self.claims[0] = 0
                self.xen.crash(0)
                self.born(0)
            elif who not in self.dying:
                assert self.xen.ret(0, "domctl.destroydomain", domain=self.domids[who]) == 0
                self.reborn(who)

        @rule(who=st.integers(1, 2))
        def begin_to_die(self, who):
            if who not in self.dying:
                self.dying[who] = self.host.domains.find(self.domids[who]).incarnation
                self.claims[who] = 0
                self.xen.auto = False
                assert self.xen.raw(0, 36, 2, {"domain": self.domids[who]}) is None
                self.xen.auto = True

        @rule(who=st.integers(1, 2))
        def end_to_die(self, who):
            if who in self.dying:
                self.xen.feed(LinkClosed(f"dom{self.domids[who]}", "stopped"))
                self.xen.message("supervisor", DomainStopped(self.domids[who], self.dying.pop(who)))
                self.reborn(who)

        def reborn(self, who):
            """Another domain comes in its place; claims, and what dom0 has grown by, make room for it."""
            self.claims[who] = 0
            for each in (0, 1, 2):
                if self.claims[each]:
                    zero = {"domid": self.domids[each], "nr_extents": 0}
                    assert self.xen.ret(0, "memory_op.claim_pages", **zero) == 0
                    self.claims[each] = 0
            if self.host.frames.free_frames <= PAGES:
                self.xen.crash(0)
                self.born(0)
            self.born(who)

        @invariant()
        def memory_is_that_of_the_model(self):
            assert self.host.frames.outstanding == sum(self.claims.values())
            for who in range(3):
                physmap = self.physmap(who)
                assert physmap.pages == self.pages(who)
                assert (physmap.max_pages, physmap.aside) == (self.limits[who], self.aside[who])
                own = {gfn: mfn for gfn, (kind, mfn) in self.shown[who].items() if kind == "own"}
                assert sum(count for _, _, count in physmap.extents()) == len(own)
                assert all(physmap.mfn(gfn) == mfn for gfn, mfn in own.items())
                others = {gfn: mfn for gfn, (kind, mfn) in self.shown[who].items() if kind != "own"}
                assert physmap.foreign == others

    return Frames


def test_memory_behaves_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=50, deadline=None)
    )
