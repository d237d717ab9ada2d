import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.running.control.runtime_directory import (
    PATH_BYTES_MAX,
    RuntimeDirectoryError,
    control_directory,
    control_path,
    xenstore_path,
)

OWN = f"domzero-{os.getuid()}"


@pytest.fixture
def base(sockets: Path) -> Iterator[Path]:
    """A directory whose rights may be changed."""
    yield sockets
    sockets.chmod(0o700)


def refusal() -> str:
    with pytest.raises(RuntimeDirectoryError) as refused:
        control_directory()
    text = str(refused.value)
    assert "\n" not in text
    return text


def test_it_is_made_for_this_user_alone(base: Path) -> None:
    directory = control_directory()

    assert directory == base / OWN
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert control_directory() == directory, "the second time it is there"


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_without_a_login_session_it_is_a_private_one_for_temporary_files(
    base: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR") if value is None else monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    monkeypatch.setattr(tempfile, "tempdir", str(base))

    assert control_directory() == base / OWN
    assert stat.S_IMODE(control_directory().stat().st_mode) == 0o700


def test_in_a_place_that_everybody_can_write_to_only_ones_own_is_taken(base: Path) -> None:
    (base / OWN).mkdir(mode=0o700)
    (base / OWN).chmod(0o755)
    assert refusal() == f"{base / OWN} has mode 0755; it has to be 0700: `chmod 700` it"

    (base / OWN).rmdir()
    (base / "elsewhere").mkdir(mode=0o700)
    (base / OWN).symlink_to(base / "elsewhere")
    assert f"{base / OWN} is no directory; remove it, or set XDG_RUNTIME_DIR to" in refusal()

    (base / OWN).unlink()
    (base / OWN).touch()
    assert f"{OWN} cannot be made: file exists; set XDG_RUNTIME_DIR to a directory of your own" in refusal()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make what belongs to another user")
def test_one_that_belongs_to_another_user_is_not_believed(base: Path) -> None:
    (base / OWN).mkdir(mode=0o700)
    os.chown(base / OWN, 12345, 12345)

    assert f"{base / OWN} belongs to another user; set XDG_RUNTIME_DIR to" in refusal()


def test_a_directory_that_is_not_there_or_no_place_is_told(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base / "file").touch()
    for value, said in (
        (base / "none", f"XDG_RUNTIME_DIR={base}/none: no such file or directory; set XDG_RUNTIME_DIR to a"),
        (base / "file", f"XDG_RUNTIME_DIR={base}/file is no directory; set"),
        (base / "file" / "x", "not a directory; set"),
        ("relative", "XDG_RUNTIME_DIR=relative is no absolute path; set"),
        ("/proc", "cannot be made: no such file or directory; set"),
    ):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(value))
        assert said in refusal()


@pytest.mark.skipif(os.getuid() == 0, reason="root can write everywhere")
def test_a_directory_that_cannot_be_written_to_is_told(base: Path) -> None:
    base.chmod(0o500)
    assert "cannot be made: permission denied; set XDG_RUNTIME_DIR to" in refusal()

    base.chmod(0o700)
    (base / OWN).mkdir(mode=0o500)
    assert f"{base / OWN} cannot be written to; set XDG_RUNTIME_DIR to" in refusal()


def test_a_path_in_which_no_socket_fits_is_told_with_the_length_that_does(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = PATH_BYTES_MAX - len(f"/{OWN}/a.sock")
    fits = base / ("x" * (longest - len(str(base)) - 1))
    fits.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(fits))
    assert len(str(control_path("a"))) == PATH_BYTES_MAX

    monkeypatch.setenv("XDG_RUNTIME_DIR", f"{fits}y")
    Path(f"{fits}y").mkdir()
    said = refusal()
    assert f"y is too long for the path of a socket ({longest + 1} bytes); set XDG_RUNTIME_DIR" in said
    assert f"of your own of at most {longest} bytes" in said
    assert list(Path(f"{fits}y").iterdir()) == [], "nothing is made"


def test_what_does_not_fit_because_of_long_names_is_told_before_it_is_bound(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = base / ("x" * 30)
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    control_path("c" * 20)
    for make in (lambda: control_path("c" * 60), lambda: xenstore_path("c" * 40, "h" * 40)):
        with pytest.raises(
            RuntimeDirectoryError, match=r"too long .* by \d+ bytes; take .*shorter name"
        ) as it:
            make()
        most = int(str(it.value).rpartition(" of at most ")[2].split()[0])
        surplus = int(str(it.value).partition(" bytes;")[0].rpartition(" ")[2])
        assert most == len(str(folder)) - surplus


def test_with_no_place_for_temporary_files_either_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)

    assert "XDG_RUNTIME_DIR is not set, and there is no directory for temporary files; set" in refusal()
