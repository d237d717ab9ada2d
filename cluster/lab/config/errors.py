"""What is wrong with a file that a user wrote: every finding with its place and the right form."""

import difflib
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
        text = f"{place}: {self.wrong}; {self.right}" if self.right else f"{place}: {self.wrong}"
        # What was quoted from a file need not be text that a terminal can show.
        return text.encode(errors="backslashreplace").decode()


class ConfigError(Exception):
    """A file cannot be used; nothing was started because of it. The text has a line for each finding."""

    def __init__(self, findings: list[Finding]) -> None:
        assert findings, "a refusal needs a reason"
        self.findings = sorted(findings, key=lambda each: (str(each.path), each.line))
        super().__init__("\n".join(str(each) for each in self.findings))


def did_you_mean(word: str, known: list[str]) -> str:
    """The nearest known word, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"one of {', '.join(known)}" if known else "none is known here"


def reason_of(error: OSError) -> str:
    """What the system says of it, in small letters."""
    return (error.strerror or str(error)).lower()
