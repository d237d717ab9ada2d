"""The watches of one kernel, and the thread that calls back.

Rules: callbacks run one after the other, in the order of the events; none once its watch is taken back.
Source: Linux drivers/xen/xenbus/xenbus_xs.c (the idea of the watch thread).
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from actors.abi.errno import Errno, XenError
from actors.kernel.threads import Threads
from actors.kernel.xs_nodes import decode, encode


@dataclass(slots=True)
class Watch:
    """A registered watch; `callback` gets the path of each event, relative if `path` is."""

    path: str
    token: str
    callback: Callable[[str], None]

    @property
    def payload(self) -> bytes:
        """What the server is to be told of it."""
        return encode(self.path) + b"\0" + encode(self.token) + b"\0"


class XenWatch:
    """Every watch that is registered, or is about to be.

    Events are numbered from 1: the last that was heard, and the last that a callback was told of.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._watches: dict[str, Watch] = {}
        self._number = 0
        self._events: deque[tuple[int, Watch, str]] = deque()
        self.heard_events = 0
        self.told_event = 0
        self._calling_back = False

    def __iter__(self) -> Iterator[Watch]:
        return iter(list(self._watches.values()))

    def add(self, path: str, callback: Callable[[str], None], token: str | None) -> Watch:
        """A watch, with a token of ours unless one is wanted. EEXIST."""
        if token is None:
            self._number += 1
            token = f"w{self._number}"
        if token in self._watches:
            raise XenError(Errno.EEXIST, f"watch token {token}")
        watch = self._watches[token] = Watch(path, token, callback)
        return watch

    def remove(self, watch: Watch) -> bool:
        """Have it called back no more; whether it was there."""
        return self._watches.pop(watch.token, None) is not None

    def heard(self, payload: bytes) -> None:
        """The server tells of an event."""
        path, _, token = payload.rstrip(b"\0").partition(b"\0")
        watch = self._watches.get(decode(token))
        if watch is not None:
            self.heard_events += 1
            self._events.append((self.heard_events, watch, decode(path)))
            if not self._calling_back:
                self._calling_back = True
                self._threads.spawn("xenwatch", self._call_back())

    async def _call_back(self) -> None:
        while self._events:
            self.told_event, watch, path = self._events.popleft()
            if self._watches.get(watch.token) is watch:
                watch.callback(path)
        self._calling_back = False
