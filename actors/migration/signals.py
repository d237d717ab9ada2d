"""Records of libxc that have no body: what they say is where they stand.

Source: docs/specs/libxc-migration-stream.pandoc.
"""

from dataclasses import dataclass

from actors.migration.framing import framed
from actors.migration.libxc_types import LibxcType


@dataclass(frozen=True, slots=True)
class Signal:
    """STATIC_DATA_END, VERIFY (pages follow that were sent before) or END."""

    kind: LibxcType

    @property
    def name(self) -> str:
        """As the specification calls it."""
        return self.kind.name

    def encode(self) -> bytes:
        """All of it."""
        return framed(self.kind)


STATIC_DATA_END = Signal(LibxcType.STATIC_DATA_END)
VERIFY = Signal(LibxcType.VERIFY)
END = Signal(LibxcType.END)
