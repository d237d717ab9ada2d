"""Ranges joined and cut, against a plain set of numbers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from actors.hypervisor.range_set import RangeSet
from actors.hypervisor.rights import hardware_rights

RANGES = st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda each: (each[0], each[0] + each[1]))


@given(st.lists(st.tuples(st.booleans(), RANGES), max_size=20), RANGES)
def test_ranges_hold_what_a_set_holds(steps, asked):
    ranges, numbers = RangeSet(), set()
    for add, (first, last) in steps:
        if add:
            ranges.add(first, last)
            numbers |= set(range(first, last + 1))
        else:
            ranges.remove(first, last)
            numbers -= set(range(first, last + 1))
    found = ranges.ranges()
    assert {each for first, last in found for each in range(first, last + 1)} == numbers
    assert all(high + 1 < low for (_, high), (low, _) in itertools.pairwise(found))
    assert (asked in ranges) == (set(range(asked[0], asked[1] + 1)) <= numbers)


def test_the_hardware_domain_has_all_but_what_xen_keeps():
    rights = hardware_rights(0xFEC00000)
    assert (0, 0xFEBFF) in rights.frames
    assert (0xFEC00, 0xFEC00) not in rights.frames
    assert (0xFEE00, 0xFEE00) not in rights.frames
    assert (0x3F8, 0x3FF) in rights.ports
    assert (0x60, 0x61) not in rights.ports
