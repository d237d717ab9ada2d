"""What a device is given when it starts, key by key, each checked.

Rules: it comes from a configuration file; ValueError names the device and the key that is wrong.
"""

from collections.abc import Mapping


class Argument:
    """The keys of one map for the device `who`; one without a default has to be there."""

    def __init__(self, who: str, source: Mapping[str, object]) -> None:
        self._who = who
        self._source = source

    def get(self, key: str) -> object:
        """Whatever it is, unchecked; None if it is not there."""
        return self._source.get(key)

    def number(self, key: str, default: int | None = None, *, least: int = 0, most: int | None = None) -> int:
        """A number from `least` on, up to `most` if there is one."""
        value = self._source.get(key, default)
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and value >= least
            and (most is None or value <= most)
        ):
            return value
        bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise self._wrong(key, f"{value!r} is not a number {bounds}")

    def text(self, key: str, default: str | None = None) -> str:
        """Text."""
        value = self._source.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, f"{value!r} is not text")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._source.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, f"{value!r} is neither true nor false")
        return value

    def level_triggered(self) -> bool:
        """Whether `trigger` is `level`, and not `edge`."""
        trigger = self.text("trigger", "edge")
        if trigger not in {"edge", "level"}:
            raise self._wrong("trigger", f"{trigger!r} is neither edge nor level")
        return trigger == "level"

    def rows(self, key: str) -> list["Argument"]:
        """A list of maps, empty if it is not there."""
        rows = self._source.get(key, [])
        if not isinstance(rows, list | tuple) or not all(isinstance(row, dict) for row in rows):
            raise self._wrong(key, "a list of maps is wanted")
        return [Argument(self._who, row) for row in rows]

    def _wrong(self, key: str, what: str) -> ValueError:
        return ValueError(f"{self._who}: {key}: {what}")
