"""sweep, replay and shrink as a person types them, with one process."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.command.cli import cli


class Shell:
    """Runs commands in a folder of its own."""

    def __init__(self) -> None:
        self.output = ""

    def run(self, *words: object) -> int:
        result = CliRunner().invoke(cli, [str(each) for each in words], standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        self.output = result.output
        return result.return_value


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(each) for each in path.read_text().splitlines()]


def test_a_sweep_keeps_a_line_for_each_seed_and_says_what_it_met(file, shell) -> None:
    assert shell.run("sweep", file, "--seeds", "0:3", "--jobs", "1", "--out", "out.jsonl") == 0

    header, *records = lines(Path("out.jsonl"))
    assert header["name"] == "small"
    assert sorted(each["seed"] for each in records) == [0, 1, 2]
    assert "3 seeds: 3 held, 0 failed, 0 unknown" in shell.output
    assert "frontend Connected" in shell.output
    assert "with 95 % confidence" in shell.output


def test_a_sweep_goes_on_where_it_was(file, shell) -> None:
    words = ["sweep", file, "--jobs", "1", "--out", "out.jsonl"]
    shell.run(*words, "--seeds", "0:2")
    before = Path("out.jsonl").read_text()
    shell.run(*words, "--seeds", "0:3")

    after = Path("out.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 4
    assert "3 seeds: 3 held" in shell.output


def test_shards_together_are_the_whole(file, shell) -> None:
    for part in ("1/2", "2/2"):
        shell.run(
            "sweep", file, "--seeds", "0:3", "--jobs", "1", "--shard", part, "--out", f"{part[0]}.jsonl"
        )

    Path("all.jsonl").write_text(Path("1.jsonl").read_text() + Path("2.jsonl").read_text())
    assert shell.run("sweep", file, "--seeds", "0:3", "--jobs", "1", "--out", "all.jsonl") == 0
    assert len(Path("all.jsonl").read_text().splitlines()) == 5


def test_a_failure_says_how_to_see_it_again_and_that_shows_it(file, shell) -> None:
    words = ["--plant", "leak-port"]
    assert shell.run("sweep", file, "--seeds", "1:3", "--jobs", "1", *words) == 1
    (command,) = {
        each.strip()
        for each in shell.output.splitlines()
        if each.strip().endswith("--seed 1 --plant leak-port")
    }

    program, *again = command.split()
    assert program == "domzero"
    assert shell.run(*again, "--out", "again", "--history", "history.jsonl") == 1
    assert "leaks" in shell.output
    assert {each.name for each in Path("again").iterdir()} == {
        "about.json",
        "case.yaml",
        "history.jsonl",
        "logs",
        "run.json",
        "trace.json",
        "trace.log",
    }
    assert lines(Path("history.jsonl")) == lines(Path("again/history.jsonl"))


def test_the_case_of_a_replay_is_a_file_that_shows_the_same(file, shell) -> None:
    shell.run("replay", file, "--seed", "4", "--out", "first")
    shell.run("replay", "first/case.yaml", "--seed", "4", "--as-written", "--out", "second")

    for name in ("trace.log", "history.jsonl"):
        assert Path("first", name).read_bytes() == Path("second", name).read_bytes()


def test_shrinking_leaves_a_file_that_still_fails(file, shell) -> None:
    words = ["--seed", "1", "--plant", "leak-port"]
    assert shell.run("shrink", file, *words, "--trials", "40", "--out", "least.yaml") == 1

    assert shell.run("replay", "least.yaml", *words, "--as-written", "--out", "again") == 1
    assert "faults: []" in Path("least.yaml").read_text(), "this bug needs no fault at all"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sweep", "FILE", "--seeds", "9:1"], "has no seed in it"),
        (["sweep", "FILE", "--shard", "3/2"], "is no shard"),
        (["sweep", "FILE", "--kind", "flood"], "no fault 'flood'; one of crash, "),
        (["shrink", "FILE", "--seed", "1"], "seed 1 does not fail: held; there is nothing to make smaller"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], says: str, file, shell) -> None:
    with pytest.raises(Exception, match=says):
        shell.run(*[file if each == "FILE" else each for each in words])
