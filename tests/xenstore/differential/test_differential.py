"""Our store beside Xen's own xenstored: the same requests get the same answers and the same watch events."""

from collections.abc import Callable

import pytest

from actors.abi.xs_wire import XsType
from actors.xenstore import operations
from actors.xenstore.requests import Requests
from actors.xenstore.transactions import Transaction
from actors.xenstore.tree import Node
from tests.xenstore.differential.compare import Comparison
from tests.xenstore.differential.excused import unasked
from tests.xenstore.differential.real import compile_shim, missing
from tests.xenstore.differential.steps import CLIENTS, Step
from tests.xenstore.differential.stream import EPISODE, Stream

EPISODES = 4
"""So many in each run of the tests; `make differential` asks a hundred."""

SMALL = 12
"""No planted difference needs more steps than this to be seen."""


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    absent = missing()
    if absent:
        pytest.skip(absent)
    return Comparison(compile_shim(tmp_path_factory.mktemp("shim")))


@pytest.mark.processes
@pytest.mark.parametrize("episode", range(EPISODES))
def test_a_stream_is_answered_as_by_the_real_daemon(comparison: Comparison, episode: int) -> None:
    found = comparison.first_difference([*Stream(f"1:{episode}", EPISODE)])
    assert found is None, str(comparison.shrunk(found))


def race_for_a_node(nodes: int) -> list[Step]:
    """Domain 1, which may have fewer than so many nodes, makes one in a transaction and outside of it."""
    domain, inside = 2, 4
    return [
        Step(1, 0, XsType.CONTROL, b"quota\0set\0nodes\0%d\0" % nodes),
        Step(2, 0, XsType.SET_PERMS, b"/\0b0\0"),
        Step(3, 0, XsType.INTRODUCE, b"1\x001\x003\0"),
        Step(4, domain, XsType.TRANSACTION_START, b"\0"),
        Step(5, domain, XsType.MKDIR, b"/a\0", inside),
        Step(6, domain, XsType.MKDIR, b"/a\0"),
        Step(7, domain, XsType.TRANSACTION_END, b"T\0", inside),
        Step(8, domain, XsType.MKDIR, b"/b\0"),
    ]


@pytest.mark.processes
@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_a_node_that_two_have_made_counts_as_with_the_real_daemon(comparison: Comparison, nodes: int) -> None:
    found = comparison.first_difference(race_for_a_node(nodes))
    assert found is None, str(found)


def commit_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Transaction, "commit", Transaction._apply)


def forget_an_event(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Requests, "fire", lambda requests, changes: None)


def forget_who_may_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operations, "access_of", lambda *_: 7)


def sort_children(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Node, "with_child", lambda node, name: Node(node.value, node.permissions, (name, *node.children))
    )


def count_less(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operations, "RECORD_BYTES", operations.RECORD_BYTES - 16)


@pytest.mark.processes
@pytest.mark.parametrize(
    "plant", [commit_everything, forget_an_event, forget_who_may_read, sort_children, count_less]
)
def test_a_planted_difference_is_found_and_made_small(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    streams = ([*Stream(f"planted:{each}", EPISODE)] for each in range(40))
    found = next((each for stream in streams if (each := comparison.first_difference(stream))), None)
    assert found is not None
    small = comparison.shrunk(found)
    assert 0 < len(small.steps) <= SMALL, str(small)
    assert small.steps[-1] in found.steps
    assert small.ours != small.real
    assert str(small.steps[-1]) in str(small)


def test_a_stream_is_that_of_its_seed_and_has_nothing_that_is_not_to_be_asked() -> None:
    steps = [*Stream("seed", 500)]
    assert steps == [*Stream("seed", 500)]
    assert steps != [*Stream("another", 500)]
    assert {each.client for each in steps} == set(CLIENTS)
    assert not any(unasked(each.client, each.kind, each.payload) for each in steps)
    assert [each.number for each in steps] == list(range(1, len(steps) + 1))
