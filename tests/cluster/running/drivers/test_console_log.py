import os
from pathlib import Path

import click
import pytest

from cluster.running.drivers.console_log import ConsoleLog, follow, last_line, log_path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    log = ConsoleLog(tmp_path / "logs" / "host0-dom3.log", "host0/dom3", 0)
    log.write("one\ntwo")
    log.write("")
    log.write("three: four")
    log.close()
    return tmp_path


def test_each_line_has_the_time_and_the_address(directory: Path) -> None:
    lines = log_path(directory, "host0/dom3", {}).read_text().splitlines()

    assert [line.partition("] ")[2] for line in lines] == [
        "host0/dom3: one",
        "host0/dom3: two",
        "host0/dom3: ",
        "host0/dom3: three: four",
    ]
    assert all(line.startswith("[") for line in lines)


def test_the_last_line_comes_without_time_and_address(directory: Path) -> None:
    assert last_line(directory, "host0/dom3") == "three: four"
    assert last_line(directory, "host0/dom9") == "it printed nothing"


def test_the_frame_around_a_group_of_exceptions_is_not_what_one_wants_to_know(directory: Path) -> None:
    log = ConsoleLog(directory / "logs/host0-dom0.log", "host0/dom0", 0)
    for line in ("  +-+---- 1 ----", "    | Traceback", "    | ValueError: too long", "    +--------"):
        log.write(line)
    log.close()

    assert last_line(directory, "host0/dom0") == "ValueError: too long"


def test_a_farewell_is_not_what_one_wants_to_know(directory: Path) -> None:
    log = ConsoleLog(directory / "logs/host0-dom0.log", "host0/dom0", 0)
    log.write("xc: no domain can be managed")
    log.write("reboot: Power down")
    log.close()

    assert last_line(directory, "host0/dom0") == "xc: no domain can be managed"


def test_a_log_is_found_by_the_name_of_its_domain(directory: Path) -> None:
    names = {"host0/storage": "host0/dom3"}

    assert log_path(directory, "host0/storage", names) == directory / "logs/host0-dom3.log"
    with pytest.raises(click.UsageError, match=r"'host0/storge'; there are logs of: host0/storage$"):
        log_path(directory, "host0/storge", names)


@pytest.mark.parametrize("address", ["host0/dom9", "../host0/dom3", "session", ""])
def test_who_printed_nothing_is_refused_with_those_who_did(directory: Path, address: str) -> None:
    with pytest.raises(click.UsageError, match="there are logs of: host0/dom3"):
        log_path(directory, address, {})


def test_a_log_is_read_to_its_end(directory: Path) -> None:
    with (directory / "out").open("w") as reader:
        assert len(list(follow(log_path(directory, "host0/dom3", {}), following=False, reader=reader))) == 4


def test_following_ends_when_the_reader_has_gone(directory: Path) -> None:
    from_us, to_reader = os.pipe()
    os.close(from_us)
    with os.fdopen(to_reader, "w") as reader:
        assert len(list(follow(log_path(directory, "host0/dom3", {}), following=True, reader=reader))) == 4
