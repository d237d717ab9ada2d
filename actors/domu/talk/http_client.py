"""A number of connections that fetch documents in turn, at a rate or one as soon as another is there."""

from itertools import cycle

from actors.domu.pace import Pace
from actors.domu.talk.http_fetcher import HttpFetcher
from actors.domu.talk.seat import Seat
from actors.domu.talk.tcp_client import TcpClient


class HttpClient(TcpClient[HttpFetcher]):
    """The end that asks. What was on its way when a connection died is not asked for again by itself."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._documents = cycle(seat.spec.documents)
        self._idle: dict[HttpFetcher, None] = {}
        self._asked = 0
        self._pace: Pace | None = None
        self._pausing = False

    def start(self) -> None:
        """Open all connections."""
        seat = self._seat
        if seat.spec.rate:
            self._pace = Pace(seat.spec.rate, seat.threads.now_ns)
        super().start()

    def connect(self) -> HttpFetcher:
        """One more connection."""
        return HttpFetcher(self._seat, self)

    def ready(self, fetcher: HttpFetcher) -> None:
        """A connection is open and has nothing to do."""
        if self._stopping:
            fetcher.finish()
            return
        self._idle[fetcher] = None
        self._fetch()

    def _fetch(self) -> None:
        self._pausing = False
        threads, spec = self._seat.threads, self._seat.spec
        while self._idle and not self._stopping and not self._pausing:
            if spec.requests and self._asked >= spec.requests:
                self.stop()
                return
            if self._pace is not None and not self._pace.take(threads.now_ns):
                self._pausing = True
                threads.at(self._pace.due_ns).when_done(self._fetch)
                return
            fetcher = next(iter(self._idle))
            del self._idle[fetcher]
            self._asked += 1
            fetcher.fetch(next(self._documents))

    def ended(self, fetcher: HttpFetcher, error: int | None) -> None:
        """A connection is gone: one that was closed in order has another in its place at once."""
        del self._connections[fetcher]
        self._idle.pop(fetcher, None)
        retry_ns = self._seat.spec.retry_ns
        self._again(0 if error is None and retry_ns is not None else retry_ns)
