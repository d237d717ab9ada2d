"""Chrome Trace Events, one line of JSON each.

Rules: times in the file are microseconds since the experiment began, exact to the nanosecond. A slice is
drawn at least `DRAWN_NS` long, since in virtual time handling takes none; slices of one actor never overlap.
Source: the Trace Event Format document of the Chromium project; what Perfetto reads of it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

DRAWN_NS: Final = 100


def quote(text: str) -> str:
    """A text as JSON."""
    return json.dumps(text)


class TraceEvents:
    """Writes events. `pids` are the tracks: a process, with one thread of the same number, for each actor."""

    def __init__(self, write: Callable[[str], object], origin_ns: int) -> None:
        self._write = write
        self._origin_ns = origin_ns
        self._pids: dict[str, int] = {}
        self._quoted: dict[str, str] = {}
        self.count = 0

    def pid(self, address: str) -> int:
        """The number of an actor's track; it is one more for an actor that is not known yet."""
        return self._pids.setdefault(address, len(self._pids) + 1)

    def track(self, address: str, title: str) -> None:
        """Name the track of an actor; tracks are shown in the order of these calls."""
        pid, name = self.pid(address), quote(title)
        for what, value in (
            ("process_name", f'"name":{name}'),
            ("process_sort_index", f'"sort_index":{pid}'),
            ("thread_name", f'"name":{name}'),
        ):
            self._event(f'"ph":"M","pid":{pid},"tid":{pid},"name":"{what}","args":{{{value}}}')

    def slice(self, address: str, name: str, begin_ns: int, end_ns: int, link: str) -> None:
        """Something that an actor did."""
        pid, args = self.pid(address), f',"args":{{"link":{self._text(link)}}}' if link else ""
        duration = self._us(max(end_ns - begin_ns, DRAWN_NS))
        self._event(
            f'"ph":"X","cat":"turn","pid":{pid},"tid":{pid},"ts":{self._at(begin_ns)},"dur":{duration},'
            f'"name":{self._text(name)}{args}'
        )

    def begin(  # noqa: PLR0917 (one row of the format)
        self,
        address: str,
        category: str,
        number: int,
        name: str,
        time_ns: int,
        args: Mapping[str, object] | None = None,
    ) -> None:
        """An asynchronous slice begins; those of one category and number nest."""
        self._async("b", address, category, number, name, time_ns, args)

    def end(self, address: str, category: str, number: int, name: str, time_ns: int) -> None:
        """The asynchronous slice that began last ends."""
        self._async("e", address, category, number, name, time_ns, None)

    def flow(self, phase: str, category: str, number: int, address: str, time_ns: int) -> None:
        """A step of an arrow between slices: `s` begins it, `t` goes on, `f` ends it."""
        pid = self.pid(address)
        bound = ',"bp":"e"' if phase == "f" else ""
        self._event(
            f'"ph":"{phase}","cat":"{category}","id":{number},"pid":{pid},"tid":{pid},'
            f'"ts":{self._at(time_ns)},"name":"{category}"{bound}'
        )

    def instant(
        self,
        address: str,
        name: str,
        time_ns: int,
        scope: str = "t",
        args: Mapping[str, object] | None = None,
    ) -> None:
        """A moment: of the whole trace (scope `g`), or of an actor (`t`)."""
        pid = self.pid(address)
        self._event(
            f'"ph":"i","s":"{scope}","cat":"fault","pid":{pid},"tid":{pid},"ts":{self._at(time_ns)},'
            f'"name":{self._text(name)},"args":{json.dumps(args or {})}'
        )

    def counter(self, address: str, name: str, of_what: str, time_ns: int, value: int) -> None:
        """A number that is so from this moment on."""
        self._event(
            f'"ph":"C","pid":{self.pid(address)},"ts":{self._at(time_ns)},"name":{self._text(name)},'
            f'"args":{{{self._text(of_what)}:{value}}}'
        )

    def _async(  # noqa: PLR0917 (one row of the format)
        self,
        phase: str,
        address: str,
        category: str,
        number: int,
        name: str,
        time_ns: int,
        args: Mapping[str, object] | None,
    ) -> None:
        pid, told = self.pid(address), f',"args":{json.dumps(args)}' if args else ""
        self._event(
            f'"ph":"{phase}","cat":"{category}","id2":{{"local":"{category}-{number}"}},"pid":{pid},"tid":{pid},'
            f'"ts":{self._at(time_ns)},"name":{self._text(name)}{told}'
        )

    def _text(self, text: str) -> str:
        quoted = self._quoted.get(text)
        if quoted is None:
            quoted = self._quoted[text] = quote(text)
        return quoted

    def _at(self, time_ns: int) -> str:
        return self._us(time_ns - self._origin_ns)

    def _us(self, ns: int) -> str:
        sign, ns = ("-", -ns) if ns < 0 else ("", ns)
        return f"{sign}{ns // 1000}.{ns % 1000:03}"

    def _event(self, text: str) -> None:
        self._write(f"{',' if self.count else ''}\n{{{text}}}")
        self.count += 1
