"""The directory of the clusters that a user runs: their sockets, and where Prometheus finds them.

It is `domzero-UID` in $XDG_RUNTIME_DIR. Where that is not set, as in a container without a login session, it
is in the directory for temporary files ($TMPDIR, or /tmp).
Rules: it is made with mode 0700, and is used only if it is a directory of this user's that nobody else can
enter: whoever listens there is believed. Everything that is wrong with it is one RuntimeDirectoryError, and
only who has to reach a running cluster, or be reached, asks for it.
Source: XDG Base Directory Specification (absolute, the user's own); unix(7): `sun_path` has 108 bytes.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from cluster.lab.config.errors import reason_of

VARIABLE: Final = "XDG_RUNTIME_DIR"
PATH_BYTES_MAX: Final = 107
"""Of the path of a Unix socket, without the zero at its end."""
_SHORTEST: Final = "a.sock"


class RuntimeDirectoryError(Exception):
    """There is no directory for sockets; the text says what is wrong, and what would be right."""


def control_directory() -> Path:
    """The directory, made if it is not there. RuntimeDirectoryError if it cannot be used."""
    base, named = _base()
    directory = base / f"domzero-{os.getuid()}"
    room = PATH_BYTES_MAX - _bytes(directory / _SHORTEST)
    if room < 0:
        longest = _bytes(base) + room
        raise RuntimeDirectoryError(
            f"{named} is too long for the path of a socket ({_bytes(base)} bytes); {_right(longest)}"
        )
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        wrong = f"{directory} cannot be made: {reason_of(error)}"
        raise RuntimeDirectoryError(f"{named}: {wrong}; {_right()}") from error
    _check_own(directory, found)
    return directory


def control_path(name: str) -> Path:
    """The control socket of the cluster with this name. RuntimeDirectoryError if it would be too long."""
    return _socket(f"{name}.sock", "a cluster with a shorter name")


def xenstore_path(name: str, host: str) -> Path:
    """The socket of a host's xenstored. RuntimeDirectoryError if it would be too long."""
    return _socket(f"{name}.{host}.xenstore", "shorter names of cluster and host")


def _base() -> tuple[Path, str]:
    """Where the directory lies, and how to call that."""
    text = os.environ.get(VARIABLE)
    if not text:
        try:
            base = tempfile.gettempdir()
        except OSError as error:
            raise RuntimeDirectoryError(
                f"{VARIABLE} is not set, and there is no directory for temporary files; {_right()}"
            ) from error
        return Path(base), f"{VARIABLE} is not set, and {base}, used instead,"
    base_path, named = Path(text), f"{VARIABLE}={text}"
    if not base_path.is_absolute():
        raise RuntimeDirectoryError(f"{named} is no absolute path; {_right()}")
    try:
        is_directory = stat.S_ISDIR(base_path.stat().st_mode)
    except OSError as error:
        raise RuntimeDirectoryError(f"{named}: {reason_of(error)}; {_right()}") from error
    if not is_directory:
        raise RuntimeDirectoryError(f"{named} is no directory; {_right()}")
    return base_path, named


def _check_own(directory: Path, found: os.stat_result) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise RuntimeDirectoryError(f"{directory} is no directory; remove it, or {_right()}")
    if found.st_uid != os.getuid():
        raise RuntimeDirectoryError(f"{directory} belongs to another user; {_right()}")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise RuntimeDirectoryError(f"{directory} has mode {mode:04o}; it has to be 0700: `chmod 700` it")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise RuntimeDirectoryError(f"{directory} cannot be written to; {_right()}")


def _right(bytes_max: int | None = None) -> str:
    """What would be right."""
    size = f" of at most {bytes_max} bytes" if bytes_max is not None and bytes_max > 1 else ""
    return f"set {VARIABLE} to a directory of your own{size}, as /run/user/{os.getuid()}"


def _socket(name: str, shorter: str) -> Path:
    path = control_directory() / name
    surplus = _bytes(path) - PATH_BYTES_MAX
    if surplus > 0:
        raise RuntimeDirectoryError(
            f"{path} is too long for the path of a socket by {surplus} bytes; take {shorter}, "
            f"or {_right(_bytes(path.parent.parent) - surplus)}"
        )
    return path


def _bytes(path: Path) -> int:
    return len(os.fsencode(path))
