"""A number of connections that fetch documents in turn, at a rate or one as soon as another is there."""

from itertools import cycle

from actors.domu.pace import Pace
from actors.domu.talk.http_fetcher import HttpFetcher
from actors.domu.talk.seat import FAREWELL_NS, Seat
from actors.notebook.journal_header import GuestState


class HttpClient:
    """The end that asks. What was on its way when a connection died is not asked for again by itself."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._documents = cycle(seat.spec.documents)
        self._fetchers: dict[HttpFetcher, None] = {}
        self._idle: dict[HttpFetcher, None] = {}
        self._awaited = 0
        self._asked = 0
        self._pace: Pace | None = None
        self._pausing = False
        self._stopping = False

    def start(self) -> None:
        """Open all connections."""
        seat = self._seat
        seat.journal.set_state(GuestState.running)
        seat.journal.set_wanted(wanted=True)
        if seat.spec.rate:
            self._pace = Pace(seat.spec.rate, seat.threads.now_ns)
        for _ in range(seat.spec.connections):
            self._open()

    def stop(self) -> None:
        """Ask no more; it is finished when all that was asked for is there, or when that takes too long."""
        if self._stopping:
            return
        self._stopping = True
        for fetcher in list(self._fetchers):
            fetcher.finish()
        threads = self._seat.threads
        threads.at(threads.now_ns + FAREWELL_NS).when_done(self._give_up)
        self._finish_if_done()

    def _give_up(self) -> None:
        for fetcher in list(self._fetchers):
            fetcher.abort()

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
        """A connection is gone."""
        del self._fetchers[fetcher]
        self._idle.pop(fetcher, None)
        self._again(at_once=error is None)

    def _open(self) -> None:
        try:
            self._fetchers[HttpFetcher(self._seat, self)] = None
        except OSError:
            self._again(at_once=False)

    def _again(self, *, at_once: bool) -> None:
        spec, threads = self._seat.spec, self._seat.threads
        if self._stopping or spec.retry_ns is None:
            self._finish_if_done()
            return
        self._awaited += 1
        self._seat.journal.begin_wait(threads.now_ns)
        threads.at(threads.now_ns + (0 if at_once else spec.retry_ns)).when_done(self._open_again)

    def _open_again(self) -> None:
        self._awaited -= 1
        if self._stopping:
            self._finish_if_done()
        else:
            self._open()

    def _finish_if_done(self) -> None:
        if self._fetchers or (self._awaited and not self._stopping) or self._seat.finished.done:
            return
        self._seat.journal.set_wanted(wanted=False)
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)
