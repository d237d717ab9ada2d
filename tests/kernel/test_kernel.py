"""The kernel's turn: what is sent when, and what travels together."""

import pytest

from actors.abi.hypercalls import Evtchnop
from actors.abi.hypercalls import Hypercall as Number
from actors.kernel.kernel import Kernel
from actors.messages import UPCALL_WINDOW, Fault, Hypercall, Upcall, UpcallTaken
from actors.runtime.machine import Received
from actors.runtime.memory import SparseMemory
from actors.start_info import StartInfo, write_start_info

PORT = 3


@pytest.fixture
def kernel() -> Kernel:
    memory = SparseMemory(64)
    write_start_info(memory, [0], StartInfo(nr_pages=64))
    return Kernel(memory, [[0, 0, 64]])


def turn(kernel: Kernel, *upcalls: list[int]) -> list[object]:
    """The messages that one turn with these upcalls sends."""
    effects = []
    for ports in upcalls:
        effects += kernel.handle(Received("xen", Upcall(ports)), 1)
    effects += kernel.end_turn(1)
    return [effect.message for effect in effects]


def test_a_lone_upcall_is_confirmed_by_the_next_hypercall(kernel):
    assert turn(kernel, [PORT]) == []
    kernel.irq.notify(PORT)
    assert turn(kernel) == [
        Hypercall(0, Number.event_channel_op, Evtchnop.send, {"port": PORT}, upcalls_taken=1)
    ]
    kernel.irq.notify(PORT)
    assert turn(kernel) == [Hypercall(0, Number.event_channel_op, Evtchnop.send, {"port": PORT})]
    assert turn(kernel) == []


def test_a_full_window_of_upcalls_is_confirmed_at_once(kernel):
    for _ in range(UPCALL_WINDOW - 1):
        assert turn(kernel, [PORT]) == []
    assert turn(kernel, [PORT]) == [UpcallTaken(UPCALL_WINDOW)]
    assert turn(kernel, [PORT]) == []


def test_an_upcall_that_causes_a_hypercall_is_confirmed_in_the_same_turn(kernel):
    kernel.irq.bind(PORT, "xen-dyn -event", "test", lambda: kernel.irq.notify(PORT))
    (call,) = turn(kernel, [PORT])
    assert call.upcalls_taken == 1


def test_upcalls_are_confirmed_once_however_many_hypercalls_follow(kernel):
    kernel.irq.bind(PORT, "xen-dyn -event", "test", lambda: None)
    kernel.handle(Received("xen", Upcall([PORT])), 1)
    for port in (PORT, PORT + 1):
        kernel.irq.notify(port)
    assert [each.upcalls_taken for each in turn(kernel, [PORT])] == [2, 0]


def test_who_asks_twice_is_called_once_at_the_end_of_the_turn(kernel):
    calls = []
    callback = lambda: calls.append("end")  # noqa: E731
    kernel.at_turn_end(callback)
    kernel.at_turn_end(callback)
    assert calls == []
    turn(kernel)
    turn(kernel)
    assert calls == ["end"]


@pytest.mark.parametrize(
    ("kind", "there", "said"),
    [
        ("disk-melt", True, ["no fault disk-melt is possible here: {}"]),
        ("melt", False, ["no fault melt is possible here: {}"]),
        ("melt", True, []),
    ],
)
def test_a_fault_is_taken_by_whoever_has_put_itself_into_the_table(kernel, kind, there, said):
    taken = []
    kernel.faults["melt"] = lambda fault: taken.append(fault.number) is None and there
    effects = kernel.handle(Received("supervisor", Fault(3, kind, True, {})), 1)

    assert [effect.text for effect in effects] == said
    assert taken == ([3] if kind == "melt" else [])
