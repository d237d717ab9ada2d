import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.running.run.about import About
from cluster.running.run.kept_runs import Budget, KeptRunSize, kept_runs, remove
from cluster.running.run.run_lock import InUseError, held, is_in_use

NOW = datetime(2026, 3, 4, tzinfo=UTC)
MIB = 1 << 20


def about(began: datetime) -> About:
    return About("x", "live", endless=False, trace=False, seed=1, configuration=[], began=began.isoformat())


def run(days: int, size: int, verdict: str = "held") -> KeptRunSize:
    return KeptRunSize(Path(f"{days}"), NOW - timedelta(days=days), verdict, size)


def make(folder: Path, name: str, days: int, verdict: str | None = "held", size: int = 4096) -> Path:
    path = folder / name
    (path / "logs").mkdir(parents=True)
    (path / "logs/big").write_bytes(bytes(size))
    (path / "about.json").write_text(about(datetime.now(UTC) - timedelta(days=days)).text())
    if verdict is not None:
        (path / "run.json").write_text(json.dumps({"verdict": verdict}))
    return path


@pytest.mark.parametrize(
    ("budget", "gone"),
    [
        (Budget(), []),
        (Budget(count=1), [3, 2]),
        (Budget(count=0), [3, 2, 1]),
        (Budget(bytes=25), [3]),
        (Budget(bytes=29), [3]),
        (Budget(bytes=30), []),
        (Budget(bytes=0), [3, 2, 1]),
        (Budget(age=timedelta(days=2)), [3]),
        (Budget(bytes=10, age=timedelta(days=1)), [3, 2]),
    ],
    ids=str,
)
def test_the_oldest_go_until_every_limit_is_kept(budget: Budget, gone: list[int]) -> None:
    runs = [run(1, 10), run(3, 10), run(2, 10)]

    assert [int(str(each.path)) for each in budget.surplus(runs, NOW)] == gone


def test_one_that_runs_stays_and_counts() -> None:
    runs = [run(3, 10, "running"), run(2, 10), run(1, 10)]

    assert [str(each.path) for each in Budget(bytes=10).surplus(runs, NOW)] == ["2", "1"]


def test_the_runs_of_a_folder_are_told_with_what_became_of_them(tmp_path: Path) -> None:
    make(tmp_path, "b", 1, "failed")
    make(tmp_path, "a", 2, None)
    make(tmp_path, "c", 0, None)
    (tmp_path / "no-run").mkdir()
    for name, text in (("broken", "{"), ("other", "{}"), ("another", '{"began": "2020-01-01", "schema": 1}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "about.json").write_text(text)
    (tmp_path / "link").symlink_to(tmp_path / "b")

    with held(tmp_path / "c"):
        found = kept_runs(tmp_path)

    assert [(each.path.name, each.verdict) for each in found] == [
        ("a", "cut short"),
        ("b", "failed"),
        ("c", "running"),
    ]
    assert kept_runs(tmp_path / "none") == []


def test_what_another_version_wrote_is_listed_too(tmp_path: Path) -> None:
    path = make(tmp_path, "old", 1)
    (path / "about.json").write_text('{"schema": 7, "domzero": "9.0", "began": "2030-01-01T00:00:00+00:00"}')

    (found,) = kept_runs(tmp_path)

    assert (found.began.year, found.verdict, found.name, found.seed) == (2030, "held", "", None)
    assert invoke("runs", "list", "--in", str(tmp_path))[1].split()[:3] == ["held", "?", "?"]


def test_holes_of_images_take_nothing(tmp_path: Path) -> None:
    path = make(tmp_path, "a", 1)
    with (path / "hole").open("wb") as file:
        file.truncate(100 * MIB)

    (found,) = kept_runs(tmp_path)
    assert 4096 <= found.bytes < MIB


def test_a_directory_is_removed_as_a_whole_and_no_more_than_that(tmp_path: Path) -> None:
    path = make(tmp_path, "a", 1)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/data").write_text("data")
    (path / "link").symlink_to(tmp_path / "precious")

    remove(path)

    assert not path.exists()
    assert (tmp_path / "precious/data").read_text() == "data"


def test_one_that_is_in_use_is_not_removed(tmp_path: Path) -> None:
    path = make(tmp_path, "a", 1)

    with held(path, shared=True), pytest.raises(InUseError):
        remove(path)

    assert (path / "logs/big").exists()
    assert not is_in_use(path)


def invoke(*words: str) -> list[str]:
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_the_commands_list_and_prune(tmp_path: Path) -> None:
    for days in (1, 2, 3):
        make(tmp_path, f"run-{days}", days)
    old = str(tmp_path / "run-3")

    listed = invoke("runs", "list", "--in", str(tmp_path))
    (first, *_) = json.loads("\n".join(invoke("runs", "list", "--in", str(tmp_path), "--json")))["runs"]
    dry = invoke("runs", "prune", "--in", str(tmp_path), "--age", "60h", "--dry-run")
    left = sorted(each.name for each in tmp_path.iterdir())
    done = invoke("runs", "prune", "--in", str(tmp_path), "--age", "60h")

    assert listed[0].split() == ["verdict", "driver", "seed", "MiB", "began", "directory"]
    assert [line.split()[-1] for line in listed[1:-1]] == [
        str(tmp_path / f"run-{each}") for each in (3, 2, 1)
    ]
    assert (first["directory"], first["verdict"], first["name"]) == (old, "held", "x")
    assert dry[0].startswith(f"would remove {old}: held, ")
    assert left == ["run-1", "run-2", "run-3"]
    assert done[0].startswith(f"removed {old}: held, ")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run-1", "run-2"]


@pytest.mark.parametrize("words", [("--age", "2"), ("--age", "2 weeks"), ("--size", "5"), ("--count", "-1")])
def test_a_limit_that_is_none_is_refused(words: tuple[str, str]) -> None:
    assert CliRunner().invoke(cli, ["runs", "prune", *words]).exit_code != 0
