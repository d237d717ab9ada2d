"""What is wrong with a file that a user wrote: every finding with its place and the right form."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `line` counts from 1; 0 stands for the file as a whole."""

    path: Path
    line: int
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.wrong}; {self.right}" if self.right else f"{place}: {self.wrong}"


class ConfigError(Exception):
    """A file cannot be used; nothing was started because of it. The text has a line for each finding."""

    def __init__(self, findings: list[Finding]) -> None:
        assert findings, "a refusal needs a reason"
        self.findings = sorted(findings, key=lambda each: (str(each.path), each.line))
        super().__init__("\n".join(str(each) for each in self.findings))
