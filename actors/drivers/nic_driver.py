"""The driver of the network controller: frames into its rings, frames out of them.

Rules: a frame's `done` is called exactly once, with a DescriptorStatus, or with NIC_LOST, and not before the
controller has stopped reading it. A buffer with a frame that was received is the receiver's until it is given
back. What a turn brings is put in at its end, with a doorbell for each ring at most.
Source: `actors/abi/network_controller.py`; the watch is Linux net/sched/sch_generic.c (dev_watchdog, 5 s).
"""

from collections.abc import Callable, Sequence
from typing import Final

from actors.abi.network_controller import (
    CAUSE_STATUS,
    ControlFlags,
    ControllerStatus,
    Register,
    rx_tail,
    tx_tail,
)
from actors.drivers.nic_frames import NicFrames
from actors.drivers.nic_setup import NicSetup
from actors.drivers.receive_ring import ReceiveRing
from actors.drivers.transmit_ring import Done, Segment, TransmitRing
from actors.messages import MmioReadReply, MmioWrite
from actors.runtime.memory import Memory

NIC_LOST: Final = 0xFFFF
"""What becomes of a frame that was put in before the controller was reset, or went away."""

WATCH_NS: Final = 5_000_000_000
"""How often `watch` is to be called."""

REFILL_AT: Final = 16
"""Fewer buffers than these wait for others, unless a ring is half empty."""

_CAUSE = int(Register.interrupt_cause)


