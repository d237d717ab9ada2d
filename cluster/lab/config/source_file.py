"""A file that a configuration was read from, as it was: the configuration itself, an xl.cfg that it names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file, and the bytes that were in it when it was read."""

    path: Path
    content: bytes
