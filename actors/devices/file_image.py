"""An image in a real file, locked for as long as the process that opened it lives.

Rules: a writable image is locked exclusively, a read-only one shared; the file never grows.
"""

import fcntl
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from actors.devices.image import ImageError


class FileImage:
    """A regular file (or block device) opened as an image; ImageError says why it cannot be.

    `sync` decides whether `sync()` waits for the medium (fdatasync): not needed when only processes
    die, since the page cache belongs to the machine we run on.
    """

    def __init__(self, path: str, *, read_only: bool, sync: bool = False) -> None:
        self._sync = sync
        access = os.O_RDONLY if read_only else os.O_RDWR
        try:
            self._fd = os.open(Path(path), access | os.O_CLOEXEC)
        except OSError as error:
            raise ImageError(f"image {path}: {error.strerror}") from error
        try:
            self._size_bytes = self._lock(path, read_only=read_only)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def size_bytes(self) -> int:
        """Size of the file when it was opened."""
        return self._size_bytes

    def read(self, offset: int, buffers: Sequence[memoryview]) -> int:
        """As `Image.read`, straight into the buffers."""
        return os.preadv(self._fd, buffers, offset)

    def write(self, offset: int, buffers: Sequence[memoryview | bytes]) -> int:
        """As `Image.write`, straight from the buffers."""
        return os.pwritev(self._fd, buffers, offset)

    def sync(self) -> None:
        """Wait for the medium if this image was opened to do so."""
        if self._sync:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file; the lock goes with it. Closing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _lock(self, path: str, *, read_only: bool) -> int:
        """Lock the file; its size."""
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if read_only else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImageError(f"image {path}: in use by another disk or tool (locked)") from error
        except OSError as error:
            raise ImageError(f"image {path}: cannot be locked: {error.strerror}") from error
        mode = os.fstat(self._fd).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise ImageError(f"image {path}: neither a regular file nor a block device")
        return os.lseek(self._fd, 0, os.SEEK_END)
