"""Recordings: read strictly, replayed through the codec, compared field by field."""

import json
import os
from pathlib import Path

import pytest

from cluster.conformance.conform import PROLOGUE, ConformanceScript, print_results, replay_simulated
from cluster.conformance.recording import RecordingError, read_recording

RECORDING = Path(
    os.environ.get(
        "DOMZERO_CONFORMANCE", Path(__file__).parents[4] / "shared" / "conformance" / "xen-4.17.jsonl"
    )
)
NEEDS_RECORDING = pytest.mark.skipif(not RECORDING.exists(), reason=f"no recording at {RECORDING}")
STEP = {"id": "v", "hypercall": "xen_version", "cmd": "version", "args": {}, "ret": 262161}
CASE = {"case": "version", "caller": "domU", "steps": [STEP]}


def write(tmp_path, *cases):
    path = tmp_path / "recording.jsonl"
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in cases))
    return path


@NEEDS_RECORDING
@pytest.mark.parametrize("family", ["evtchn/", ""])
def test_the_recording_of_a_real_xen_is_answered_alike(family, capsys):
    results = replay_simulated(RECORDING, family)
    assert results
    assert print_results(results) == 0, capsys.readouterr().out


def test_a_recording_that_agrees_passes(tmp_path, capsys):
    assert print_results(replay_simulated(write(tmp_path, CASE, "", CASE))) == 0
    assert capsys.readouterr().out == "2 of 2 cases passed (2 steps)\n"


def test_each_step_that_differs_is_printed_with_its_place(tmp_path, capsys):
    steps = [
        STEP | {"ret": "-EPERM"},
        {"id": "f", "hypercall": "xen_version", "cmd": "get_features", "args": {"submap_idx": 0}, "ret": 0,
         "out": {"submap": 1, "more": 2}},
        {"id": "x", "hypercall": "hypercall_63", "args": {}, "ret": 0},
    ]  # fmt: skip
    path = write(tmp_path, CASE | {"steps": steps})
    assert print_results(replay_simulated(path)) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:1: version: step v: xen_version.version(): ret is 262161, Xen: -EPERM",
        f"{path}:1: version: step f: xen_version.get_features(submap_idx=0): submap is 139504, Xen: 1",
        f"{path}:1: version: step f: xen_version.get_features(submap_idx=0): more is not filled in, Xen: 2",
        f"{path}:1: version: step x: hypercall_63(): ret is -ENOSYS, Xen: 0",
        "0 of 1 cases passed (3 steps)",
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "a case must be an object"),
        ({"case": "x"}, "caller must be a text"),
        (CASE | {"caller": "dom7"}, "caller must be one of dom0, domU"),
        (CASE | {"steps": []}, "at least one step"),
        (CASE | {"more": 1}, "unknown key 'more'"),
        (CASE | {"steps": [STEP, STEP]}, "the same id"),
        (CASE | {"steps": [STEP | {"ret": 1.5}]}, "ret must be"),
        (CASE | {"steps": [STEP | {"ret": None}]}, "ret must be"),
        (CASE | {"steps": [STEP | {"out": []}]}, "out must be an object"),
        (CASE | {"steps": [3]}, "a step must be an object"),
    ],
)
def test_a_line_that_is_no_case_is_refused_with_its_place(tmp_path, line, complaint):
    path = write(tmp_path, CASE, line)
    with pytest.raises(RecordingError, match=complaint) as refusal:
        read_recording(path)
    assert str(refusal.value).startswith(f"{path}:2:")


@pytest.mark.parametrize(
    "step",
    [
        {"hypercall": "no_such_op"},
        {"cmd": "no_such_command"},
        {"args": {"x": "$nobody.port"}},
        {"args": {"flags": ["no_such_flag"]}},
        {"ret": "-ENOSUCH"},
    ],
)
def test_a_step_that_cannot_be_made_is_refused_with_its_place(tmp_path, step):
    path = write(tmp_path, CASE | {"steps": [STEP | step]})
    with pytest.raises(RecordingError, match=r"recording.jsonl:1: step v"):
        replay_simulated(path)


def test_a_step_that_needs_what_an_earlier_one_did_not_get_differs(tmp_path, capsys):
    failing = STEP | {"cmd": "unknown_99"}
    needing = STEP | {"id": "w", "args": {"x": "$v.port"}}
    assert print_results(replay_simulated(write(tmp_path, CASE | {"steps": [failing, needing]}))) == 1
    assert (
        "step w: xen_version.version(x=$v.port): not made: $v.port: no such result" in capsys.readouterr().out
    )


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_case_is_no_recording(tmp_path, content):
    path = tmp_path / "empty"
    path.write_text(content)
    with pytest.raises(RecordingError, match="no case"):
        read_recording(path)


def test_a_file_that_cannot_be_read_is_no_recording(tmp_path):
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(tmp_path / "absent")


def test_a_call_without_an_answer_differs():
    script = ConformanceScript(PROLOGUE)
    assert script.next_call() is not None
    script.take(None)
    assert script.result().differences == (
        "platform: platform: step create: domctl.createdomain(flags=0, max_vcpus=1, max_evtchn_port=1023, "
        "max_grant_frames=-1, max_maptrack_frames=-1): no answer",
    )
