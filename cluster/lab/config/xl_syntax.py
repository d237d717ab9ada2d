"""The syntax of an xl.cfg file: `key = value` with strings, numbers and lists, and comments.

Rules: what xl's own reader takes is taken, what it refuses is refused, with its line and the right form.
A statement ends with its line or with a semicolon; line ends inside of [ ] do not count. A number is text
that needs no quotes: who wants one reads it with `c_number`. Nothing of the file is evaluated.
Source: tools/libs/util/libxlu_cfg_l.l, libxlu_cfg_y.y, libxlu_cfg.c (facts).
Left out: lists within lists beyond 100.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.xl_refusals import PYTHON, has_long_string, looks_like_python, meaningless

DEPTH_MAX: Final = 100
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t]+)
      | (?P<end>\n|\#[^\n]*\n|;)
      | (?P<word>[a-z][a-z0-9._]*)
      | (?P<number>[0-9][0-9a-fx]*)
      | (?P<string>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*')
      | (?P<mark>\+=|[=\[\],])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)([ \t\v\f\r]*[+-]?[0-9]*)", re.DOTALL)
_ESCAPES: Final = dict(zip("abfnrtv\\\"'", "\a\b\f\n\r\t\v\\\"'", strict=True))

XlValue = str | list["XlItem"]


@dataclass(frozen=True, slots=True)
class XlItem:
    """A value and the line on which it begins; `added`: by `+=`, which makes it no number."""

    value: XlValue
    line: int
    added: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int
    column: int


def parse_xl(path: Path, text: str) -> dict[str, XlItem]:
    """Every setting of the file; a later one replaces an earlier one. ConfigError for bad syntax."""
    return _Parser(path, text).settings()


def _tokens(text: str) -> list[_Token]:
    """All but the space; a byte without meaning is overlooked by libxlutil, too, if it is the file's last."""
    tokens, line, line_start = [], 1, 0
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match[0]
        overlooked = (
            kind == "other" and match.end() == len(text) and len(found.encode(errors="surrogateescape")) == 1
        )
        if kind != "space" and not overlooked:
            tokens.append(_Token(kind, found, line, match.start() - line_start))
        if kind == "other":
            break  # nothing behind it is looked at
        if found[-1] == "\n":
            line, line_start = line + 1, match.end()
    tokens.append(_Token("end", "", line, 0))
    return tokens


class _Parser:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.split("\n")
        self._tokens = _tokens(text)
        self._at = 0

    def settings(self) -> dict[str, XlItem]:
        found: dict[str, XlItem] = {}
        while self._at < len(self._tokens):
            token = self._take()
            if token.kind == "end":
                continue
            if token.kind != "word":
                raise self._refusal(
                    token, f"{token.text!r} stands where a key should be", "write key = value"
                )
            self._setting(found, token)
        return found

    def _setting(self, found: dict[str, XlItem], key: _Token) -> None:
        sign = self._take()
        if sign.text not in {"=", "+="}:
            raise self._refusal(sign, f"no = after {key.text!r}", f"write {key.text} = value")
        item = self._value(0)
        if sign.text == "+=":
            item = self._sum(key, found.get(key.text), item)
        found[key.text] = item
        end = self._take()
        if end.kind != "end":
            wrong = f"{end.text!r} stands after the value of {key.text!r}"
            raise self._refusal(end, wrong, "one setting on each line")

    def _sum(self, key: _Token, old: XlItem | None, new: XlItem) -> XlItem:
        if old is None:
            return XlItem(new.value, new.line, added=True)
        if isinstance(old.value, list) and isinstance(new.value, list):
            old.value.extend(new.value)  # in place: the old item is gone after this
            return XlItem(old.value, old.line, added=True)
        if isinstance(old.value, str) and isinstance(new.value, str):
            return XlItem(old.value + new.value, old.line, added=True)
        wrong = f"{key.text} += adds a list to a string, or a string to a list"
        raise self._refusal(key, wrong, "add what is of the same kind")

    def _value(self, depth: int) -> XlItem:
        token = self._take()
        if token.kind == "string":
            return XlItem(self._unquoted(token), token.line)
        if token.kind == "number":
            return XlItem(token.text, token.line)
        if token.text == "[" and depth >= DEPTH_MAX:
            raise self._refusal(token, "lists are nested too deeply", f"at most {DEPTH_MAX} in each other")
        if token.text == "[":
            return XlItem(self._items(depth + 1), token.line)
        if token.kind == "word":
            raise self._refusal(token, f"{token.text} is not quoted", f"write '{token.text}' or a number")
        raise self._refusal(token, "a value is missing", "a 'string', a number or a [list]")

    def _items(self, depth: int) -> list[XlItem]:
        items: list[XlItem] = []
        while True:
            self._skip_lines()
            if self._tokens[self._at].text == "]":
                break
            items.append(self._value(depth))
            self._skip_lines()
            if self._tokens[self._at].text != ",":
                break
            self._at += 1
        token = self._take()
        if token.text != "]":
            shown = repr(token.text) if token.text else "the end"
            raise self._refusal(token, f"the list is not closed before {shown}", "[item, item]")
        return items

    def _skip_lines(self) -> None:
        while self._tokens[self._at].text.endswith("\n"):
            self._at += 1

    def _take(self) -> _Token:
        token = self._tokens[min(self._at, len(self._tokens) - 1)]
        self._at += 1
        if token.kind == "other":
            raise self._refusal(token, *meaningless(self._lines[token.line - 1][token.column :]))
        return token

    def _unquoted(self, token: _Token) -> str:
        def replaced(match: re.Match[str]) -> str:
            letter, rest = match[1], match[2]
            if letter in _ESCAPES:
                return _ESCAPES[letter] + rest
            # libxlutil looks for a decimal number of two more characters here, and leaves it out.
            number = rest[:3]
            if letter not in "01234567" or len(number) < 2 or not number[-1].isdigit():
                wrong = f"\\{letter} stands for nothing in a string"
                raise self._refusal(token, wrong, f"write \\\\{letter} for a backslash and a {letter}")
            return rest[3:]

        if "\0" in token.text:
            raise self._refusal(token, "a string with a NUL in it", "text only")
        return _ESCAPE.sub(replaced, token.text[1:-1])

    def _refusal(self, token: _Token, wrong: str, right: str) -> ConfigError:
        line = self._lines[token.line - 1]
        if looks_like_python(line):
            right = PYTHON
        elif has_long_string(line):
            wrong, right = "xl has no strings of several lines", "write 'text' on one line"
        return ConfigError([Finding(self._path, token.line, wrong, right)])
