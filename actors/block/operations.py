"""What is asked of a block device and how it is answered, as plain numbers, for frontend, backend and volume.

Source: xen/include/public/io/blkif.h.
"""

from typing import Final

from actors.abi.blkif import BlkifOp, BlkifStatus

READ: Final = int(BlkifOp.READ)
WRITE: Final = int(BlkifOp.WRITE)
FLUSH: Final = int(BlkifOp.FLUSH_DISKCACHE)

OKAY: Final = int(BlkifStatus.OKAY)
ERROR: Final = int(BlkifStatus.ERROR)
EOPNOTSUPP: Final = int(BlkifStatus.EOPNOTSUPP)
