"""What several interfaces have shown, as one pcapng file.

Rules: bytes in the order of what came; an interface is described before its first packet. `epoch_ns` is what
time 0 of the cluster's clock is since 1970: a simulation's begins there.
"""

from collections.abc import Sequence

from actors.capture_messages import Captured
from actors.network.tap import PacketRow
from cluster.lab.capture import pcapng
from cluster.lab.capture.blank import completed


class CaptureFile:
    """The next bytes of a file, given what was captured."""

    def __init__(self, names: Sequence[str], snap_bytes: int, epoch_ns: int = 0) -> None:
        """`names` are all interfaces there will be, in the order in which the file has them."""
        self._numbers = {name: number for number, name in enumerate(names)}
        self._snap_bytes = snap_bytes
        self._epoch_ns = epoch_ns
        self._missed = dict.fromkeys(names, 0)
        self.packets = 0

    @property
    def missed(self) -> int:
        """Packets that there was no room for."""
        return sum(self._missed.values())

    def head(self) -> bytes:
        """How the file begins."""
        interfaces = (pcapng.interface(name, self._snap_bytes) for name in self._numbers)
        return pcapng.section("domzero") + b"".join(interfaces)

    def blocks(self, name: str, captured: Captured) -> bytes:
        """The packets of one message, of the interface that has this name in the file."""
        self._missed[name] += captured.missed
        self.packets += len(captured.packets)
        return b"".join(self._packet(self._numbers[name], row) for row in captured.packets)

    def tail(self, now_ns: int) -> bytes:
        """How the file ends: what was missed."""
        return b"".join(
            pcapng.statistics(number, self._epoch_ns + now_ns, self._missed[name])
            for name, number in self._numbers.items()
        )

    def _packet(self, number: int, row: PacketRow) -> bytes:
        match row:
            case [int(at_ns), int(outbound), int(length), int(blank), str(drop), bytes(data)]:
                if blank and len(data) == length:
                    data = completed(data)
                flags = pcapng.OUTBOUND if outbound else pcapng.INBOUND
                comment = f"dropped: {drop}" if drop else ""
                return pcapng.packet(
                    number, self._epoch_ns + at_ns, data, length, flags=flags, comment=comment
                )
        raise ValueError(f"no packet: {row}")
