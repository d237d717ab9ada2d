"""One request of a disk, waited for by a thread.

Source: xen/include/public/io/blkif.h (the answers).
"""

from actors.abi.blkif import BlkifOp, BlkifStatus
from actors.abi.errno import Errno, XenError
from actors.block.block_queue import BlockQueue
from actors.kernel.threads import Future


async def block_io(
    queue: BlockQueue,
    operation: BlkifOp,
    sector: int,
    data: bytes | None,
    nr_sectors: int,
    *,
    fua: bool = False,
) -> bytes:
    """What was read, if anything; XenError EIO if the backend cannot, EOPNOTSUPP if it never does."""
    answer: Future[bytes] = Future()

    def done(status: int, read: bytes | memoryview | None) -> None:
        if status == BlkifStatus.OKAY:
            answer.set(bytes(read) if read is not None else b"")
        else:
            errno = Errno.EOPNOTSUPP if status == BlkifStatus.EOPNOTSUPP else Errno.EIO
            answer.fail(XenError(errno, f"{operation.name} of {nr_sectors} sectors at {sector}"))

    queue.submit(operation, sector, data, nr_sectors, done, fua)
    return await answer
