from pathlib import Path

import pytest

from cluster.lab.config.loading import load_cluster
from cluster.lab.config.source_file import SourceFile
from cluster.running.run.kept_configuration import keep_sources, read_resolved, resolved_text
from cluster.running.run.kept_values import KeptError, sealed

CONFIGS = Path(__file__).parents[4] / "configs"


def test_the_files_are_kept_as_they_were_read_beside_each_other(tmp_path: Path) -> None:
    cluster = load_cluster(CONFIGS / "xl.yaml")

    kept = keep_sources(tmp_path, cluster.sources)

    assert kept == [
        {"file": "configuration/xl.yaml", "read_from": str(CONFIGS / "xl.yaml")},
        {"file": "configuration/guests/db.cfg", "read_from": str(CONFIGS / "guests/db.cfg")},
    ]
    for each in kept:
        assert (tmp_path / each["file"]).read_bytes() == Path(each["read_from"]).read_bytes()


def test_files_from_elsewhere_do_not_leave_the_directory_and_do_not_meet(tmp_path: Path) -> None:
    names = (
        *("home/a.yaml", "home/../other/db.cfg", "third/db.cfg", "home/x/../db.cfg", "third/db.cfg"),
        *("home/elsewhere/1-db.cfg", "other/1-db.cfg"),
    )
    sources = tuple(SourceFile(tmp_path / name, name.encode()) for name in names)

    kept = keep_sources(tmp_path / "run", sources)

    assert [each["file"] for each in kept] == [
        "configuration/a.yaml",
        "configuration/elsewhere/1-db.cfg",
        "configuration/elsewhere/2-db.cfg",
        "configuration/db.cfg",
        "configuration/elsewhere/1-1-db.cfg",
        "configuration/elsewhere/2-1-db.cfg",
    ]
    assert (tmp_path / "run/configuration/elsewhere/2-db.cfg").read_bytes() == b"third/db.cfg"


def test_what_was_resolved_comes_back_with_its_files(tmp_path: Path) -> None:
    cluster = load_cluster(CONFIGS / "xl.yaml")
    kept = keep_sources(tmp_path, cluster.sources)
    (tmp_path / "resolved.json").write_text(resolved_text(cluster))

    assert read_resolved(tmp_path, kept) == cluster


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "resolved.json: no such file or directory"),
        ("", "resolved.json: it was changed after it had been written, or is cut off"),
        ('{"cluster": {}}', "resolved.json: it was changed after it had been written, or is cut off"),
        (
            sealed('{"schema": 1, "cluster": {"$": "ResolvedCluster"}}'),
            "no 'ResolvedCluster' that this version",
        ),
        (sealed('{"schema": 1}'), "not a configuration that this version can read"),
        (sealed('{"schema": 1, "cluster": {}}'), "resolved.json: not a configuration"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "resolved.json").write_text(text)

    with pytest.raises(KeptError, match=said):
        read_resolved(tmp_path, [])
