"""Packets of a running cluster into a file, as they come, until the command is ended.

Rules: the file is whole up to the last packet whenever it is looked at; it ends with what was missed.
"""

from typing import BinaryIO

import trio

from cluster.running.outside.session import open_session

_AT_ONCE = 64 * 1024


async def capture_into(file: BinaryIO, cluster: str, arguments: dict[str, object], ended: trio.Event) -> None:
    """Write until `ended`, or the cluster has ended. NotRunning if it cannot begin."""
    session = await open_session(cluster, "capture-session", arguments)
    async with session, trio.open_nursery() as nursery:

        async def end() -> None:
            await ended.wait()
            await session.send_eof()

        nursery.start_soon(end)
        try:
            while data := await session.receive_some(_AT_ONCE):
                file.write(data)
                file.flush()
        except trio.BrokenResourceError:
            pass
        nursery.cancel_scope.cancel()
