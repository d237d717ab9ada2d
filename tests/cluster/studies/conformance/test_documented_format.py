"""The page on recordings: every key and name that is read, and a program that does what is said of it."""

import contextlib
import ctypes
import io
import json
import os
import re
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cluster.studies.conformance.conform_live import replay
from cluster.studies.conformance.recording_names import FLAGS, OPERATIONS, STATUSES
from cluster.studies.conformance.recording_reader import CASE_KEYS, STEP_KEYS
from cluster.studies.conformance.results import print_results

PAGE = (Path(__file__).parents[4] / "docs/conformance.md").read_text()


def section(title: str) -> str:
    (body,) = re.findall(rf"^#+ {title}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return body


def block(language: str) -> str:
    (body,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return body


@pytest.mark.parametrize(("title", "keys"), [("A case", CASE_KEYS), ("A step", STEP_KEYS)])
def test_every_key_is_described(title: str, keys: tuple[str, ...]) -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)) == sorted(keys)


def test_every_name_of_a_value_is_described() -> None:
    items = {
        match[1]: {match[2], *re.findall(r"`(\w+)`", match[3])}
        for match in re.finditer(
            r"^- (`[^:]*?)(?:: | in small letters.*?: )`(\w+)`(.*?)[;.]$",
            section("Values"),
            re.MULTILINE | re.DOTALL,
        )
    }
    flags = items.pop("`flags`, a name or an array of names,")
    assert flags == set(FLAGS)
    for hypercall, statuses in STATUSES.items():
        assert items.pop(f"`status` of `{hypercall}`") == set(statuses.__members__)
    (operations,) = items.values()
    written = {each.lower() for known in OPERATIONS.values() for each in known.__members__}
    assert operations - {"op", "cpupool_op"} == written


def test_the_example_of_the_page_is_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "example.jsonl"
    path.write_text(json.dumps(json.loads(block("json"))))
    assert print_results(replay([path], "simulated", "")) == 0, capsys.readouterr().out


class Xen(ModuleType):
    """Stands in for `fcntl` and the devices: three commands of event_channel_op on one port."""

    def __init__(self) -> None:
        super().__init__("fcntl")
        self.open = False

    def ioctl(self, _file: int, request: int, call: bytearray) -> int:
        assert request == 0x305000
        hypercall, command, address, *rest = struct.unpack("=6Q", call)
        assert (hypercall, rest) == (32, [0, 0, 0])
        if command == 6:
            assert struct.unpack("=HH", ctypes.string_at(address, 4)) == (0x7FF0, 0x7FF0)
            self.open = True
            ctypes.memmove(address + 4, struct.pack("=I", 9), 4)
            return 0
        assert struct.unpack("=I", ctypes.string_at(address + (4 if command == 5 else 0), 4)) == (9,)
        if command == 5:
            ctypes.memmove(address + 8, struct.pack("=IIH", 1, 0, 0), 10)
        elif self.open:
            self.open = False
        else:
            raise OSError(22, os.strerror(22))
        return 0


def test_the_program_of_the_page_prints_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("privcmd", "hypercall"):
        (tmp_path / name).write_bytes(bytes(4096))
    program = block("python").replace("/dev/xen", str(tmp_path))
    monkeypatch.setitem(sys.modules, "fcntl", Xen())
    monkeypatch.setattr(sys, "argv", ["record.py", "dom0"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "record.py", "exec"), {})
    path = tmp_path / "mine.jsonl"
    path.write_text(printed.getvalue())

    steps = json.loads(printed.getvalue())["steps"]
    assert [step["ret"] for step in steps] == [0, 0, 0, "-EINVAL"]
    assert print_results(replay([path], "simulated", "")) == 0
