"""The commands that README.md and docs/ write down, with values for what they leave open."""

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

BEGIN = r"(?:\.venv/bin/)?(?:domzero|make) "

PLACEHOLDERS = {
    "N": "1",
    "S": "0.05",
    "KIND": "crash",
    "TARGET": "host0/web-3",
    "LOCALPORT": "8080",
    "HOST": "host0",
    "HOST/DOMAIN": "host0/web-0",
    "RUNDIR": "finished",
    "MATRIX": "configs/matrices/survival.yaml",
    "CELLS": "*/dom0-crash/*",
    "RUNDIR/configuration/FILE": "finished/configuration/quickstart.yaml",
    "SIZE": "1GiB",
}

FILES = {
    "bench": "docs/speed.json",
    "conform": "configs/recording.jsonl",
    "curve": "configs/curves/disk-driver-boot.yaml",
    "replay": "configs/campaign.yaml",
    "shrink": "configs/campaign.yaml",
    "slopes": "slopes.svg",
    "sweep": "configs/campaign.yaml",
}

RUN_DIRECTORY = r"^runs/\d{8}T\d{6}-\w+$"

SHELL_VARIABLE = r"\$[A-Z_]+"


def blocks(text: str) -> tuple[list[str], str]:
    """The lines of all code blocks, indented and fenced, and the text without them."""
    code, rest, fenced, was_blank = [], [], False, True
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or (line.startswith("    ") and was_blank):
            code.append(line.strip())
            continue
        else:
            rest.append(line)
        was_blank = not line.strip()
    return code, "\n".join(rest)


def commands_of(text: str) -> Iterator[tuple[str, bool]]:
    """Each command of a page, and whether it stands in a code block."""
    code, rest = blocks(text)
    for line in code:
        if found := re.match(rf"(?:\$ )?({BEGIN}.*)", line):
            yield found[1], True
        for found in re.finditer(rf"\$\(({BEGIN}[^)]*)\)|'({BEGIN}[^']*)'", line):
            yield found[1] or found[2], True
    for inline in re.findall(r"`([^`]+)`", rest):
        text = " ".join(inline.split()).replace("\\|", "|")
        if re.match(BEGIN, text):
            yield text, False


def variants(text: str) -> list[tuple[str, ...]]:
    """The commands that a synopsis stands for: its optional parts all there or all left out, each choice."""
    forms = {re.sub(r"\[[^]]*\]", "", text), re.sub(r"\[options\]|\[|\]", "", text)}
    found = []
    for form in sorted(forms):
        words = shlex.split(form, comments=True)
        words = list(itertools.takewhile(lambda word: word not in {">", "|", "&"}, words))
        choices = [word.split("|") if re.fullmatch(r"[a-z|]+", word) else [word] for word in words]
        found += list(itertools.product(*choices))
    return found


@dataclass
class Command:
    """One command, as words without the program, and where it is written."""

    words: tuple[str, ...]
    program: str
    block: bool = False
    pages: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join((self.program, *self.words))


def filled(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words with values for placeholders and shell variables."""
    values = PLACEHOLDERS | {"FILE": FILES.get(words[0] if words else "", "configs/quickstart.yaml")}
    # What --out names is made, and what --run names is there already.
    values["DIR"] = "finished" if "--run" in words else "made"
    found = [values.get(word.removesuffix("..."), word) for word in words]
    return tuple(re.sub(SHELL_VARIABLE, "1", re.sub(RUN_DIRECTORY, "finished", word)) for word in found)
