"""A Unix socket that a cluster listens on: the connections that come to it, and its end.

Rules: nobody who connects ends the listening, whatever becomes of the connection, and neither does a want of
file descriptors: who comes then waits.
"""

import errno
import socket
from pathlib import Path
from typing import Final

import trio

_FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
FULL_S: Final = 0.1
"""How long nothing is accepted when there is no room."""


async def accept(listener: socket.socket) -> socket.socket:
    """The next connection, as it comes; it blocks."""
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # who knocked has gone
            continue
        except OSError as error:
            if error.errno not in _FULL:
                raise
            await trio.sleep(FULL_S)
            continue
        return connection


def close(listener: socket.socket, path: Path) -> None:
    """Listen no more; the path is removed, unless it is gone."""
    listener.close()
    path.unlink(missing_ok=True)
