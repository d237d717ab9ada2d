"""Whether a run directory is in use: a lock on the folder itself, which leaves nothing behind.

Rules: a run holds it for as long as any of its processes lives, since they inherit it; a reader shares it
with other readers. A folder that cannot be locked counts as one that is in use.
Source: flock(2).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path


class InUseError(Exception):
    """Somebody else holds the directory."""


@contextmanager
def held(directory: Path, *, shared: bool = False, made_here: bool = False) -> Iterator[None]:
    """Hold a directory, alone or with others who only read it. InUseError if that cannot be.

    One that was `made_here` is nobody else's, even where folders cannot be locked.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            flock(descriptor, (LOCK_SH if shared else LOCK_EX) | LOCK_NB)
        except OSError as error:
            if not made_here:
                raise InUseError(f"{directory} is in use") from error
        yield
    finally:
        os.close(descriptor)


def is_in_use(directory: Path) -> bool:
    """Whether a run, or a prune of it, goes on in there."""
    try:
        with held(directory, shared=True):
            return False
    except InUseError:
        return True
