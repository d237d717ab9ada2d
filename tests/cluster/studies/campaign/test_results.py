import json
from contextlib import closing
from pathlib import Path

import pytest

from cluster.lab.config.errors import ConfigError
from cluster.studies.campaign.results import Results

HEADER: dict[str, object] = {"name": "small", "sha256": "ab", "kinds": []}


def record(seed: int, verdict: str = "held") -> dict[str, object]:
    return {"seed": seed, "verdict": verdict, "failed": {}, "unknown": {}, "faults": [], "states": []}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweeps" / "small.jsonl"


def write(path: Path, *seeds: int) -> None:
    results = Results(path, HEADER)
    for seed in seeds:
        results.add(record(seed))
    results.close()


def kept(path: Path) -> list[int]:
    with closing(Results(path, HEADER)) as results:
        return [int(str(each["seed"])) for each in results.records()]


def test_what_was_kept_is_there_again(path: Path) -> None:
    write(path, 4, 2)

    with closing(Results(path, HEADER)) as results:
        assert list(results.records()) == [record(4), record(2)]
        assert results.seeds == {2, 4}
        assert results.missing(range(5)) == [0, 1, 3]


def test_a_seed_is_counted_once(path: Path) -> None:
    write(path, 4)
    results = Results(path, HEADER)

    assert not results.add(record(4))
    assert results.add(record(5))
    results.close()
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_off_is_run_again(path: Path, cut: int) -> None:
    write(path, 1, 2)
    path.write_bytes(path.read_bytes()[:-cut])

    write(path, 3)

    assert kept(path) == [1, 3]


def test_a_header_that_was_cut_off_is_written_again(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:10])

    write(path, 1)

    assert kept(path) == [1]


def test_files_of_shards_may_be_put_together(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    write(path, 1, 3)
    write(other, 2, 3)
    path.write_bytes(path.read_bytes() + other.read_bytes())

    assert kept(path) == [1, 3, 2]


def test_they_can_be_read_while_more_are_kept(path: Path) -> None:
    with closing(Results(path, HEADER)) as results:
        for seed in (1, 2):
            results.add(record(seed))
            assert len(list(results.records())) == seed
        path.unlink()
        assert [each["seed"] for each in results.records()] == [1, 2]


def test_results_of_another_sweep_are_refused_and_untouched(path: Path) -> None:
    write(path, 1)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="results of another sweep: sha256 'ab' instead of 'cd'"):
        Results(path, {**HEADER, "sha256": "cd"})
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", ["nonsense", "[]", json.dumps({"seed": 1}), json.dumps(record(1, "good"))])
def test_what_is_no_result_is_refused(path: Path, line: str) -> None:
    write(path, 1)
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(ConfigError, match=r"small\.jsonl:3"):
        Results(path, HEADER)
