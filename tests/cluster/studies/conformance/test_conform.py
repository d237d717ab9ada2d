"""Recordings: read strictly, replayed through the codec, compared field by field."""

import json
import os
from pathlib import Path

import pytest

from cluster.command.cli import cli
from cluster.studies.conformance.conform import PROLOGUE, ConformanceScript
from cluster.studies.conformance.conform_live import replay
from cluster.studies.conformance.recording import RecordingError
from cluster.studies.conformance.recording_reader import read_recording
from cluster.studies.conformance.results import print_results

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "configs" / "recording.jsonl"
RECORDING = Path(
    os.environ.get("DOMZERO_CONFORMANCE", ROOT.parent / "shared" / "conformance" / "xen-4.17.jsonl")
)
NEEDS_RECORDING = pytest.mark.skipif(not RECORDING.exists(), reason=f"no recording at {RECORDING}")
STEP = {"id": "v", "hypercall": "xen_version", "cmd": "version", "args": {}, "ret": 262161}
PORT = {
    "id": "a",
    "hypercall": "event_channel_op",
    "cmd": "alloc_unbound",
    "args": {"dom": "SELF", "remote_dom": 0},
    "ret": 0,
}
CASE = {"case": "version", "caller": "domU", "steps": [STEP]}


def write(tmp_path, *cases):
    path = tmp_path / "recording.jsonl"
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in cases))
    return path


def with_steps(*steps):
    return CASE | {"steps": list(steps)}


def simulated(path, only=""):
    return replay([path], "simulated", only)


def refusal(path):
    with pytest.raises(RecordingError) as refused:
        read_recording(path)
    return str(refused.value).replace(f"{path}", "recording.jsonl")


@NEEDS_RECORDING
@pytest.mark.parametrize("family", ["evtchn/", ""])
def test_the_recording_of_a_real_xen_is_answered_alike(family, capsys):
    results = simulated(RECORDING, family)
    assert results
    assert print_results(results) == 0, capsys.readouterr().out


@pytest.mark.parametrize("driver", ["simulated", pytest.param("live", marks=pytest.mark.processes)])
def test_the_example_is_answered_alike(driver, capsys):
    assert print_results(replay([EXAMPLE], driver, "")) == 0, capsys.readouterr().out


def test_a_recording_that_agrees_passes(tmp_path, capsys):
    assert print_results(simulated(write(tmp_path, CASE, "", CASE))) == 0
    assert capsys.readouterr().out == "2 of 2 cases passed (2 steps)\n"


def test_what_differs_is_printed_as_a_diff_with_its_place(tmp_path, capsys):
    steps = [
        STEP | {"ret": "-EPERM"},
        {"id": "f", "hypercall": "xen_version", "cmd": "get_features", "args": {"submap_idx": 0}, "ret": 0,
         "out": {"submap": 1, "more": None}},
        {"id": "x", "hypercall": "hypercall_63", "args": {}, "ret": 0},
        PORT,
        PORT | {"id": "b", "out": {"port": "$a.port"}},
        {"id": "s", "hypercall": "event_channel_op", "cmd": "status",
         "args": {"dom": "SELF", "port": "$a.port"}, "ret": 0, "out": {"status": "closed", "dom": "DOMU"}},
    ]  # fmt: skip
    path = write(tmp_path, CASE, with_steps(*steps))
    assert print_results(simulated(path)) == 1
    assert capsys.readouterr().out.splitlines() == [
        "--- a real Xen, as recorded",
        "+++ the simulated hypervisor",
        f"@@ {path}:2: case 'version': as domU on Xen 4.17 @@",
        "  step 'v': xen_version.version()",
        "-     ret: -EPERM",
        "+     ret: 262161",
        "  step 'f': xen_version.get_features(submap_idx=0)",
        "-     submap: 1",
        "+     submap: 139504",
        "-     more: null",
        "+     more: not filled in",
        "  step 'x': hypercall_63()",
        "-     ret: 0",
        "+     ret: -ENOSYS",
        "  step 'b': event_channel_op.alloc_unbound(dom=SELF, remote_dom=0)",
        "-     port: 1 ($a.port)",
        "+     port: 2",
        "  step 's': event_channel_op.status(dom=SELF, port=$a.port)",
        "-     status: closed",
        "+     status: unbound",
        "-     dom: 1 (DOMU)",
        "+     dom: 0",
        "1 of 2 cases passed (7 steps)",
    ]


def test_a_field_that_varies_is_not_compared(tmp_path):
    step = PORT | {"out": {"port": 77}}
    assert print_results(simulated(write(tmp_path, with_steps(step)))) == 1
    assert print_results(simulated(write(tmp_path, with_steps(step | {"varies": ["port"]})))) == 0


