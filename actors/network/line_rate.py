"""How long a frame takes on a wire.

Source: IEEE 802.3: 8 bytes of preamble, at least 60 bytes, 4 of checksum, a gap of 12.
"""

from typing import Final

MIN_FRAME_BYTES: Final = 60
_AROUND_BYTES: Final = 8 + 4 + 12


def wire_time_ns(frame_bytes: int, bits_per_second: int) -> int:
    """Nanoseconds from the first bit of a frame to when the next one may begin; none at a rate of 0."""
    if not bits_per_second:
        return 0
    return -(-(max(frame_bytes, MIN_FRAME_BYTES) + _AROUND_BYTES) * 8_000_000_000 // bits_per_second)
