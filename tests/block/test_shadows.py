"""The shadows of a block frontend."""

import pytest

from actors.abi.blkif import BLKIF_RING_ENTRIES
from actors.block.operations import READ, WRITE
from actors.block.shadows import Shadows
from actors.kernel.ring import RingBroken


def asked(shadows: Shadows, *operations: int) -> list[int]:
    idents = []
    for operation in operations:
        shadow = shadows.take()
        shadow.operation = operation
        idents.append(shadow.ident)
    shadows.check()
    return idents


def test_those_in_flight_are_told_in_the_order_of_issue_whatever_their_ids() -> None:
    shadows = Shadows()
    first, second, third = asked(shadows, READ, WRITE, READ)
    shadows.give_back(shadows.find(second, WRITE))
    (again,) = asked(shadows, WRITE)
    assert again == second
    assert [each.ident for each in shadows.in_order()] == [first, third, again]
    assert len(shadows) == 3


def test_there_are_as_many_as_the_ring_has_slots() -> None:
    shadows = Shadows()
    assert sorted(asked(shadows, *[READ] * BLKIF_RING_ENTRIES)) == list(range(BLKIF_RING_ENTRIES))
    assert shadows.free == []


@pytest.mark.parametrize(
    ("ident", "operation"), [(0, WRITE), (1, READ), (BLKIF_RING_ENTRIES, READ), (1 << 63, READ)]
)
def test_an_answer_to_what_was_not_asked_breaks_the_ring(ident: int, operation: int) -> None:
    shadows = Shadows()
    assert asked(shadows, READ) == [0]
    with pytest.raises(RingBroken):
        shadows.find(ident, operation)
    assert len(shadows) == 1
