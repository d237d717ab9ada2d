"""Lines of a trace: stable, and bounded whatever a peer sent."""

from actors.runtime.machine import Log, Received
from actors.runtime.trace import MAX_RECORD_CHARACTERS, Trace


def test_a_record_is_a_line_and_one_for_each_effect() -> None:
    lines: list[str] = []
    Trace(lines.append).record(12_000, "host0/dom3", Received("xen", 5), [Log("a"), Log("b")])
    Trace(lines.append).record(13_000, "host0/dom3", "end of turn", [])
    assert lines == [
        "           12000 host0/dom3 Received(link='xen', message=5)",
        "                 host0/dom3   -> Log(text='a')",
        "                 host0/dom3   -> Log(text='b')",
        "           13000 host0/dom3 end of turn",
    ]


def test_a_message_of_any_depth_and_size_is_cut_to_a_line() -> None:
    lines: list[str] = []
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    Trace(lines.append).record(0, "a", Received("x", deep), [])
    Trace(lines.append).record(0, "a", Received("x", "y" * 1_000_000), [])
    assert all(len(line) < MAX_RECORD_CHARACTERS + 50 for line in lines)
    assert len(lines) == 2
    while deep:  # taken apart by hand: the interpreter would do it recursively
        (deep,) = deep
