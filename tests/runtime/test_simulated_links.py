"""Links of the simulated world: their order, and how they open, close and are replaced."""

from hypothesis import given
from hypothesis import strategies as st

from actors.messages import CODEC, UpcallTaken
from actors.messages import ConsoleInput as Note
from actors.runtime.machine import (
    CloseLink,
    Connect,
    Disconnect,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Received,
    Send,
)
from actors.runtime.simulation import Simulation
from tests.runtime.scripted import Scripted, always, closed, pair, sends, tell


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_a_direction_keeps_its_order_whatever_the_latency(latencies: list[int]) -> None:
    drawn = iter([*latencies, 0])
    simulation = Simulation(1, latency=lambda _a, _b, _r: lambda: next(drawn))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    texts = [str(number) for number in range(len(latencies))]
    for text in texts:
        tell(simulation, "a", *sends(text))
    simulation.run_until(5000)
    assert other.texts() == texts
    times = [time for time, event in other.seen if isinstance(event, Received)]
    assert times == [max(latencies[: number + 1]) for number in range(len(latencies))]


def test_what_a_turn_sends_on_a_link_travels_together() -> None:
    drawn = iter([100, 7, 30])
    simulation = Simulation(1, latency=lambda _a, _b, _r: lambda: next(drawn))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("1", "2"))
    simulation.run_until(50)
    tell(simulation, "a", *sends("3"))
    tell(simulation, "a", *sends("4", "5"))
    simulation.run_until(1000)
    heard = [(time, event.message.text) for time, event in other.seen[1:]]
    assert heard == [(100, "1"), (100, "2"), (100, "3"), (100, "4"), (100, "5")]


def test_who_ends_in_the_middle_of_a_frame_takes_no_more_of_it() -> None:
    simulation = Simulation(1)
    one, other = Scripted(), Scripted(lambda event, now_ns: [Exit("enough")] if now_ns == 9 else [])
    pair(simulation, one, other)
    simulation.run_until(9)
    tell(simulation, "a", *sends("1", "2"))
    simulation.run_until(20)
    assert other.texts() == ["1"]
    assert closed(one) == [(9, "closed by the peer")]


def test_what_was_sent_before_a_link_is_made_anew_comes_by_the_old_one() -> None:
    simulation = Simulation(1, latency=always(10))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("old"), Connect("a", "peer", "b", "peer"))
    simulation.run_until(100)
    assert [event for _, event in other.seen] == [
        LinkOpened("peer"),
        Received("peer", Note("old")),
        LinkClosed("peer", "replaced by a new link"),
        LinkOpened("peer"),
    ]


def test_both_ends_open_before_anything_arrives() -> None:
    def greet(event: Event, now_ns: int) -> list[Effect]:
        return sends("hi") if isinstance(event, LinkOpened) else []

    simulation = Simulation(1)
    one, other = Scripted(greet), Scripted(greet)
    pair(simulation, one, other)
    simulation.run_until(0)
    for machine in (one, other):
        assert [event for _, event in machine.seen] == [LinkOpened("peer"), Received("peer", Note("hi"))]


def test_a_killed_actor_is_heard_to_its_last_word_and_then_closes() -> None:
    simulation = Simulation(1, latency=always(100))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("last", "words"))
    simulation.kill("a")
    tell(simulation, "b", *sends("to nobody"))
    simulation.run_until(1000)
    assert simulation.addresses == ["b"]
    assert other.seen == [
        (0, LinkOpened("peer")),
        (100, Received("peer", Note("last"))),
        (100, Received("peer", Note("words"))),
        (100, LinkClosed("peer", "closed by the peer")),
    ]
    assert one.seen == [(0, LinkOpened("peer"))]


def test_a_machine_that_closes_a_link_is_told_and_hears_no_more_of_it() -> None:
    simulation = Simulation(1, latency=always(100))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "b", *sends("under way"))
    tell(simulation, "a", *sends("before"), CloseLink("peer", "bad manners"), *sends("after"))
    simulation.run_until(1000)
    assert closed(one) == [(0, "bad manners")]
    assert one.texts() == []
    assert other.texts() == ["before"]
    assert closed(other) == [(100, "closed by the peer")]


def test_a_cut_link_closes_at_both_ends_once() -> None:
    simulation = Simulation(1)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(5)
    simulation.close_link("a", "peer", "the wire broke")
    simulation.close_link("a", "peer", "the wire broke")
    simulation.run_until(10)
    assert closed(one) == closed(other) == [(5, "the wire broke")]


def test_both_ends_may_die_at_once() -> None:
    simulation = Simulation(1, latency=always(10))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(0)
    simulation.kill("a")
    simulation.kill("b")
    simulation.kill("b")
    simulation.run_until(100)
    assert closed(one) == closed(other) == []


def test_a_link_to_an_actor_that_is_gone_closes_at_once() -> None:
    simulation = Simulation(1)
    machine = Scripted()
    simulation.spawn("a", machine)
    tell(simulation, "a", Connect("", "peer", "nobody", "peer"), Connect("x", "peer", "y", "peer"))
    simulation.run_until(10)
    assert [event for _, event in machine.seen] == [
        LinkOpened("peer"),
        LinkClosed("peer", "closed by the peer"),
    ]


def test_a_new_link_of_a_name_follows_all_that_the_old_one_carried() -> None:
    simulation = Simulation(1, latency=always(100))
    one, other, third = Scripted(), Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("old"))
    simulation.kill("a")
    simulation.spawn("c", third)
    simulation.connect("c", "peer", "b", "peer")
    tell(simulation, "c", *sends("new"))
    simulation.run_until(1000)
    assert [event for _, event in other.seen] == [
        LinkOpened("peer"),
        Received("peer", Note("old")),
        LinkClosed("peer", "closed by the peer"),
        LinkOpened("peer"),
        Received("peer", Note("new")),
    ]


def test_a_link_that_is_replaced_closes_at_its_other_end_too() -> None:
    simulation = Simulation(1)
    one, other, third = Scripted(), Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.spawn("c", third)
    simulation.run_until(0)
    simulation.connect("c", "peer", "b", "peer")
    tell(simulation, "c", *sends("new"))
    simulation.run_until(10)
    assert closed(one) == [(0, "closed by the peer")]
    assert closed(other) == [(0, "replaced by a new link")]
    assert other.texts() == ["new"]


def test_messages_can_be_sent_through_their_wire_form() -> None:
    simulation = Simulation(1, codec=CODEC)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    note = Note("x")
    tell(simulation, "a", Send("peer", note), Send("peer", UpcallTaken()))
    simulation.run_until(0)
    first, second = (event.message for _, event in other.seen[1:])
    assert first == note
    assert first is not note
    assert second == UpcallTaken()


def test_a_link_that_is_cut_at_both_ends_loses_what_is_under_way_and_can_be_made_again() -> None:
    simulation = Simulation(1, latency=lambda _a, _b, _r: lambda: 5)
    one, other, owner = Scripted(), Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.spawn("owner", owner)
    simulation.run_until(10)
    tell(simulation, "a", *sends("1"))
    tell(simulation, "owner", Disconnect("a", "peer"), Disconnect("b", "peer"), Disconnect("b", "nobody"))
    simulation.run_until(20)
    assert (closed(one), closed(other)) == ([(10, "cut off")], [(10, "cut off")])
    assert other.texts() == []
    simulation.connect("a", "peer", "b", "peer")
    simulation.run_until(30)
    tell(simulation, "a", *sends("2"))
    simulation.run_until(40)
    assert other.texts() == ["2"]
