"""A YAML file as plain Python data, with the line of every key and item kept beside it.

Rules: YAML 1.2; duplicate keys, tags and keys that are not text are refused; depth and number of nodes
are bounded, so that aliases cannot blow up.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cluster.lab.config.errors import ConfigError, Finding

BYTES_MAX: Final = 1 << 20
NODES_MAX: Final = 100_000
DEPTH_MAX: Final = 20
BRACKETS_MAX: Final = 1000

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class YamlSource:
    """What a file says, and where."""

    path: Path
    content: bytes
    tree: dict[str, object]
    lines: dict[Where, int]

    @classmethod
    def read(cls, path: Path) -> "YamlSource":
        """Read a file whose top is a map. ConfigError if it cannot be read or is no such YAML."""
        content = read_bounded(path)
        lines: dict[Where, int] = {(): 1}
        tree = _Plain(path, lines).convert(_parse(path, content), (), 1)
        if not isinstance(tree, dict):
            raise ConfigError([Finding(path, 1, "the file is not a map", "begin with name: quickstart")])
        return cls(path, content, tree, lines)

    def changed(self, tree: dict[str, object]) -> "YamlSource":
        """The same file with other data in it; lines are those of the keys that the file has, too."""
        return YamlSource(self.path, self.content, tree, self.lines)

    def line(self, where: Where) -> int:
        """The line of a key or item; that of the nearest parent if it is not in the file."""
        while where not in self.lines:
            where = where[:-1]
        return self.lines[where]

    def finding(self, where: Where, wrong: str, right: str = "") -> Finding:
        """A finding at a key or item."""
        return Finding(self.path, self.line(where), wrong, right)


def read_bounded(path: Path) -> bytes:
    """The bytes of a configuration file. ConfigError if they cannot be read or are too many."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError([Finding(path, 0, reason, "name a file that can be read")]) from error
    if len(content) > BYTES_MAX:
        raise ConfigError([Finding(path, 0, "the file is too large", "a configuration has at most 1MiB")])
    return content


def _parse(path: Path, content: bytes) -> object:
    _refuse_brackets(path, content)
    try:
        return YAML(typ="rt", pure=True).load(content)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = str(error.problem).split(" with value")[0].replace("found ", "")
        raise ConfigError([Finding(path, line, what, "write each key once")]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        wrong = f"not YAML: {error.problem or error.context}"
        raise ConfigError([Finding(path, mark.line + 1 if mark else 0, wrong, "key: value")]) from error
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        wrong = f"not YAML: {str(error).splitlines()[0] if str(error) else 'nested too deeply'}"
        raise ConfigError([Finding(path, 0, wrong, "UTF-8 text of the form key: value")]) from error


def _refuse_brackets(path: Path, content: bytes) -> None:
    """A parser's time grows with the square of the nesting, so that is looked at before."""
    depth = 0
    for line, text in enumerate(content.splitlines(), 1):
        depth += text.count(b"[") + text.count(b"{")
        if depth > BRACKETS_MAX:
            raise ConfigError([Finding(path, line, "brackets are nested too deeply", "close them")])
        depth = max(0, depth - text.count(b"]") - text.count(b"}"))


class _Plain:
    def __init__(self, path: Path, lines: dict[Where, int]) -> None:
        self._path = path
        self._lines = lines
        self._nodes = 0

    def convert(self, value: object, where: Where, line: int) -> object:
        self._nodes += 1
        if self._nodes > NODES_MAX or len(where) > DEPTH_MAX:
            raise ConfigError([Finding(self._path, line, "too large or too deep", "leave out the aliases")])
        if isinstance(value, CommentedMap):
            return {self._key(key, line): self._child(value, key, where) for key in value}
        if isinstance(value, CommentedSeq):
            return [self._item(value, index, where) for index in range(len(value))]
        return _scalar(value)

    def _key(self, key: object, line: int) -> str:
        if not isinstance(key, str):
            raise ConfigError(
                [Finding(self._path, line, f"{key!r} is no key", "keys are text: write it in quotes")]
            )
        return str(key)

    def _child(self, parent: CommentedMap, key: str, where: Where) -> object:
        inner = (*where, str(key))
        known = (parent.lc.data or {}).get(key)
        self._lines[inner] = line = known[0] + 1 if known else self._lines[where]
        return self.convert(parent[key], inner, line)

    def _item(self, parent: CommentedSeq, index: int, where: Where) -> object:
        inner = (*where, index)
        known = (parent.lc.data or {}).get(index)
        self._lines[inner] = line = known[0] + 1 if known else self._lines[where]
        return self.convert(parent[index], inner, line)


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    for plain in (int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return str(value)
