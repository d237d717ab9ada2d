"""Records of all actors put together: which message came from which turn."""

from actors.runtime.machine import Connect, Effect, Event, LinkOpened, Received, Send, Spawn
from actors.runtime.recorder import GROWTH_BYTES, RECORD, Recorder
from cluster.lab.trace.messages import Messages
from cluster.lab.trace.recording import Recording


class World:
    """Recorders on one clock that moves by 10 with every record."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._recorders: dict[str, Recorder] = {}

    def told(self, actor: str, event: Event | str, *effects: Effect) -> int:
        self.now_ns += 10
        if actor not in self._recorders:
            self._recorders[actor] = Recorder(bytearray(GROWTH_BYTES), lambda: self.now_ns)
        self._recorders[actor].record(self.now_ns, actor, event, list(effects))
        return self.now_ns

    def recordings(self) -> list[Recording]:
        return [Recording.parse(name, each.records) for name, each in self._recorders.items()]

    def pairs(self) -> list[tuple[str, int, str, int]]:
        return [
            (each.source, each.sent.begin_ns, each.destination, each.taken.begin_ns)
            for each in Messages(self.recordings()).pairs()
        ]


def joined(world: World) -> None:
    world.told("supervisor", "start", Spawn("h/a", "p", {}), Spawn("h/b", "p", {}))
    world.told("supervisor", "start", Connect("h/a", "to b", "h/b", "to a"))
    world.told("h/a", LinkOpened("to b"))
    world.told("h/b", LinkOpened("to a"))


def test_the_nth_message_sent_is_the_nth_taken() -> None:
    world = World()
    joined(world)
    first = world.told("h/a", "tick", Send("to b", 1), Send("to b", 2))
    taken = [world.told("h/b", Received("to a", 1)), world.told("h/b", Received("to a", 2), Send("to a", 3))]
    answer = world.told("h/a", Received("to b", 3))

    assert world.pairs() == [
        ("h/a", first, "h/b", taken[0]),
        ("h/a", first, "h/b", taken[1]),
        ("h/b", taken[1], "h/a", answer),
    ]


def test_what_a_killed_actor_never_took_is_not_given_to_its_next_life() -> None:
    world = World()
    joined(world)
    world.told("h/a", "tick", Send("to b", 1))
    world.told("supervisor", "start", Spawn("h/b", "p", {}), Connect("h/a", "to b", "h/b", "to a"))
    world.told("h/a", LinkOpened("to b"))
    world.told("h/b", LinkOpened("to a"))
    sent = world.told("h/a", "tick", Send("to b", 2))
    taken = world.told("h/b", Received("to a", 2))

    assert world.pairs() == [("h/a", sent, "h/b", taken)]


def test_a_recording_that_ends_anywhere_is_read_as_far_as_it_goes() -> None:
    world = World()
    joined(world)
    world.told("h/a", "tick", Send("to b", 1))
    recorder = Recorder(bytearray(GROWTH_BYTES), lambda: 5)
    recorder.record(5, "h/a", "tick", [Send("to b", 1)])
    recorder.point(17, 1, 2, 3, 4)
    data = recorder.records
    for end in range(0, len(data), RECORD.size):
        assert len(Recording.parse("h/a", data[:end]).points) == 0
    assert len(Recording.parse("h/a", data + bytes(4096)).points) == 1
