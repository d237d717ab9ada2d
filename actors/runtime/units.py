"""Units of time: every time here is a whole number of nanoseconds."""

from typing import Final

NS_PER_S: Final = 1_000_000_000
