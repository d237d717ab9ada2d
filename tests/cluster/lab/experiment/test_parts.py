"""What is too long for a frame crosses in parts, and no other message than what was sent comes of them."""

from collections.abc import Callable

import pytest

from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.messages import CODEC, ConsoleInput
from actors.reading_messages import Interrupts, MessagePart, Statistics
from actors.runtime.codec import MAX_FRAME_BYTES
from actors.runtime.framing import join_frames
from cluster.lab.experiment.parts import PART_BYTES, WHOLE_BYTES_MAX, Parts, in_parts
from cluster.lab.experiment.statistics_maps import map_of
from tests.cluster.blank_records import blank

LONG = Interrupts(3, "0123456789" * 10)


def parts_of(answer: Statistics | Interrupts, part_bytes: int = PART_BYTES) -> list[MessagePart]:
    found = in_parts(answer, part_bytes)
    assert all(type(each) is MessagePart for each in found)
    return [each for each in found if isinstance(each, MessagePart)]


def joined(parts: Parts, found: list[MessagePart], link: str = "xen") -> list[object]:
    return [whole for each in found if (whole := parts.take(link, each)) is not None]


def test_what_a_hypervisor_of_a_thousand_and_more_domains_says_crosses_within_the_frame_limit() -> None:
    domains = [
        blank(DomainStatistics, domid=each, handle="0" * 32, hypercalls={"sched_op": 1})
        for each in range(1500)
    ]
    said = Statistics(5, map_of(blank(HypervisorStatistics, domains=domains)))
    found = parts_of(said)
    assert len(CODEC.encode(said)) > MAX_FRAME_BYTES

    join_frames([CODEC.encode(each) for each in found])  # raises for a message over the limit
    assert joined(Parts(), found) == [said]


def test_what_fits_crosses_as_it_is() -> None:
    size = len(CODEC.encode(LONG))
    assert in_parts(LONG, size) == [LONG]
    assert len(in_parts(LONG, size - 1)) == 2


def test_parts_of_several_links_do_not_mix() -> None:
    parts, other = Parts(), Interrupts(4, "x" * 100)
    came = [
        parts.take(link, part)
        for pair in zip(parts_of(LONG, 30), parts_of(other, 30), strict=True)
        for link, part in zip(("dom0", "xen"), pair, strict=True)
    ]
    assert came[-2:] == [LONG, other]
    assert {*map(type, came[:-2])} == {type(None)}
    assert len(parts) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda found: found[1:], id="the first is missing"),
        pytest.param(lambda found: [*found[:1], *found[2:]], id="one is missing"),
        pytest.param(lambda found: [found[0], found[2], found[1], found[3]], id="out of order"),
        pytest.param(lambda found: [*found[:2], *found[1:]], id="one comes twice"),
        pytest.param(lambda found: [*found[:3], MessagePart(3, 5, found[3].data)], id="another count"),
        pytest.param(lambda found: [*found[:3], MessagePart(3, 4, b"")], id="an empty one"),
        pytest.param(lambda found: [*found[:3], MessagePart(3, 4, found[0].data)], id="no message"),
        pytest.param(lambda found: [MessagePart(-1, 1, found[0].data)], id="before the first"),
        pytest.param(lambda found: [MessagePart(0, 0, found[0].data)], id="of none"),
        pytest.param(lambda found: [MessagePart(0, 1, CODEC.encode(LONG) * 2)], id="two messages"),
        pytest.param(lambda found: [MessagePart(0, 1, CODEC.encode(ConsoleInput("stop")))], id="not so"),
    ],
)
def test_nothing_else_comes_of_parts_that_are_spoilt(
    spoil: Callable[[list[MessagePart]], list[MessagePart]],
) -> None:
    parts, found = Parts(), parts_of(LONG, 30)
    assert len(found) == 4

    assert joined(parts, spoil(found)) == []
    assert joined(parts, found) == [LONG]


def test_what_the_dead_have_begun_is_not_gone_on_with() -> None:
    parts, found = Parts(), parts_of(LONG, 30)
    joined(parts, found[:2])
    parts.forget("xen")
    assert len(parts) == 0
    assert joined(parts, found[2:]) == []


def test_no_more_is_kept_than_a_message_may_have() -> None:
    parts, count = Parts(), WHOLE_BYTES_MAX // PART_BYTES + 2
    piece = bytes(PART_BYTES)
    for index in range(count - 2):
        parts.take("xen", MessagePart(index, count, piece))
    assert len(parts) == 1
    parts.take("xen", MessagePart(count - 2, count, piece))
    assert len(parts) == 0
