"""Records of an actor: fixed in size, bounded in number, readable after a SIGKILL."""

import os
import signal
from pathlib import Path

import pytest

from actors.runtime import recorder as recorder_module
from actors.runtime.machine import Connect, DeadlinePassed, LinkOpened, Received, Send, Spawn
from actors.runtime.recorder import GROWTH_BYTES, RECORD, Recorder, RecordKind


class Clock:
    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def rows(data: bytes) -> list[tuple[int, ...]]:
    found, at = [], 0
    while at < len(data):
        row = RECORD.unpack_from(data, at)
        at += RECORD.size
        if row[1] == RecordKind.NAME:
            row = (*row[:2], data[at : at + row[3]].decode())
            at += RECORD.size * -(-len(row[2]) // RECORD.size)
        found.append(row)
    return found


def test_a_turn_is_told_with_what_was_taken_and_what_was_sent() -> None:
    clock = Clock()
    recorder = Recorder(bytearray(GROWTH_BYTES), clock)
    clock.now_ns = 70
    recorder.record(50, "a", Received("xen", 1.5), [Send("xen", 7), Send("sda", "text")])

    told = [row for row in rows(recorder.records) if row[1] != RecordKind.DROPPED]
    assert [row[2] for row in told if row[1] == RecordKind.NAME] == ["xen", "float", "int", "sda", "str"]
    assert [row for row in told if row[1] != RecordKind.NAME] == [
        (50, RecordKind.TURN, 1, 2, 70, 0),
        (70, RecordKind.SEND, 1, 3, 0, 0),
        (70, RecordKind.SEND, 4, 5, 0, 0),
    ]


def test_messages_of_one_turn_begin_where_the_last_one_ended() -> None:
    clock = Clock()
    recorder = Recorder(bytearray(GROWTH_BYTES), clock)
    for now_ns in (60, 65):
        clock.now_ns = now_ns
        recorder.record(50, "a", DeadlinePassed(), [])

    turns = [row for row in rows(recorder.records) if row[1] == RecordKind.TURN]
    assert [(row[0], row[4]) for row in turns] == [(50, 60), (60, 65)]


def test_spawns_and_wires_are_told() -> None:
    recorder = Recorder(bytearray(GROWTH_BYTES), Clock())
    recorder.record(0, "a", LinkOpened("x"), [Spawn("b", "program", {}), Connect("", "b", "b", "up")])

    kinds = [row[1] for row in rows(recorder.records)]
    assert kinds.count(RecordKind.SPAWN) == kinds.count(RecordKind.CONNECT) == 1


def test_details_name_messages_of_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(
        bytearray(GROWTH_BYTES), Clock(), {int: lambda message: ((message,), f"call {message}")}
    )
    for number in (3, 4, 3):
        recorder.record(0, "a", Received("x", number), [])

    names = [row[2] for row in rows(recorder.records) if row[1] == RecordKind.NAME]
    assert names == ["x", "call 3", "call 4"]


def test_names_that_a_peer_invents_do_not_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "NAMES_MAX", 10)
    recorder = Recorder(
        bytearray(GROWTH_BYTES), Clock(), {int: lambda message: ((message,), f"call {message}")}
    )
    for number in range(100):
        recorder.record(0, "a", Received("x", number), [])

    names = [row for row in rows(recorder.records) if row[1] == RecordKind.NAME]
    assert len(names) < 10
    assert sum(row[1] == RecordKind.TURN for row in rows(recorder.records)) == 100


def test_a_full_recorder_counts_what_it_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "LIMIT_BYTES", 2 * GROWTH_BYTES)
    recorder = Recorder(bytearray(GROWTH_BYTES), Clock())
    room = 2 * GROWTH_BYTES // RECORD.size - 1
    for _ in range(room + 5):
        recorder.point(17, 1, 2, 3, 4)

    assert recorder.dropped == 5
    assert len(recorder.records) == 2 * GROWTH_BYTES
    assert RECORD.unpack_from(recorder.records) == (0, RecordKind.DROPPED, 0, 0, 5, 0)


@pytest.mark.processes
def test_what_was_recorded_outlives_a_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "a.records"
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        recorder = Recorder.create(path, Clock())
        recorder.point(17, 1, 2, 3, 4)
        os.write(told, b"!")
        signal.pause()
    os.read(ready, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready)
    os.close(told)

    assert RECORD.unpack_from(path.read_bytes(), RECORD.size) == (0, 17, 1, 2, 3, 4)
