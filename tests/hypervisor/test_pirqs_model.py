"""Pirqs of GSIs and messages against a naive model: mapped, bound, raised, ended, and owners that die."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno
from actors.messages import EndOfInterrupt, InterruptVector
from actors.runtime.machine import DeadlinePassed, LinkOpened

WHO = st.integers(0, 2)
LEVEL, EDGE = (17, 18), (16,)
GSIS = st.sampled_from(LEVEL + EDGE)
PIRQS = st.integers(20, 22)
DISK = "pci-0000:01:00.0"
FORCED_NS = 1_000_000


@pytest.fixture
def machine(power_on):
    class Pirqs(RuleBasedStateMachine):
        """`names[who]` is pirq to irq; `ports[who]` pirq to port; `in_flight[irq]` those who owe an end."""

        def __init__(self):
            super().__init__()
            self.xen = power_on(
                ioapic=True, iommu=True, pci_devices=((0, 1, 0),), pci_msi=((0, 1, 0, 4, 0, 0),)
            )
            self.xen.feed(LinkOpened(DISK))
            for gsi in LEVEL + EDGE:
                self.setup(gsi)
            self.domids = [0, 0, 0]
            self.names, self.ports, self.forced, self.rights = {}, {}, {}, {}
            self.shared, self.in_flight, self.times, self.ends = {}, {}, {}, 0
            self.owner = 0
            for who in range(3):
                self.born(who)
            self.xen.clear()

        def setup(self, gsi):
            level = int(gsi in LEVEL)
            given = {"gsi": gsi, "triggering": level, "polarity": level}
            assert self.xen.ret(0, "physdev_op.setup_gsi", **given) == 0

        def born(self, who):
            if who:
                self.domids[who] = self.xen.create(pages=1, flags=32)
            self.names[who], self.ports[who], self.forced[who] = {}, {}, {}
            self.rights[who] = set(LEVEL + EDGE) if who == 0 else set()

        def guests(self, irq):
            """Who has bound an interrupt, as (who, pirq)."""
            return [
                (who, pirq)
                for who in range(3)
                for pirq in self.ports[who]
                if self.names[who].get(pirq) == irq and pirq not in self.forced[who]
            ]

        def waits(self, irq):
            return irq not in EDGE

        @rule(who=WHO, gsi=GSIS, share=st.sampled_from([True, True, False]))
        def use_a_line(self, who, gsi, share):
            self.map_gsi(0, gsi, gsi + 4)
            self.map_gsi(who, gsi, gsi + 4)
            self.bind(who, gsi + 4, share)

        @rule(who=WHO, pirq=st.integers(24, 26))
        def use_a_message(self, who, pirq):
            self.map_message(who, pirq)
            self.bind(who, pirq, False)

        @rule(who=WHO, gsi=GSIS, pirq=PIRQS)
        def map_any_gsi(self, who, gsi, pirq):
            self.map_gsi(who, gsi, pirq)

        def map_gsi(self, who, gsi, pirq):
            names = self.names[who]
            # dom0 names a GSI by its own pirq for it, if it has one of that number.
            irq = self.names[0].get(gsi, gsi)
            given = {"domid": self.domids[who], "type": 1, "index": gsi, "pirq": pirq}
            ret = self.xen.ret(0, "physdev_op.map_pirq", **given)
            present = next((each for each, of in names.items() if of == irq), None)
            if present is not None and present != pirq:
                assert ret == -Errno.EEXIST
            elif irq not in self.rights[0]:
                assert ret == -Errno.EPERM
            elif names.get(pirq, irq) != irq:
                assert ret == 0
            elif pirq in self.forced[who] or irq in self.forced[who].values():
                assert ret == -Errno.EBUSY
            else:
                assert ret == 0
                names[pirq] = irq
                self.rights[who].add(irq)

        def map_message(self, who, pirq):
            given = {"domid": self.domids[who], "type": 0, "index": -1, "pirq": pirq}
            given |= {"bus": 1, "devfn": 0, "entry_nr": 0, "table_base": 0}
            before = set(self.host_entries())
            ret = self.xen.ret(0, "physdev_op.map_pirq", **given)
            if pirq in self.names[who]:
                assert ret == 0
            elif pirq in self.forced[who] or self.next_number() in self.forced[who].values():
                assert ret == -Errno.EBUSY
            elif who != self.owner:
                assert ret == -Errno.ENODEV
            else:
                assert ret == 0
                (irq,) = set(self.host_entries()) - before
                self.names[who][pirq] = irq
                self.rights[who].add(irq)
                self.rights[0].add(irq)

        def next_number(self):
            """The number that the next message has: the lowest that no domain has a name for."""
            used = {irq for names in self.names.values() for irq in names.values()}
            return next(irq for irq in range(24, 99) if irq not in used)

        def host_entries(self):
            return self.xen.machine._host.pirqs.pci.get((0, 1, 0)).entries

        @rule(to=st.integers(1, 2))
        def give_the_disk(self, to):
            device = {"domain": self.domids[to], "dev": 0, "flags": 0, "machine_sbdf": 1 << 8}
            ret = self.xen.ret(0, "domctl.assign_device", **device)
            assert ret == (0 if self.owner in {0, "quarantine"} else -Errno.EBUSY)
            if ret == 0:
                self.owner = to

        @rule()
        def take_the_disk(self):
            domid = 0x7FF1 if self.owner == "quarantine" else self.domids[self.owner]
            device = {"domain": domid, "dev": 0, "flags": 0, "machine_sbdf": 1 << 8}
            ret = self.xen.ret(0, "domctl.deassign_device", **device)
            if self.owner == 0:
                assert ret == -Errno.EOPNOTSUPP
            else:
                assert ret == 0
                self.owner = 0 if self.owner == "quarantine" else "quarantine"

        @rule(data=st.data())
        def unmap_what_is_bound(self, data):
            rows = [(who, pirq) for who in range(3) for pirq in self.ports[who] if pirq in self.names[who]]
            if rows:
                self.unmap(*data.draw(st.sampled_from(rows)))

        @rule(who=WHO, pirq=st.integers(20, 26))
        def unmap_anything(self, who, pirq):
            self.unmap(who, pirq)

        def unmap(self, who, pirq):
            ret = self.xen.ret(0, "physdev_op.unmap_pirq", domid=self.domids[who], pirq=pirq)
            irq = self.names[who].get(pirq)
            if irq is None:
                assert ret == -Errno.EINVAL
                return
            assert ret == 0
            if pirq in self.ports[who]:
                self.leave(who, pirq, irq)
                self.forced[who][pirq] = irq
            del self.names[who][pirq]
            self.lose(who, irq)

        def lose(self, who, irq):
            for each in range(3) if irq >= 24 else (who,):
                self.rights[each].discard(irq)

        def leave(self, who, pirq, irq):
            """What a domain owed is as if it had been given; the last one leaves nothing behind."""
            self.end(irq, (who, pirq))
            if len(self.guests(irq)) == 1:
                self.shared.pop(irq)

        def end(self, irq, guest):
            flight = self.in_flight.get(irq, [])
            if guest in flight:
                flight.remove(guest)
                if not flight:
                    del self.in_flight[irq], self.times[irq]
                    self.ends += irq < 24

        @rule(who=WHO, pirq=st.integers(20, 26), allow=st.booleans())
        def permit(self, who, pirq, allow):
            given = {"domain": self.domids[who], "pirq": pirq, "allow_access": int(allow)}
            ret = self.xen.ret(0, "domctl.irq_permission", **given)
            irq = self.names[0].get(pirq)
            if irq is None or irq not in self.rights[0]:
                assert ret == -Errno.EPERM
                return
            assert ret == 0
            (self.rights[who].add if allow else self.rights[who].discard)(irq)

        @rule(who=WHO, pirq=st.integers(20, 26), share=st.booleans())
        def bind_anything(self, who, pirq, share):
            self.bind(who, pirq, share)

        def bind(self, who, pirq, share):
            ret, out = self.xen.call(
                self.domids[who], "event_channel_op.bind_pirq", pirq=pirq, flags=int(share)
            )
            irq = self.names[who].get(pirq)
            if irq is None or irq not in self.rights[who]:
                assert ret == -Errno.EPERM
            elif pirq in self.ports[who]:
                assert ret == -Errno.EEXIST
            elif self.guests(irq) and not (share and self.shared[irq]):
                assert ret == -Errno.EBUSY
            else:
                assert ret == 0
                self.shared.setdefault(irq, share)
                self.ports[who][pirq] = out["port"]

        @rule(data=st.data())
        def close(self, data):
            rows = [(who, pirq) for who in range(3) for pirq in self.ports[who]]
            if rows:
                who, pirq = data.draw(st.sampled_from(rows))
                port = self.ports[who][pirq]
                assert self.xen.ret(self.domids[who], "event_channel_op.close", port=port) == 0
                self.closed(who, pirq)

        def closed(self, who, pirq):
            if self.forced[who].pop(pirq, None) is None:
                self.leave(who, pirq, self.names[who][pirq])
            del self.ports[who][pirq]

        @rule(data=st.data())
        def raise_what_is_bound(self, data):
            lines = [gsi for gsi in LEVEL + EDGE if self.guests(gsi)]
            if lines:
                self.raise_line(data.draw(st.sampled_from(lines)))

        @rule(gsi=GSIS)
        def raise_anything(self, gsi):
            self.raise_line(gsi)

        def raise_line(self, gsi):
            if gsi in self.in_flight:
                # The chip waits for the end of the last one.
                return
            self.expect_events(gsi, "ioapic", 0x20 + gsi)
            if not self.guests(gsi) and gsi in LEVEL:
                self.ends += 1

        @rule(data=st.data())
        def raise_message(self, data):
            entries = list(self.host_entries().values())
            bound = [each for each in entries if each.irq not in self.in_flight]
            if bound:
                entry = data.draw(st.sampled_from(bound))
                self.expect_events(entry.irq, DISK, entry.vector)

        def expect_events(self, irq, link, vector):
            before = {who: len(self.xen.upcalls(self.domids[who])) for who in range(3)}
            at_ns = self.xen.now_ns + 1
            self.xen.message(link, InterruptVector(vector))
            guests = self.guests(irq)
            for who in range(3):
                ports = [self.ports[who][pirq] for each, pirq in guests if each == who]
                found = self.xen.upcalls(self.domids[who])[before[who] :]
                assert found == ([ports] if ports else [])
            if guests and self.waits(irq):
                self.in_flight[irq] = list(guests)
                self.times[irq] = at_ns + FORCED_NS

        @rule(data=st.data())
        def end_what_is_owed(self, data):
            owed = [guest for flight in self.in_flight.values() for guest in flight]
            if owed:
                self.eoi(*data.draw(st.sampled_from(owed)))

        @rule(who=WHO, pirq=st.integers(20, 26))
        def end_anything(self, who, pirq):
            self.eoi(who, pirq)

        def eoi(self, who, pirq):
            ret = self.xen.ret(self.domids[who], "physdev_op.eoi", irq=pirq)
            known = pirq in self.names[who] or pirq in self.forced[who]
            assert ret == (0 if known else -Errno.EINVAL)
            if pirq in self.names[who]:
                self.end(self.names[who][pirq], (who, pirq))

        @rule(half=st.booleans())
        def let_time_pass(self, half):
            self.xen.now_ns += FORCED_NS // 2 if half else FORCED_NS
            self.xen.feed(DeadlinePassed())
            for irq in [irq for irq, at_ns in self.times.items() if at_ns <= self.xen.now_ns]:
                for guest in list(self.in_flight[irq]):
                    self.end(irq, guest)

        @rule(who=WHO)
        def die(self, who):
            for pirq in sorted(self.ports[who], key=lambda each: -self.ports[who][each]):
                self.closed(who, pirq)
            for irq in list(self.names[who].values()):
                self.lose(who, irq)
            if who:
                assert self.xen.ret(0, "domctl.destroydomain", domain=self.domids[who]) == 0
                self.owner = "quarantine" if self.owner == who else self.owner
            else:
                self.xen.crash(0)
            self.born(who)

        @invariant()
        def what_is_owed_is_that_of_the_model(self):
            host = self.xen.machine._host
            assert host.agenda.next_ns == min(self.times.values(), default=None)
            assert len(self.xen.messages("ioapic", EndOfInterrupt)) == self.ends
            bound = [(irq, guest) for irq in self.shared for guest in self.guests(irq)]
            assert len(host.pirqs.irqs.bindings()) == len(bound)
            for who in range(3):
                pirqs = host.domains.find(self.domids[who]).pirqs
                assert (pirqs.irqs, pirqs.forced) == (self.names[who], self.forced[who])
                shown = pirqs.permitted & (self.rights[who] | set(LEVEL + EDGE))
                assert shown == self.rights[who]

        def teardown(self):
            for who in (1, 2, 0):
                self.die(who)
            assert self.xen.machine.statistics().pirqs_bound == 0
            assert self.xen.machine.next_deadline_ns() is None

    return Pirqs


def test_pirqs_behave_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=50, deadline=None)
    )
