"""Ports for those who do not care which; Linux's ip_local_port_range."""

import errno
from collections.abc import Collection
from itertools import chain
from random import Random

FIRST = 32768
LAST = 60999


class PortPicker:
    """Chosen at random, so that a port comes back late (RFC 6056, 3.3.1)."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def pick(self, taken: Collection[int]) -> int:
        """One that is free. OSError: EADDRNOTAVAIL."""
        start = self._random.randint(FIRST, LAST)
        for port in chain(range(start, LAST + 1), range(FIRST, start)):
            if port not in taken:
                return port
        raise OSError(errno.EADDRNOTAVAIL, "no port is free")
