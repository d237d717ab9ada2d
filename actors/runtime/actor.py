"""The live driver: one machine, its links, and what waits for the machine.

A turn is what arrived together: every frame of one receive is decoded and handled, then `end_turn`
of the machine is called, then each link that was sent to is flushed once. What is too much
for one turn (`arrivals`) is handled in turns of its own; the longer each, the more others have then.

Rules: the machine is called from here only, and never again while it is in a call; each LinkOpened
is followed by one LinkClosed, whoever ended the link. An exception of the machine leaves `run`.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import trio

from actors.runtime.alarm import Alarm
from actors.runtime.codec import MAX_FRAME_BYTES, Codec
from actors.runtime.freezer import Freezer
from actors.runtime.intercept import Intercepts, answer
from actors.runtime.joined_link import JoinedEnd, JoinedLink
from actors.runtime.link import Link, RawLink
from actors.runtime.link_rules import LinkRule
from actors.runtime.machine import (
    CloseLink,
    Connect,
    DeadlinePassed,
    Disconnect,
    Disturb,
    Effect,
    Event,
    Exit,
    Freeze,
    Kill,
    LinkClosed,
    LinkOpened,
    Log,
    Machine,
    Received,
    Rename,
    Send,
    Slow,
    Spawn,
    Thaw,
    Work,
)
from actors.runtime.mailbox import Mailbox
from actors.runtime.outgoing import Outgoing
from actors.runtime.trace import Tracer
from actors.runtime.transport import ByteStream
from actors.runtime.waiting import Call, Waiting

MAX_BACKLOG_BYTES = 16 * 1024 * 1024
LINGER_S = 1.0

OwnerEffect = Spawn | Connect | Disconnect | Kill | Freeze | Thaw | Disturb | Slow | Rename


def _no_owner(effect: OwnerEffect) -> None:
    raise AssertionError(f"this actor's driver has no owner to perform {effect}")


class ActorDriver:
    """Runs one machine in trio.

    `log` takes the lines of Log effects and of links that broke the protocol. `perform` takes the
    effects on other actors. `intercept` answers messages of some types in the machine's stead. `waiting` is
    that of the process, if somebody has started it; else this driver does. A peer for whom more than
    `unread_limit` bytes wait is not read from until it has taken them; two ends with this rule might wait
    for each other for ever.
    """

    def __init__(
        self,
        address: str,
        machine: Machine,
        codec: Codec,
        *,
        log: Callable[[str], object],
        perform: Callable[[OwnerEffect], object] = _no_owner,
        intercept: Intercepts | None = None,
        trace: Tracer | None = None,
        waiting: Waiting | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        frame_limit: int = MAX_FRAME_BYTES,
        max_backlog_bytes: int = MAX_BACKLOG_BYTES,
        unread_limit: int | None = None,
    ) -> None:
        self.address = address
        self.machine = machine
        self.killed = False
        self.freezer = Freezer(self._go_on)
        self._log = log
        self._perform_for_owner = perform
        self._intercept = dict(intercept or {})
        self._trace = trace
        self._clock = clock
        self._new_link = partial(
            Link,
            frame_limit=frame_limit,
            rows=codec.rows,
            decode=codec.decode_frame,
            unread_limit=unread_limit,
        )
        self._outgoing = Outgoing(clock, self._break, max_backlog_bytes)
        self._waiting = waiting or Waiting()
        self._alarm = Alarm(machine.next_deadline_ns, clock, self._guarded(self._ring))
        self._inbox = Mailbox[Event | Link | CloseLink](
            partial(self._waiting.soon, self._guarded(self._take_posted))
        )
        self._exit_reason: str | None = None
        self._nursery: trio.Nursery | None = None

    async def run(self) -> str:
        """Run until the machine exits, or `kill`: the reason. What ends it closes links and machine."""
        waiting = self._waiting
        own = not waiting.started
        waiting.alarms.append(self._alarm)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                if own:
                    waiting.start(nursery)
                self._outgoing.start(nursery)
                self._go_on()
                if self.killed:
                    nursery.cancel_scope.cancel()
                try:
                    await trio.sleep(math.inf)  # it ends by being cancelled only
                finally:
                    self._nursery = None  # who shares the process may run on, and its calls come no more
        finally:
            waiting.alarms.remove(self._alarm)
            for link in [
                *self._outgoing.links.values(),
                *(each for each in self._inbox.waiting if isinstance(each, Link)),
            ]:
                link.close()
            if own:
                waiting.close()
            self.machine.close()
        return self._exit_reason or "killed"

    def plug(self, link: str, stream: ByteStream) -> None:
        """Give the machine a new link. An older one of that name is read out and closed first."""
        if isinstance(stream, JoinedEnd):
            self._inbox.put(JoinedLink(link, stream))
        else:
            self._inbox.put(self._new_link(link, stream))

    def plug_raw(self, link: str, stream: ByteStream) -> None:
        """Give the machine a raw link, whose messages are `bytes` as they come and go."""
        self._inbox.put(RawLink(link, stream))

    def post(self, event: Event | CloseLink) -> None:
        """Give the machine an event of the owner's, such as ProcessEnded, or have it lose a link.

        A link that is plugged after that under the same name is another one.
        """
        self._inbox.put(event)

    def kill(self) -> None:
        """End at once: nothing queued is sent, links close."""
        self.killed = True
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def rename(self, address: str, log: Callable[[str], object], trace: Tracer | None) -> None:
        """It is somebody else from now on, with another log, and another trace."""
        self.address = address
        self._log = log
        self._trace = trace

    def set_rules(self, link: str, rules: Sequence[LinkRule], seed: str) -> None:
        """Break what is sent on a link by these rules; with none of them it is sound again."""
        self._outgoing.set_rules(link, rules, seed)

    @property
    def links(self) -> list[str]:
        """The names of the links that are open, in the order of their opening."""
        return list(self._outgoing.links)

    def _go_on(self) -> None:
        """Take what has come while nothing was to be taken: before the start, or while it was frozen."""
        if self._exit_reason is None:
            self._alarm.set()
        self._inbox.filled()
        for link in self._outgoing.links.values():
            link.attention.soon()

    def _take_posted(self) -> None:
        if not self.freezer.frozen:
            for what in self._inbox.take():
                if isinstance(what, Link):
                    self._open(what)
                elif isinstance(what, CloseLink):
                    link = self._outgoing.links.get(what.link)
                    if link is not None:  # the machine knows before it has another of that name
                        link.close()
                        self._outgoing.close(link)
                        self._take(LinkClosed(link.name, what.reason))
                else:
                    self._take(what)

    def _guarded(self, call: Callable[[], None]) -> Call:
        """The same call while the driver runs, and none after a kill.

        An exception of the machine leaves `run`, and not whoever calls.
        """

        def guarded() -> None:
            nursery = self._nursery
            if nursery is None or self.killed:
                return
            try:
                call()
            except Exception as error:  # noqa: BLE001 (the actor's boundary: its run ends with it)
                nursery.start_soon(_fail, error)

        return guarded

    def _open(self, link: Link) -> None:
        """Put a plugged link into service; it is read after the machine knows of it."""
        old = self._outgoing.links.get(link.name)
        if old is not None:
            while self._receive(old):
                pass
            self._close(old, "replaced by a new link")
            self._inbox.put(link)  # behind the LinkClosed of the old one
            return
        self._outgoing.open(link)
        self._take(LinkOpened(link.name))
        if link.open:
            link.attention.begin(self._waiting, self._guarded(partial(self._serve, link)))

    def _serve(self, link: Link) -> None:
        """One turn with what has arrived on a link, unless nothing is to be read now."""
        if self.freezer.frozen or (link.drained is not None and link.congested):
            link.attention.rest()
        elif self._receive(link):
            if link.arrivals.waiting:
                link.attention.stand_back(self._clock())
            elif link.attention.resting:
                link.attention.resume()

    def _receive(self, link: Link) -> bool:
        """One turn with what has arrived on a link; False if nothing has, or the link has ended."""
        arrivals = link.arrivals
        if not link.open:
            return False
        if arrivals.waiting:
            now_ns = link.attention.turn_ns = self._clock()
            messages = arrivals.more()
        else:
            buffer = self._waiting.buffer
            try:
                count = link.stream.receive_into(buffer)
            except BlockingIOError:
                return False
            except OSError as error:
                self._close(link, f"connection lost: {error.strerror or error}")
                return False
            if not count:
                self._close(link, "ended within a frame" if arrivals.partial else "closed by the peer")
                return False
            now_ns = link.attention.turn_ns = self._clock()
            messages = link.take(buffer[:count])
        if messages:
            self._handle(link, messages, now_ns)
        if arrivals.violation is not None and link.open:
            self._break(link, str(arrivals.violation))
        self._finish_turn(now_ns)
        return link.open

    def _handle(self, link: Link, messages: Iterable[object], now_ns: int) -> None:
        """The hot loop: what `_take` does for one event, written out for many messages."""
        event, handle, intercept, trace = link.received, self.machine.handle, self._intercept, self._trace
        ways = self._outgoing.ways
        stop = False
        for message in messages:
            if intercept and type(message) in intercept:
                self._answer(link, message, now_ns)
                continue
            event.message = message
            effects = handle(event, now_ns)
            if trace is not None:
                trace.record(now_ns, self.address, Received(link.name, message), effects)
            for effect in effects:
                if type(effect) is Send:
                    way = ways.get(effect.link)
                    if way is not None:
                        way.send(effect.message)
                else:
                    self._perform([effect])
                    stop = not link.open or self._exit_reason is not None
            if stop:
                return

    def _answer(self, link: Link, message: object, now_ns: int) -> None:
        event = Received(link.name, message)
        effects = answer(self._intercept[type(message)], event, self.machine)
        if self._trace is not None:
            self._trace.record(now_ns, self.address, event, effects)
        self._perform(effects)

    def _take(self, event: Event) -> None:
        """A turn with one event."""
        if self._exit_reason is None:
            now_ns = self._clock()
            effects = self.machine.handle(event, now_ns)
            if self._trace is not None:
                self._trace.record(now_ns, self.address, event, effects)
            self._perform(effects)
            self._finish_turn(now_ns)

    def _finish_turn(self, now_ns: int) -> None:
        if self._exit_reason is None:
            effects = self.machine.end_turn(now_ns)
            if effects:
                if self._trace is not None:
                    self._trace.record(now_ns, self.address, "end of turn", effects)
                self._perform(effects)
        if self._outgoing.touched:
            self._outgoing.flush()
        if self._exit_reason is None:
            self._alarm.set()

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                way = self._outgoing.ways.get(effect.link)
                if way is not None:
                    way.send(effect.message)
            elif isinstance(effect, Log):
                self._log(effect.text)
            elif isinstance(effect, CloseLink):
                link = self._outgoing.links.get(effect.link)
                if link is not None:
                    self._break(link, effect.reason)
            elif isinstance(effect, Exit):
                self._exit(effect.reason)
            elif not isinstance(effect, Work):  # here it has taken its time
                self._perform_for_owner(effect)

    def _break(self, link: Link, reason: str) -> None:
        """Close a link for what the peer did, after what was sent to it before."""
        self._log(f"link {link.name}: {reason}")
        if link.queued:
            link.flush()
        self._close(link, reason)

    def _close(self, link: Link, reason: str) -> None:
        if link.open:
            link.close()
            self._outgoing.close(link)
            self._inbox.put(LinkClosed(link.name, reason))

    def _exit(self, reason: str) -> None:
        """End, after a moment in which peers may read what was sent before."""
        nursery = self._nursery
        assert nursery is not None, "machines exit while the driver runs"
        self._exit_reason = reason
        self._alarm.stop()

        async def linger() -> None:
            with trio.move_on_after(LINGER_S):
                await self._outgoing.drained()
            nursery.cancel_scope.cancel()

        nursery.start_soon(linger)

    def _ring(self) -> None:
        """Tell the machine that its time has come."""
        if self.freezer.frozen:
            self._alarm.stop()
        else:
            self._take(DeadlinePassed())


async def _fail(error: Exception) -> None:
    raise error
