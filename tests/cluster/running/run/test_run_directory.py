import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.notebook.journal import Journal
from actors.notebook.journal_header import Word
from cluster.lab.config.errors import ConfigError
from cluster.lab.config.resolved import ResolvedCluster
from cluster.running.run.run_directory import RunDirectory

Load = Callable[..., ResolvedCluster]
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class Text:
    def to_json(self) -> str:
        return json.dumps({"schema": 1})


def test_a_run_without_a_place_gets_one_by_its_time_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    first = RunDirectory.create("quickstart", now=NOW)
    second = RunDirectory.create("quickstart", now=NOW)

    assert first.path == tmp_path / "runs/20260304T050607-quickstart"
    assert second.path == tmp_path / "runs/20260304T050607-quickstart-2"
    assert sorted(each.name for each in first.path.iterdir()) == ["images", "journals", "logs"]


def test_an_empty_folder_can_be_used(tmp_path: Path) -> None:
    assert RunDirectory.create("x", tmp_path).path == tmp_path


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")

    with pytest.raises(ConfigError, match="the run directory holds something; an empty or new one"):
        RunDirectory.create("x", tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == ["precious"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("data")

    with pytest.raises(ConfigError, match="no run directory can be made"):
        RunDirectory.create("x", tmp_path / "file")


def test_images_are_made_sparse_and_of_the_right_size(load: Load, tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.make_images(directory.place(load()).hosts[0])

    image = tmp_path / "run/images/host0-web-1-xvda.img"
    assert image.stat().st_size == 1 << 20
    assert image.stat().st_blocks == 0


def test_every_disk_of_a_guest_gets_a_journal(load: Load, tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    host = directory.place(load()).hosts[0]

    journals = directory.make_journals(host.guests[1])

    assert [each.guest for each in journals] == ["host0/web-1"]
    opened = Journal.open(tmp_path / "run/journals/host0-web-1-xvda.journal")
    assert (opened.word(Word.GUEST_ID), opened.word(Word.VOLUME_SECTORS)) == (2, 2048)


def test_a_report_is_there_as_a_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.write_report(Text())
    directory.write_report(Text())

    assert json.loads((tmp_path / "run/run.json").read_text()) == {"schema": 1}
    assert [each for each in (tmp_path / "run").iterdir() if each.name.startswith(".")] == []