class NicDriver:
    """Drives one controller through `send`, which takes messages for its link.

    The caller feeds `receive` and `interrupt`, has `at_turn_end` call back, and calls `watch`. It sets
    `on_ready` (a start is over: `ready` says if it worked, `error` why not), `on_frame`, `on_link` and
    `on_room` (a frame for this queue was refused, and now there is room). With a `level` interrupt it
    acknowledges causes.
    """

    def __init__(
        self,
        name: str,
        memory: Memory,
        frames: NicFrames,
        send: Callable[[object], None],
        *,
        at_turn_end: Callable[[Callable[[], None]], None],
        level: bool = False,
        moderation_us: int = 0,
    ) -> None:
        self.name = name
        self.ready = self.link_up = False
        self.on_ready: Callable[[], None] = _nobody_waits
        self.on_frame: Callable[[list[Segment]], None] = self.give_back
        self.on_link: Callable[[bool], None] = _nobody_cares
        self.on_room: Callable[[int], None] = _nobody_cares
        self.restarts = 0
        self._send = send
        self._at_turn_end = at_turn_end
        self._level = level
        self._status = memory.words(frames.status)
        self._queues = [
            _Queue(
                ReceiveRing(memory, rx), TransmitRing(memory, tx), len(frames.buffers) // len(frames.rings)
            )
            for rx, tx in frames.rings
        ]
        rings = [(each.receive, each.transmit) for each in self._queues]
        self._setup = NicSetup(name, rings, frames.status, send, moderation_us=moderation_us)
        self._setup.on_reset = self._empty
        self._free = list(frames.buffers)

    @property
    def mac(self) -> bytes:
        """Its address, once it has been ready."""
        return self._setup.mac

    @property
    def frame_bytes(self) -> int:
        """The longest frame, once it has been ready."""
        return self._setup.frame_bytes

    @property
    def error(self) -> str | None:
        """Why the controller did not start."""
        return self._setup.error

    @property
    def in_flight(self) -> int:
        """Frames to send that have not been answered."""
        return sum(each.transmit.in_flight for each in self._queues)

    def start(self) -> None:
        """Reset the controller, and give it the rings. Frames that were put in before end as NIC_LOST."""
        self.ready = False
        self._setup.start(self._started)

    def receive(self, message: object) -> None:
        """Take a message from the controller's link; AssertionError if a controller does not send such."""
        assert isinstance(message, MmioReadReply), f"{self.name}: a controller sent {type(message).__name__}"
        self._setup.receive(message)

    def listen(
        self, *, promiscuous: bool = False, all_multicast: bool = False, macs: Sequence[bytes] = ()
    ) -> None:
        """What to receive beside frames for its own address and broadcasts, from now on."""
        modes = ControlFlags.promiscuous if promiscuous else ControlFlags(0)
        modes |= ControlFlags.all_multicast if all_multicast else ControlFlags(0)
        self._setup.listen(modes, macs, now=self.ready)

    def transmit(self, segments: Sequence[Segment], done: Done, queue: int = 0) -> bool:
        """Put in a frame of up to MAX_CHAIN segments; False if there is no room: `on_room` says when."""
        this = self._queues[queue]
        if not self.ready or len(segments) > this.transmit.room:
            this.refused = True
            return False
        this.transmit.put(segments, done)
        this.rings_tx = True
        self._at_turn_end(self.flush)
        return True

    def give_back(self, segments: Sequence[Segment]) -> None:
        """The buffers of a frame are free again."""
        self._free += [mfn for mfn, _, _ in segments]
        self._at_turn_end(self.flush)

    def flush(self) -> None:
        """Put free buffers in, and ring the doorbells of what has changed."""
        if not self.ready:
            return
        for number, queue in enumerate(self._queues):
            if queue.refill(self._free):
                self._send(MmioWrite(rx_tail(number), queue.receive.tail))
            if queue.rings_tx:
                queue.rings_tx = False
                self._send(MmioWrite(tx_tail(number), queue.transmit.tail))

    def interrupt(self, queue: int = 0) -> None:
        """Take all that the controller has done in a queue, and tell whom it concerns."""
        if self._level:  # be it ready or not: what nobody acknowledges comes for ever
            self._send(MmioWrite(_CAUSE, 1 << queue | (0 if queue else CAUSE_STATUS)))
        self._poll(queue)

    def watch(self) -> bool:
        """Look for what no interrupt told of, and start again what does not move; whether it did."""
        if self._setup.goes_on:
            return False
        before = self.restarts
        moved = [self._poll(number) for number in range(len(self._queues))]
        stuck = [
            each.is_stuck(moved=took)  # all are asked: each remembers
            for each, took in zip(self._queues, moved, strict=True)
        ]
        if self.restarts == before and (any(stuck) or not self.ready):
            self._restart()
        return self.restarts > before

    def lost(self) -> None:
        """The controller is gone, and with it what was put in; it starts again when it is back."""
        self.ready = False
        self._setup.abandon()
        self._empty()

    def _poll(self, number: int) -> bool:
        """Take what is done in a queue; whether frames to send were."""
        if not self.ready:
            return False
        queue = self._queues[number]
        sent, received = queue.transmit.take(), queue.receive.take()
        if number == 0:
            self._look_at_status()
        for done, status in sent:
            done(status)
        for segments in received:
            self.on_frame(segments)
        if sent and queue.refused and self.ready:
            queue.refused = False
            self.on_room(number)
        return bool(sent)

    def _look_at_status(self) -> None:
        """The controller says by its status word that the link changed, or that it has stopped."""
        status = self._status[0]
        if status & ControllerStatus.error:
            self._restart()
        self._set_link(up=bool(status & ControllerStatus.link_up))

    def _set_link(self, *, up: bool) -> None:
        if up != self.link_up:
            self.link_up = up
            self.on_link(up)

    def _restart(self) -> None:
        self.restarts += 1
        self.start()

    def _empty(self) -> None:
        """Nothing touches memory any more: buffers are free, frames to send are lost."""
        self._status[0] = 0
        lost: list[Done] = []
        for each in self._queues:
            self._free += each.receive.reset()
            lost += each.transmit.reset()
            each.rings_tx = each.was_in_flight = False
        for done in lost:
            done(NIC_LOST)
        self._set_link(up=False)

    def _started(self) -> None:
        self.ready = self.error is None
        if self.ready:
            self.flush()
            self._look_at_status()
        self.on_ready()
        for number, queue in enumerate(self._queues):
            if self.ready and queue.refused:
                queue.refused = False
                self.on_room(number)


class _Queue:
    """Both rings of a queue. `share` of the buffers are its; `refused`: somebody waits for room."""

    __slots__ = ("receive", "refused", "rings_tx", "share", "transmit", "was_in_flight")

    def __init__(self, receive: ReceiveRing, transmit: TransmitRing, share: int) -> None:
        self.receive = receive
        self.transmit = transmit
        self.share = min(share, receive.entries - 1)
        self.rings_tx = self.refused = self.was_in_flight = False

    def refill(self, free: list[int]) -> bool:
        """Put free buffers in, if it is worth a doorbell; whether it was."""
        missing = min(self.share - self.receive.posted, len(free))
        if not missing or (missing < REFILL_AT and self.receive.posted * 2 >= self.share):
            return False
        for _ in range(missing):
            self.receive.put(free.pop())
        return True

    def is_stuck(self, *, moved: bool) -> bool:
        """Whether what was in flight when this was last asked has not moved since."""
        stuck = self.was_in_flight and not moved and self.transmit.in_flight > 0
        self.was_in_flight = self.transmit.in_flight > 0
        return stuck


def _nobody_waits() -> None:
    """What `on_ready` does until somebody sets it."""


def _nobody_cares(_what: int) -> None:
    """What `on_link` and `on_room` do until somebody sets them."""
