import json
import os
import stat
from pathlib import Path

import pytest

from cluster.running.metrics.discovery import targets_of, targets_path, write_targets


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_a_group_for_each_host_with_its_name_as_meta_label() -> None:
    assert targets_of("c", {"host0": "127.0.0.1:1", "host1": "127.0.0.1:2"}) == [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"__meta_domzero_cluster": "c", "__meta_domzero_host": host},
        }
        for host, port in (("host0", 1), ("host1", 2))
    ]


def test_the_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() -> None:
    path = targets_path("c")
    write_targets(path, targets_of("c", {"host0": "127.0.0.1:1"}))
    before = path.stat().st_ino

    write_targets(path, [])

    assert path.stat().st_ino != before, "a reader of the old file still sees it whole"
    assert json.loads(path.read_text()) == []
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208


def test_the_folder_is_the_users_own() -> None:
    assert stat.S_IMODE(targets_path("c").parent.stat().st_mode) == 0o700
