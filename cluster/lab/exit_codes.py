"""What the commands exit with."""

from typing import Final

HELD: Final = 0
FAILED: Final = 1
UNKNOWN: Final = 2
"""Also of what was interrupted."""
USAGE: Final = 254
INTERNAL: Final = 255
