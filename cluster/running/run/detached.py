"""A cluster in the background: a process of its own session, which says on a pipe when the guests work.

Rules: the caller learns of every reason why it did not come up; what does not come up leaves no process.
"""

import contextlib
import os
import signal
import sys
import traceback
from pathlib import Path

from cluster.lab.config.errors import ConfigError
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.exit_codes import INTERNAL, USAGE
from cluster.running.control.preflight import CannotStart
from cluster.running.control.runtime_directory import RuntimeDirectoryError
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions


def start_detached(cluster: ResolvedCluster, options: SessionOptions) -> Path:
    """Start a cluster in the background; its run directory, once the guests work. CannotStart if it fails.

    Ctrl-C while it boots lets it go down in order, a second one cuts its power; it is a KeyboardInterrupt.
    """
    from_child, to_parent = os.pipe()
    pid = os.fork()
    if pid:
        os.close(to_parent)
        try:
            word, _, text = _line(from_child).partition(" ")
        except KeyboardInterrupt:
            _stop(pid)
            raise
        finally:
            os.close(from_child)
        if word != "up":
            os.waitpid(pid, 0)
            raise CannotStart(text or "the cluster ended before it was up")
        return Path(text)
    os.close(from_child)
    os.setsid()
    code = INTERNAL
    try:
        code = _run(cluster, options, to_parent)
    finally:
        os._exit(code)


def _stop(pid: int) -> None:
    """Pass a Ctrl-C on, and those that come meanwhile, until the process has ended."""
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(KeyboardInterrupt):
            os.waitpid(pid, 0)
            return


def _line(pipe: int) -> str:
    """A line; not all there is to come, since every actor's process has the other end of the pipe, too."""
    data = b""
    while not data.endswith(b"\0"):
        part = os.read(pipe, 4096)
        if not part:
            break
        data += part
    return data.rstrip(b"\0").decode()


def _run(cluster: ResolvedCluster, options: SessionOptions, to_parent: int) -> int:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    told = False

    def tell(text: str) -> None:
        nonlocal told
        if not told:
            told = True
            with contextlib.suppress(BrokenPipeError):
                os.write(to_parent, f"{text}\0".encode())

    try:
        session = Session(cluster, options, Progress.silent())
        log = os.open(session.directory / "logs" / "session.log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 2)
        session.when_up = lambda: tell(f"up {session.directory}")
        report = session.run()
    except (CannotStart, ConfigError, RuntimeDirectoryError) as error:
        tell(f"failed {error}")
        return USAGE
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        tell(f"failed {error}")
        raise
    tell(f"failed {session.trouble or 'not all guests came up'}; see {session.directory}")
    return report.exit_code