def test_a_case_runs_on_the_release_that_it_names(tmp_path):
    step = STEP | {"ret": 3 << 16 | 4}
    assert print_results(simulated(write(tmp_path, with_steps(step)))) == 1
    assert print_results(simulated(write(tmp_path, with_steps(step) | {"xen": "3.4"}))) == 0


@pytest.mark.parametrize(
    ("call", "ret"),
    [
        ({"hypercall": "sysctl", "cmd": "cpupool_op", "args": {"op": "destroy", "cpupool_id": 0}}, "-EBUSY"),
        ({"hypercall": "memory_op", "cmd": "4", "args": {"domid": "DOMU"}}, 65792),
        ({"hypercall": "hypercall_17", "cmd": "0"}, 262161),
        ({"hypercall": "multicall", "args": {"calls": ["sched_op.yield", "hypercall_63"]},
          "out": {"result1": "-ENOSYS"}}, 0),
    ],
)  # fmt: skip
def test_names_and_numbers_mean_the_same(tmp_path, capsys, call, ret):
    path = write(tmp_path, with_steps({"id": "x", "ret": ret} | call) | {"caller": "dom0"})
    assert print_results(simulated(path)) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes (column 2); a recording has one"),
        ("name: quickstart", "not JSON: Expecting value (column 1); a recording has one JSON object a line"),
        ("[]", "a case must be an object {...}, not []"),
        ('{"case": "x", "case": "y"}', "'case' is given twice in one object; keep one"),
        ({"case": "x"}, "case 'x': caller must be a text that is not empty, not left out"),
        ({"caller": "dom0"}, "case must be a text that is not empty, not left out"),
        (CASE | {"caller": "dom7"}, "case 'version': caller must be dom0 or domU, not 'dom7'"),
        (CASE | {"xen": "4.16"}, "case 'version': xen is a release, 3.4 or 4.17, not '4.16'"),
        (CASE | {"xen": 4.17}, "case 'version': xen must be a text that is not empty, not 4.17"),
        (CASE | {"steps": []}, "case 'version': steps must be an array with at least one step, not []"),
        (CASE | {"step": 1}, "case 'version': a case has no key 'step'; did you mean steps?"),
        (CASE | {"note": 1}, "case 'version': note must be a text that is not empty, not 1"),
        (with_steps(STEP, STEP), "case 'version': step 'v': two steps have the same id; give each its own"),
        (with_steps(STEP, 3), "case 'version': step 2 of the case: a step must be an object {...}, not 3"),
        (
            with_steps(STEP, {"ret": 0}),
            "case 'version': step 2 of the case: id must be a text that is not empty",
        ),
    ],
)
def test_a_line_that_is_no_case_is_refused_with_what_would_be_right(tmp_path, line, complaint):
    assert refusal(write(tmp_path, CASE, line)).startswith(f"recording.jsonl:2: {complaint}")


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"ret": 1.5}, 'ret must be a whole number or an error as "-EINVAL", not 1.5'),
        ({"ret": None}, 'ret must be a whole number or an error as "-EINVAL", not null'),
        ({"ret": "EINVAL"}, 'ret must be a whole number or an error as "-EINVAL", not "EINVAL"'),
        ({"ret": "-EINVALID"}, "'-EINVALID' is no error of Xen; did you mean EINVAL?"),
        ({"ret": 1 << 64}, "ret is 18446744073709551616; a number of a hypercall has at most 64 bits"),
        ({"out": []}, "out must be an object {...}, not []"),
        ({"args": 7}, "args must be an object {...}, not 7"),
        ({"arg": {}}, "a step has no key 'arg'; did you mean args?"),
        ({"hypercall": 17}, "hypercall must be a text that is not empty, not 17"),
        ({"hypercall": "xen_versoin"}, "no hypercall 'xen_versoin'; did you mean xen_version? (any other is"),
        ({"cmd": "versoin"}, "xen_version has no command 'versoin'; did you mean version? (any other is"),
        ({"hypercall": "sched_op", "cmd": "unknown_x"}, "cmd is 'unknown_x'; unknown_N has a number for N"),
        ({"hypercall": "set_timer_op"}, "set_timer_op has no commands by name; leave cmd out"),
        ({"args": {"port": "SLEF"}}, "port is 'SLEF', which stands for nothing; a number, $STEP.FIELD, or"),
        ({"args": {"port": "$a"}}, "port is '$a'; a result is written $STEP.FIELD, as $a.port"),
        ({"args": {"port": "$w.port"}}, "$w.port is of no step of this case that is earlier;"),
        ({"args": {"port": ["$v.port"]}}, "$v.port is of no step of this case that is earlier;"),
        ({"out": {"port": "$w.port"}}, "$w.port is of no step of this case that is earlier, or this one;"),
        ({"args": {"port": 1.5}}, "port is 1.5; the numbers of a hypercall are whole"),
        ({"args": {"port": {"deep": 1 << 70}}}, "deep is 1180591620717411303424; a number of a"),
        ({"args": {"flags": ["source_gerf"]}}, "no flag 'source_gerf'; did you mean source_gref?"),
        ({"args": {"buf": "x" * 300_000}}, "args are 300016 bytes as a message; at most 262144 can be sent"),
        ({"args": {"extents": [1] * 20_000}}, "args cannot be sent: "),
        ({"hypercall": "multicall", "cmd": "0"}, "multicall has calls, an array of names"),
        ({"hypercall": "console_io", "cmd": "write", "args": {"len": -1}}, "len is -1; a number from 0 to"),
        ({"out": {"port": 1}, "varies": ["prt"]}, 'varies must be an array of fields of out (port), not'),
        ({"hypercall": "event_channel_op", "cmd": "status", "out": {"status": "unbuond"}},
         "status is 'unbuond', which stands for nothing; a number, $STEP.FIELD, or did you mean unbound?"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_made_is_refused_with_what_would_be_right(tmp_path, step, complaint):
    path = write(tmp_path, CASE, with_steps(STEP | step))
    assert refusal(path).startswith(f"recording.jsonl:2: case 'version': step 'v': {complaint}")


def test_a_command_that_is_left_out_is_refused_with_those_that_there_are(tmp_path):
    step = {"id": "v", "hypercall": "sched_op", "ret": 0}
    assert "step 'v': sched_op needs cmd, one of yield, block, " in refusal(write(tmp_path, with_steps(step)))


def test_every_line_that_is_no_case_is_told_of(tmp_path):
    told = refusal(write(tmp_path, CASE | {"xen": "5"}, CASE, *[CASE | {"caller": "x"}] * 10)).splitlines()

    assert [each.split(": ")[0] for each in told] == [
        *(f"recording.jsonl:{line}" for line in (1, *range(3, 12))),
        "recording.jsonl",
    ]
    assert told[-1] == "recording.jsonl: 1 more lines are no cases either"


def test_nothing_is_replayed_if_one_of_the_files_is_no_recording(tmp_path, capsys):
    good, bad = write(tmp_path, CASE), tmp_path / "bad.jsonl"
    bad.write_text("no\n")
    with pytest.raises(RecordingError, match=r"bad\.jsonl:1: not JSON"):
        replay([good, bad], "simulated", "")


def test_a_prefix_that_no_case_has_is_refused(tmp_path):
    with pytest.raises(RecordingError) as refused:
        simulated(write(tmp_path, CASE), "versoin")
    assert str(refused.value) == "no case has a name that begins with 'versoin'; did you mean version?"


def test_a_step_that_needs_what_an_earlier_one_did_not_get_differs(tmp_path, capsys):
    failing = STEP | {"cmd": "unknown_99", "ret": "-ENOSYS"}
    needing = STEP | {"id": "w", "args": {"x": "$v.port"}}
    comparing = STEP | {"id": "x", "out": {"port": "$v.port"}}
    assert print_results(simulated(write(tmp_path, with_steps(failing, needing, comparing)))) == 1
    assert capsys.readouterr().out.splitlines()[3:-1] == [
        "  step 'w': xen_version.version(x=$v.port)",
        "-     ret: 262161",
        "+     ret: not called: $v.port: no such result",
        "  step 'x': xen_version.version()",
        "-     port: $v.port",
        "+     port: nothing to compare with: $v.port: no such result",
    ]


@pytest.mark.parametrize(("ret", "code"), [(262161, 0), (0, 1)])
def test_the_command_exits_with_1_if_something_differs(tmp_path, ret, code, capsys):
    path = write(tmp_path, with_steps(STEP | {"ret": ret}))
    arguments = ["conform", str(path), "--driver", "simulated", "--only", "ver"]
    assert cli.main(arguments, standalone_mode=False) == code


@pytest.mark.parametrize("hypercall", ["shutdown", "block"])
def test_a_call_that_nobody_answers_differs(tmp_path, capsys, hypercall):
    path = write(
        tmp_path, with_steps(STEP | {"hypercall": "sched_op", "cmd": hypercall, "args": {"reason": 0}})
    )
    assert print_results(simulated(path)) == 1
    assert "+     ret: no answer" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_case_is_no_recording(tmp_path, content):
    path = tmp_path / "empty"
    path.write_text(content)
    with pytest.raises(RecordingError, match="no case in this file; a recording has"):
        read_recording(path)


def test_a_file_that_cannot_be_read_is_no_recording(tmp_path):
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_recording(tmp_path / "absent")
    (tmp_path / "image").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordingError, match="is not text in UTF-8"):
        read_recording(tmp_path / "image")


def test_a_call_without_an_answer_differs():
    script = ConformanceScript(PROLOGUE)
    assert script.next_call() is not None
    script.take(None)
    (difference,) = script.result().differences
    assert (difference.step.identifier, difference.recorded, difference.found) == ("create", "0", "no answer")
