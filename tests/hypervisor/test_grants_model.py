"""Grants and frames against a naive model: random maps and unmaps while either side dies."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno
from actors.abi.interface import GrantStatus

PAGES = 4
WHO = st.integers(0, 3)
REFS = st.integers(8, 9)


@pytest.fixture
def machine(power_on):
    class Grants(RuleBasedStateMachine):
        """`mapped`: (mapper, handle, granter, ref, readonly, mfn); `entries`: what guests have written."""

        def __init__(self):
            super().__init__()
            self.xen = power_on()
            self.domids = [0] + [self.xen.create(pages=PAGES) for _ in range(3)]
            self.entries = {}
            self.mapped = []

        def frame_of(self, domid, gfn):
            return self.xen.machine._host.domains.find(domid).physmap.mfn(gfn)

        def pins(self, granter, ref):
            return [row for row in self.mapped if row[2:4] == (granter, ref)]

        @rule(granter=WHO, mapper=WHO, ref=REFS, gfn=st.integers(0, PAGES), readonly=st.booleans())
        def grant(self, granter, mapper, ref, gfn, readonly):
            domid, to = self.domids[granter], self.domids[mapper]
            if not self.pins(domid, ref):
                self.xen.entry(domid, ref, to, gfn, 5 if readonly else 1)
                self.entries[domid, ref] = (to, gfn, readonly)

        @rule(granter=WHO, ref=REFS)
        def revoke(self, granter, ref):
            domid = self.domids[granter]
            pinned = bool(self.pins(domid, ref))
            assert self.xen.revoke(domid, ref) == (-Errno.EBUSY if pinned else 0)
            if not pinned:
                self.entries.pop((domid, ref), None)

        @rule(granter=WHO, mapper=WHO, ref=REFS, readonly=st.booleans())
        def map(self, granter, mapper, ref, readonly):
            domid, who = self.domids[granter], self.domids[mapper]
            flags = 6 if readonly else 2
            _, out = self.xen.call(who, "grant_table_op.map_grant_ref", dom=domid, ref=ref, flags=flags)
            to, gfn, only_read = self.entries.get((domid, ref), (None, 0, False))
            mfn = self.frame_of(domid, gfn)
            if to != who or (only_read and not readonly):
                assert out["status"] == GrantStatus.general_error
            elif mfn is None or (gfn >= PAGES and domid):
                assert out["status"] == GrantStatus.bad_page
            else:
                assert (out["status"], out["dev_bus_addr"]) == (0, mfn << 12)
                self.mapped.append((who, out["handle"], domid, ref, readonly, mfn))

        @rule(data=st.data())
        def unmap(self, data):
            if self.mapped:
                row = data.draw(st.sampled_from(self.mapped))
                _, out = self.xen.call(row[0], "grant_table_op.unmap_grant_ref", handle=row[1])
                assert out["status"] == GrantStatus.okay
                self.mapped.remove(row)

        @rule(who=WHO)
        def die(self, who):
            domid = self.domids[who]
            self.mapped = [row for row in self.mapped if row[0] != domid]
            self.entries = {key: entry for key, entry in self.entries.items() if key[0] != domid}
            if domid == 0:
                self.xen.crash(0)
                # What guests have mapped of the former dom0 is of no entry that the new one has.
                self.mapped = [(*row[:2], -1, *row[3:]) if row[2] == 0 else row for row in self.mapped]
            else:
                assert self.xen.ret(0, "domctl.destroydomain", domain=domid) == 0
                self.domids[who] = self.xen.create(pages=PAGES)

        @invariant()
        def frames_and_flags_are_those_of_the_model(self):
            host = self.xen.machine._host
            references = {}
            for row in self.mapped:
                references[row[5]] = references.get(row[5], 0) + 1
            assert host.frames.references == references
            for domid, ref in self.entries:
                rows = self.pins(domid, ref)
                writing = any(not row[4] for row in rows)
                flags = host.domains.find(domid).grants.words[0][ref * 2] & 0x18
                assert flags == (8 if rows else 0) | (16 if writing else 0)

        def teardown(self):
            for row in list(self.mapped):
                self.xen.call(row[0], "grant_table_op.unmap_grant_ref", handle=row[1])
            for domid in self.domids[1:]:
                assert self.xen.ret(0, "domctl.destroydomain", domain=domid) == 0
            statistics = self.xen.machine.statistics()
            assert (statistics.frames_lingering, statistics.grants_mapped) == (0, 0)
            assert [each["domid"] for each in statistics.domains] == [0]

    return Grants


def test_grants_behave_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=30, stateful_step_count=40, deadline=None)
    )
