"""Which station is behind which port, learnt from what stations send.

Rules: what is learnt is forgotten `ageing_ns` after the station was last heard; what is pinned is not, and
stays where it is. There are never more than `limit` rows: when none is old enough to go, nothing is learnt.
Source: IEEE 802.1D 7.8 and 7.9 (filtering database); Linux net/bridge/br_fdb.c (300 s).
"""

from typing import Final

AGEING_NS: Final = 300_000_000_000
LIMIT: Final = 4096


class MacTable:
    """The table of one bridge or switch; ports are their names."""

    def __init__(self, *, ageing_ns: int = AGEING_NS, limit: int = LIMIT) -> None:
        self._ageing_ns = ageing_ns
        self._limit = limit
        self._learnt: dict[bytes, tuple[str, int]] = {}  # who was heard last is last
        self._pinned: dict[bytes, str] = {}
        self.not_learnt = 0

    def pin(self, mac: bytes, port: str) -> None:
        """A station that is behind this port and nowhere else. ValueError if another port has it pinned."""
        if self._pinned.get(mac, port) != port:
            raise ValueError(f"{mac.hex(':')} is behind {self._pinned[mac]} already")
        self._pinned[mac] = port
        self._learnt.pop(mac, None)

    def may_be_behind(self, mac: bytes, port: str) -> bool:
        """Whether the station is not pinned to another port."""
        return self._pinned.get(mac, port) == port

    def learn(self, mac: bytes, port: str, now_ns: int) -> None:
        """A station was heard behind a port; the last one counts."""
        if mac in self._pinned:
            return
        learnt = self._learnt
        if learnt.pop(mac, None) is None and len(learnt) >= self._limit:
            self.forget_old(now_ns)
            if len(learnt) >= self._limit:
                self.not_learnt += 1
                return
        learnt[mac] = (port, now_ns)

    def find(self, mac: bytes, now_ns: int) -> str | None:
        """The port behind which a station is, or None if that is not known."""
        pinned = self._pinned.get(mac)
        if pinned is not None:
            return pinned
        row = self._learnt.get(mac)
        if row is None:
            return None
        port, heard_ns = row
        return port if now_ns - heard_ns < self._ageing_ns else None

    def forget_port(self, port: str, *, pinned: bool = False) -> None:
        """What was learnt of a port does not hold any more, nor what is `pinned` to it."""
        self._learnt = {mac: row for mac, row in self._learnt.items() if row[0] != port}
        if pinned:
            self._pinned = {mac: each for mac, each in self._pinned.items() if each != port}

    def forget_old(self, now_ns: int) -> None:
        """Stations that were not heard for too long go."""
        old = [mac for mac, (_, heard_ns) in self._learnt.items() if now_ns - heard_ns >= self._ageing_ns]
        for mac in old:
            del self._learnt[mac]

    def rows(self, now_ns: int) -> dict[bytes, str]:
        """All that is known now, as `bridge fdb show` has it."""
        self.forget_old(now_ns)
        return {**{mac: port for mac, (port, _) in self._learnt.items()}, **self._pinned}

    def __len__(self) -> int:
        return len(self._learnt) + len(self._pinned)
