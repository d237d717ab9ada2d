"""Grants against a naive model: maps by sides, copies, transfers, swaps, while any domain dies."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno
from actors.abi.interface import GrantStatus
from actors.messages import DomainStopped
from actors.runtime.machine import LinkClosed

PAGES = 3
MAX_PAGES = 5
SELF = 0x7FF0
PERMIT, ACCEPT, READONLY, COMMITTED, COMPLETED = 1, 2, 4, 4, 8
READING, WRITING = 8, 16
DEVICE, HOST, MAP_READONLY = 1, 2, 4
WHO = st.integers(0, 3)
REFS = st.integers(8, 10)
GFNS = st.integers(0, PAGES)


class Row:
    """A mapping: who has it, of which entry of whom, the frame, and what is left of its flags."""

    def __init__(self, mapper, handle, granter, ref, flags, mfn):
        self.mapper, self.handle, self.granter, self.ref = mapper, handle, granter, ref
        self.flags, self.mfn = flags, mfn

    @property
    def writes(self):
        return not self.flags & MAP_READONLY


@pytest.fixture
def machine(power_on):
    class Grants(RuleBasedStateMachine):
        """A life of a domain has a key; `entries[key, ref]` is [to, gfn, flags], `frames[key]` by gfn."""

        def __init__(self):
            super().__init__()
            self.xen = power_on()
            self.keys, self.domids, self.dying = [], [], {}
            self.entries, self.frames, self.rows = {}, {}, []
            self.next_key = 0
            for who in range(4):
                self.domids.append(0)
                self.keys.append(0)
                self.born(who)

        def born(self, who):
            if who:
                self.domids[who] = self.xen.create(pages=PAGES)
                limit = {"domain": self.domids[who], "max_memkb": MAX_PAGES * 4}
                assert self.xen.ret(0, "domctl.max_mem", **limit) == 0
            self.next_key += 1
            self.keys[who] = self.next_key
            physmap = self.xen.machine._host.domains.find(self.domids[who]).physmap
            self.frames[self.next_key] = {
                gfn + each: mfn + each for gfn, mfn, count in physmap.extents() for each in range(count)
            }

        def uses(self, key, ref):
            return [row for row in self.rows if (row.granter, row.ref) == (key, ref)]

        def is_held(self, mfn):
            return any(row.mfn == mfn for row in self.rows)

        def status(self, who, name, **arguments):
            ret, out = self.xen.call(self.domids[who], f"grant_table_op.{name}", **arguments)
            assert ret == 0
            return GrantStatus(out["status"]), out

        def write(self, who, ref, to, gfn, flags):
            if who not in self.dying and not self.uses(self.keys[who], ref):
                self.xen.entry(self.domids[who], ref, self.domids[to], gfn, flags)
                self.entries[self.keys[who], ref] = [self.domids[to], gfn, flags]

        @rule(granter=WHO, to=WHO, ref=REFS, gfn=GFNS, readonly=st.booleans())
        def grant(self, granter, to, ref, gfn, readonly):
            self.write(granter, ref, to, gfn, PERMIT | (READONLY if readonly else 0))

        @rule(granter=WHO, to=WHO, ref=REFS, gfn=st.integers(0, PAGES - 1), flags=st.integers(1, 7))
        def share(self, granter, to, ref, gfn, flags):
            self.write(granter, ref, to, gfn, PERMIT)
            self.map(granter, to, ref, flags)

        @rule(receiver=WHO, giver=WHO, ref=REFS, gfn=st.integers(0, PAGES + 2))
        def accept(self, receiver, giver, ref, gfn):
            self.write(receiver, ref, giver, gfn, ACCEPT)

        @rule(granter=WHO, ref=REFS)
        def revoke(self, granter, ref):
            if granter not in self.dying:
                pinned = bool(self.uses(self.keys[granter], ref))
                assert self.xen.revoke(self.domids[granter], ref) == (-Errno.EBUSY if pinned else 0)
                if not pinned:
                    self.entries.pop((self.keys[granter], ref), None)

        @rule(who=WHO, first=REFS, second=REFS)
        def swap(self, who, first, second):
            if who in self.dying:
                return
            key = self.keys[who]
            found, _ = self.status(who, "swap_grant_ref", ref_a=first, ref_b=second)
            if first != second and (self.uses(key, first) or self.uses(key, second)):
                assert found is GrantStatus.eagain
                return
            assert found is GrantStatus.okay
            a, b = self.entries.pop((key, first), None), self.entries.pop((key, second), None)
            for ref, entry in ((first, b), (second, a)) if first != second else ((first, a),):
                if entry is not None:
                    self.entries[key, ref] = entry

        def claim(self, mapper, granter, ref, *, writes):
            """The refusal of a use of an entry, or the frame."""
            key = self.keys[granter]
            to, gfn, flags = self.entries.get((key, ref), (None, 0, 0))
            uses = self.uses(key, ref)
            if uses and uses[0].mapper != self.keys[mapper]:
                return GrantStatus.general_error, None
            if not uses and (flags & 3 != PERMIT or to != self.domids[mapper]):
                return GrantStatus.general_error, None
            if writes and flags & READONLY and not any(row.writes for row in uses):
                return GrantStatus.general_error, None
            mfn = uses[0].mfn if uses else None if granter in self.dying else self.frames[key].get(gfn)
            return (GrantStatus.bad_page, None) if mfn is None else (GrantStatus.okay, mfn)

        @rule(granter=WHO, mapper=WHO, ref=REFS, flags=st.integers(0, 7))
        def map_anything(self, granter, mapper, ref, flags):
            self.map(granter, mapper, ref, flags)

        def map(self, granter, mapper, ref, flags):
            if mapper in self.dying:
                return
            found, out = self.status(mapper, "map_grant_ref", dom=self.domids[granter], ref=ref, flags=flags)
            expected, mfn = self.claim(mapper, granter, ref, writes=not flags & MAP_READONLY)
            if not flags & (DEVICE | HOST):
                assert found is GrantStatus.bad_gntref
                return
            assert found is expected
            if mfn is not None:
                assert out["dev_bus_addr"] == mfn << 12
                key = self.keys[granter]
                self.rows.append(Row(self.keys[mapper], out["handle"], key, ref, flags, mfn))

        @rule(data=st.data(), flags=st.integers(1, 7))
        def map_what_is_granted(self, data, flags):
            rows = [(key, ref, to) for (key, ref), (to, _, kind) in self.entries.items() if kind & PERMIT]
            rows = [row for row in rows if row[0] in self.keys and row[2] in self.domids]
            if rows:
                key, ref, to = data.draw(st.sampled_from(rows))
                self.map(self.keys.index(key), self.domids.index(to), ref, flags)

        @rule(data=st.data(), gfn=GFNS)
        def transfer_what_is_accepted(self, data, gfn):
            rows = [(key, ref, to) for (key, ref), (to, _, kind) in self.entries.items() if kind & ACCEPT]
            rows = [row for row in rows if row[0] in self.keys and row[2] in self.domids]
            if rows:
                key, ref, to = data.draw(st.sampled_from(rows))
                self.transfer(self.domids.index(to), self.keys.index(key), gfn, ref)

        @rule(data=st.data(), side=st.sampled_from([None, DEVICE, HOST]))
        def unmap(self, data, side):
            alive = {key: who for who, key in enumerate(self.keys) if who not in self.dying}
            rows = [row for row in self.rows if row.mapper in alive]
            if not rows:
                return
            row = data.draw(st.sampled_from(rows))
            arguments = {"handle": row.handle}
            if side == DEVICE:
                arguments |= {"host_addr": 0, "dev_bus_addr": row.mfn << 12}
            found, _ = self.status(alive[row.mapper], "unmap_grant_ref", **arguments)
            assert found is GrantStatus.okay
            row.flags &= ~(side if side == DEVICE else DEVICE | HOST)
            if not row.flags & (DEVICE | HOST):
                self.rows.remove(row)

        @rule(who=WHO, granter=WHO, ref=REFS, gfn=GFNS, outward=st.booleans(), length=st.integers(0, 200))
        def copy(self, who, granter, ref, gfn, outward, length):
            if who in self.dying:
                return
            own = {"domid": SELF, "offset": 4000, "gmfn": gfn}
            other = {"domid": self.domids[granter], "offset": 0, "ref": ref}
            ends = {"source": own, "dest": other} if outward else {"source": other, "dest": own}
            found, _ = self.status(who, "copy", len=length, flags=2 if outward else 1, **ends)
            mine = self.frames[self.keys[who]].get(gfn)
            theirs, _ = self.claim(who, granter, ref, writes=outward)
            missing = GrantStatus.bad_page if mine is None else GrantStatus.okay
            refusals = [missing, theirs] if outward else [theirs, missing]
            refusals.append(GrantStatus.bad_copy_arg if length > 96 else GrantStatus.okay)
            assert found is next(
                (each for each in refusals if each is not GrantStatus.okay), GrantStatus.okay
            )

        @rule(data=st.data(), receiver=WHO)
        def transfer_what_is_mapped(self, data, receiver):
            rows = [row for row in self.rows if row.granter in self.keys]
            if rows:
                row = data.draw(st.sampled_from(rows))
                shown = {mfn: gfn for gfn, mfn in self.frames[row.granter].items() if isinstance(gfn, int)}
                if row.mfn in shown:
                    self.transfer(self.keys.index(row.granter), receiver, shown[row.mfn], row.ref)

        @rule(giver=WHO, receiver=WHO, gfn=GFNS, ref=REFS)
        def transfer_anything(self, giver, receiver, gfn, ref):
            self.transfer(giver, receiver, gfn, ref)

        def transfer(self, giver, receiver, gfn, ref):
            if giver in self.dying:
                return
            given = {"mfn": gfn, "domid": self.domids[receiver], "ref": ref}
            mine, theirs = self.frames[self.keys[giver]], self.frames[self.keys[receiver]]
            mfn = mine.get(gfn)
            found, _ = self.status(giver, "transfer", **given)
            if mfn is None or self.is_held(mfn):
                assert found is GrantStatus.bad_page
                return
            del mine[gfn]
            entry = self.entries.get((self.keys[receiver], ref))
            full = len(theirs) >= (MAX_PAGES if receiver else 64)
            wanted = entry is not None and (entry[0], entry[2]) == (self.domids[giver], ACCEPT)
            if receiver in self.dying or full or not wanted:
                assert found is GrantStatus.general_error
            else:
                assert found is GrantStatus.okay
                entry[2] |= COMMITTED | COMPLETED
                theirs[entry[1] if entry[1] not in theirs else ("aside", mfn)] = mfn

        @rule(who=WHO)
        def die(self, who):
            if who == 0:
                self.xen.crash(0)
            elif who not in self.dying:
                assert self.xen.ret(0, "domctl.destroydomain", domain=self.domids[who]) == 0
            else:
                return
            self.forget(who)

        @rule(who=st.integers(1, 3))
        def begin_to_die(self, who):
            if who not in self.dying:
                find = self.xen.machine._host.domains.find
                self.dying[who] = find(self.domids[who]).incarnation
                self.xen.auto = False
                assert self.xen.raw(0, 36, 2, {"domain": self.domids[who]}) is None
                self.xen.auto = True

        @rule(who=st.integers(1, 3))
        def end_to_die(self, who):
            if who in self.dying:
                self.xen.feed(LinkClosed(f"dom{self.domids[who]}", "stopped"))
                self.xen.message("supervisor", DomainStopped(self.domids[who], self.dying.pop(who)))
                self.forget(who)

        def forget(self, who):
            self.rows = [row for row in self.rows if row.mapper != self.keys[who]]
            self.born(who)

        @invariant()
        def frames_and_flags_are_those_of_the_model(self):
            host = self.xen.machine._host
            references = {}
            for row in self.rows:
                references[row.mfn] = references.get(row.mfn, 0) + 1
            assert host.frames.references == references
            for who, key in enumerate(self.keys):
                domain = host.domains.find(self.domids[who])
                assert domain.physmap.pages == len(self.frames[key])
                for gfn, mfn in self.frames[key].items():
                    assert (
                        domain.physmap.mfn(gfn) == mfn
                        if isinstance(gfn, int)
                        else mfn in domain.physmap.aside
                    )
                for ref in (8, 9, 10):
                    uses = self.uses(key, ref)
                    _, _, flags = self.entries.get((key, ref), (0, 0, 0))
                    if not flags & ACCEPT:
                        flags |= READING if uses else 0
                        flags |= WRITING if any(row.writes for row in uses) else 0
                    assert domain.grants.words[0][ref * 2] & 0xFFFF == flags

        def teardown(self):
            for who in list(self.dying):
                self.end_to_die(who)
            alive = {key: who for who, key in enumerate(self.keys)}
            for row in self.rows:
                self.status(alive[row.mapper], "unmap_grant_ref", handle=row.handle)
            for domid in self.domids[1:]:
                assert self.xen.ret(0, "domctl.destroydomain", domain=domid) == 0
            statistics = self.xen.machine.statistics()
            assert (statistics.frames_lingering, statistics.grants_mapped) == (0, 0)
            assert [each.domid for each in statistics.domains] == [0]

    return Grants


def test_grants_behave_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=50, deadline=None)
    )
