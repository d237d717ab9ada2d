"""A Unix socket that is listened on: who comes, who has gone again, and a want of file descriptors."""

import errno
import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from cluster.running.control.listener import FULL_S, accept, close


class Listener:
    """Readable from the start; `accept` gives these in turn: an error is raised."""

    def __init__(self, *turns: OSError | socket.socket) -> None:
        self._turns = list(turns)
        self._near, self._far = socket.socketpair()
        self._far.send(b"!")

    def fileno(self) -> int:
        return self._near.fileno()

    def accept(self) -> tuple[socket.socket, None]:
        turn = self._turns.pop(0)
        if isinstance(turn, OSError):
            raise turn
        return turn, None

    def close(self) -> None:
        self._near.close()
        self._far.close()


@pytest.mark.parametrize(
    ("error", "waited_s"),
    [
        (BlockingIOError(), 0),
        (ConnectionAbortedError(), 0),
        (OSError(errno.EMFILE, "too many open files"), FULL_S),
        (OSError(errno.ENOMEM, "out of memory"), FULL_S),
    ],
)
async def test_a_connection_that_cannot_be_had_does_not_end_the_listening(
    error: OSError, waited_s: float, autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    comes, other = socket.socketpair()
    listener = Listener(error, comes)
    began_s = trio.current_time()
    assert await accept(listener) is comes  # type: ignore[arg-type]
    assert trio.current_time() - began_s == pytest.approx(waited_s)
    close(listener, tmp_path / "gone")  # type: ignore[arg-type]
    comes.close()
    other.close()


async def test_what_is_no_passing_trouble_is_raised(tmp_path: Path) -> None:
    listener = Listener(OSError(errno.EBADF, "not a socket"))
    with pytest.raises(OSError, match="not a socket"):
        await accept(listener)  # type: ignore[arg-type]
    close(listener, tmp_path / "gone")  # type: ignore[arg-type]
