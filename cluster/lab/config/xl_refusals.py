"""What to say of a line that is no xl.cfg: what was wrong, and what would be right.

Rules: a line that is a program rather than a setting is told so; files of the old xm were Python.
"""

import re
from typing import Final

PYTHON: Final = (
    "this looks like Python, which xm read and xl does not: write the value itself, as key = value"
)
_QUOTED: Final = re.compile(r"""(["'])(?:\\.|(?!\1)[^\\])*(?:\1|\\?$)|\#.*""")
_KEYWORDS: Final = (
    "assert|class|def|del|elif|else|except|exec|finally|for|from|global|if|import|lambda|pass|print|raise|"
    "return|try|while|with"
)
_PROGRAM: Final = re.compile(rf"^\s*(?:{_KEYWORDS})\b(?!\s*\+?=)|[(){{}}%*@]|\+(?!=)|:\s*$")
_WORD: Final = re.compile(r"[A-Za-z0-9_.]+")
_CONSTANTS: Final = {"True": "1", "False": "0", "None": "''"}
_BYTE_ORDER_MARK: Final = "\ufeff"


def looks_like_python(line: str) -> bool:
    """True for a line of a program: what stands in quotes and in comments aside."""
    return _PROGRAM.search(_QUOTED.sub("", line)) is not None


def has_long_string(line: str) -> bool:
    """True where three quotes begin or end what is a string of several lines in Python."""
    return "'''" in line or '"""' in line


def meaningless(rest: str) -> tuple[str, str]:
    """A line from the first letter on that cannot begin anything."""
    first = rest[0]
    if first in "\"'":
        return f"a string that does not end: {first}..", f"close it with {first} on the same line"
    if first == "#":
        return "the last line is a comment that does not end", "end the file with a newline, or xl refuses it"
    if first == "\r":
        return "a carriage return, as DOS ends its lines with", "save the file with Unix line ends (dos2unix)"
    if first == "\\":
        return "'\\' has no meaning here", "a setting is one line; only lists go on in the next one"
    if first == _BYTE_ORDER_MARK:
        return "the file begins with a byte order mark", "save it as text without one"
    if first == "-":
        return "'-' has no meaning here", "a number has no sign unless it is quoted: '-1'"
    word = _WORD.match(rest)
    if word is None:
        return f"{first!r} has no meaning here", "write key = value; a value with such letters in quotes"
    if word[0] in _CONSTANTS:
        return f"{word[0]} is not known to xl", f"write {_CONSTANTS[word[0]]}"
    return f"{word[0]!r} has no meaning here", "keys are in small letters, values in quotes"
