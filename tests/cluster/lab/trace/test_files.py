"""The recordings of a run in their folder: a file for each life of an actor, removed when it was read."""

from pathlib import Path

import pytest

from actors.abi.hypercalls import Evtchnop
from actors.abi.hypercalls import Hypercall as Number
from actors.messages import Hypercall
from actors.runtime.machine import Event, LinkOpened, Received
from cluster.lab.trace.files import (
    MemoryRecordings,
    begin_recording,
    read_recordings,
    remove_recordings,
)


def names(folder: Path) -> list[str]:
    return [turn.what for each in read_recordings(folder) for turn in each.turns]


def test_each_life_of_an_actor_has_a_file_and_they_are_read_in_their_order(tmp_path: Path) -> None:
    for link in ("first", "second"):
        recorder = begin_recording(tmp_path, "host0/dom1")
        recorder.record(1, "host0/dom1", LinkOpened(link), [])
    begin_recording(tmp_path, "host0/sda").record(1, "host0/sda", LinkOpened("third"), [])

    found = list(read_recordings(tmp_path))
    assert [each.address for each in found] == ["host0/dom1", "host0/dom1", "host0/sda"]
    assert [turn.link for each in found for turn in each.turns] == ["first", "second", "third"]


def test_what_was_read_is_removed_with_its_folder(tmp_path: Path) -> None:
    begin_recording(tmp_path, "host0/dom1")
    remove_recordings(tmp_path)
    remove_recordings(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "command", "what"),
    [
        (Number.event_channel_op, Evtchnop.send, "event_channel_op.send"),
        (Number.event_channel_op, 99, "hypercall 32.99"),
        (777, 0, "hypercall 777.0"),
    ],
)
def test_a_hypercall_is_recorded_by_its_name_if_it_has_one(
    tmp_path: Path, number: int, command: int, what: str
) -> None:
    event: Event = Received("dom1", Hypercall(1, int(number), int(command), {}))
    begin_recording(tmp_path, "host0/hypervisor").record(1, "host0/hypervisor", event, [])

    (found,) = names(tmp_path)
    assert what in found


def test_in_memory_all_lives_of_an_address_are_one_recording() -> None:
    recordings = MemoryRecordings(lambda: 7)
    for link in ("first", "second"):
        recordings.record(7, "host0/dom1", LinkOpened(link), [])
    recordings.record(7, "host0/sda", LinkOpened("third"), [])

    assert [(each.address, [turn.link for turn in each.turns]) for each in recordings.read()] == [
        ("host0/dom1", ["first", "second"]),
        ("host0/sda", ["third"]),
    ]
