"""The syntax of an xl.cfg file: `key = value` with strings, numbers and lists, and comments.

Rules: a statement ends with its line or with a semicolon; line ends inside of [ ] do not count.
Anything else is refused with its line and the right form; nothing of the file is evaluated.
Source: docs/man/xl.cfg.5 (facts).
Left out: `+=` on something that was not set before is refused, as is Python code.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.config.errors import ConfigError, Finding

DEPTH_MAX: Final = 16
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\f]+|\#[^\n]*|\\\n)
      | (?P<end>\n|;)
      | (?P<string>\"{3}(?:.|\n)*?\"{3}|'{3}(?:.|\n)*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<number>-?(?:0[xX][0-9A-Fa-f]+|[0-9]+))(?![0-9A-Za-z_])
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark>\+=|[=\[\],])
      | (?P<other>.)""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}

XlValue = str | int | list["XlItem"]


@dataclass(frozen=True, slots=True)
class XlItem:
    """A value and the line on which it begins."""

    value: XlValue
    line: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse_xl(path: Path, text: str) -> dict[str, XlItem]:
    """Every setting of the file; a later one replaces an earlier one. ConfigError for bad syntax."""
    return _Parser(path, _tokens(path, text)).settings()


def _tokens(path: Path, text: str) -> list[_Token]:
    tokens, line = [], 1
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match[0]
        if kind == "other":
            quote = found in "\"'"
            wrong = f"a string that does not end: {found}.." if quote else f"{found!r} has no meaning here"
            right = f"close it with {found} on the same line" if quote else "write key = value"
            raise ConfigError([Finding(path, line, wrong, right)])
        if kind != "space":
            tokens.append(_Token(kind, found, line))
        line += found.count("\n")
    tokens.append(_Token("end", "", line))
    return tokens


class _Parser:
    def __init__(self, path: Path, tokens: list[_Token]) -> None:
        self._path = path
        self._tokens = tokens
        self._at = 0

    def settings(self) -> dict[str, XlItem]:
        found: dict[str, XlItem] = {}
        while self._at < len(self._tokens):
            token = self._take()
            if token.kind == "end":
                continue
            if token.kind != "word":
                raise self._refusal(token, f"{token.text} stands where a key should", "write key = value")
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
            raise self._refusal(
                end, f"{end.text!r} after the value of {key.text!r}", "one setting on each line"
            )

    def _sum(self, key: _Token, old: XlItem | None, new: XlItem) -> XlItem:
        if old is not None and isinstance(old.value, list) and isinstance(new.value, list):
            return XlItem([*old.value, *new.value], old.line)
        if old is not None and isinstance(old.value, str) and isinstance(new.value, str):
            return XlItem(old.value + new.value, old.line)
        wrong = f"{key.text} += adds to nothing of the same kind"
        raise self._refusal(key, wrong, f"set {key.text} = [..] or a string before")

    def _value(self, depth: int) -> XlItem:
        token = self._take()
        if token.kind == "string":
            return XlItem(_unquoted(token.text), token.line)
        if token.kind == "number":
            return XlItem(_number(token.text), token.line)
        if token.text == "[" and depth < DEPTH_MAX:
            return XlItem(self._items(depth + 1), token.line)
        if token.kind == "word":
            raise self._refusal(token, f"{token.text} is not quoted", f"write '{token.text}' or a number")
        raise self._refusal(token, "a value is missing", "a 'string', a number or a [list]")

    def _items(self, depth: int) -> list[XlItem]:
        items: list[XlItem] = []
        while True:
            self._skip_ends()
            if self._tokens[self._at].text == "]":
                break
            items.append(self._value(depth))
            self._skip_ends()
            if self._tokens[self._at].text != ",":
                break
            self._at += 1
        token = self._take()
        if token.text != "]":
            raise self._refusal(
                token, f"the list is not closed before {token.text or 'the end'!r}", "[item, item]"
            )
        return items

    def _skip_ends(self) -> None:
        while self._tokens[self._at].text == "\n":
            self._at += 1

    def _take(self) -> _Token:
        token = self._tokens[min(self._at, len(self._tokens) - 1)]
        self._at += 1
        return token

    def _refusal(self, token: _Token, wrong: str, right: str) -> ConfigError:
        return ConfigError([Finding(self._path, token.line, wrong, right)])


def _number(text: str) -> int:
    return int(text, 16 if "x" in text.lower() else 10)


def _unquoted(text: str) -> str:
    if text[:3] in {'"""', "'''"}:
        return text[3:-3]
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
