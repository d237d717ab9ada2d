"""The kernel's turn: what is sent when, and what travels together."""

import pytest

from actors.abi.hypercalls import Evtchnop, Schedop
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import ShutdownReason
from actors.kernel.kernel import Kernel
from actors.messages import UPCALL_WINDOW, Fault, Hypercall, HypercallReply, Upcall, UpcallTaken
from actors.runtime.machine import Exit, LinkClosed, LinkOpened, Received
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


class Sleeper(Kernel):
    """A kernel that suspends as soon as it runs."""

    boots = 0
    resumed = 0

    async def boot(self) -> None:
        self.boots += 1
        await self.xen.suspend()
        self.resumed += 1


def test_a_kernel_that_has_suspended_goes_on_with_another_link_to_the_hypervisor():
    memory = SparseMemory(64)
    write_start_info(memory, [0], StartInfo(nr_pages=64))
    kernel = Sleeper(memory, [[0, 0, 64]])
    (call,) = [each.message for each in kernel.handle(LinkOpened("xen"), 1)]
    assert (call.number, call.command) == (Number.sched_op, Schedop.shutdown)
    assert call.arguments == {"reason": ShutdownReason.suspend}
    assert kernel.handle(LinkClosed("xen", "replaced by a new link"), 2) == []
    kernel.handle(LinkOpened("xen"), 3)
    assert (kernel.boots, kernel.resumed) == (1, 0)
    kernel.handle(Received("xen", HypercallReply(call.sequence, 0, None)), 4)
    assert (kernel.boots, kernel.resumed) == (1, 1)
    (end,) = kernel.handle(LinkClosed("xen", "closed"), 5)
    assert isinstance(end, Exit)
