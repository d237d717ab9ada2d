"""The disk driver and the disk against a naive model."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.runtime.machine import DeadlinePassed
from tests.drivers.driver_and_disk import DATA, FLUSH, READ, SECTORS, WRITE, Pair, S


class DiskAgainstModel(RuleBasedStateMachine):
    """Reads see the last write that was done, whatever the order of work, doorbells and time."""

    @initialize(level=st.booleans(), cache=st.booleans(), timed=st.booleans())
    def power_on(self, level: bool, cache: bool, timed: bool) -> None:
        speed = {"read_ns": 7, "write_ns": 7, "flush_ns": 3} if timed else {}
        self.pair = Pair(trigger="level" if level else "edge", write_cache=cache, cache_sectors=16, **speed)
        self.pair.start()
        self.model = [0] * SECTORS
        self.frames = list(range(DATA, DATA + 24))
        self.stamp = 0
        self.submitted = self.finished = 0

    def _done(self, frame: int, expected: int | None):
        self.submitted += 1

        def done(status: int) -> None:
            self.finished += 1
            self.frames.append(frame)
            assert status == 0
            if expected is not None:
                assert bytes(self.pair.memory.frame(frame)[:S]) == bytes([expected]) * S

        return done

    @rule(sector=st.integers(0, SECTORS - 1), fua=st.booleans())
    def write(self, sector: int, fua: bool) -> None:
        if self.frames:
            frame = self.frames.pop(0)
            self.stamp = self.stamp % 250 + 1
            self.pair.memory.frame(frame)[:] = bytes([self.stamp]) * 4096
            self.model[sector] = self.stamp
            self.pair.driver.submit(WRITE, 0, sector, [(frame, 0, S)], self._done(frame, None), fua)

    @rule(sector=st.integers(0, SECTORS - 1))
    def read(self, sector: int) -> None:
        if self.frames:
            frame = self.frames.pop(0)
            done = self._done(frame, self.model[sector])
            self.pair.driver.submit(READ, 0, sector, [(frame, 0, S)], done)

    @rule()
    def flush(self) -> None:
        if self.frames:
            frame = self.frames.pop(0)
            self.pair.driver.submit(FLUSH, 0, 0, (), self._done(frame, None))

    @rule()
    def ring(self) -> None:
        self.pair.driver.flush_doorbell()

    @rule()
    def exchange(self) -> None:
        self.pair.exchange()

    @rule()
    def interrupt(self) -> None:
        self.pair.interrupt()

    @rule(step_ns=st.integers(1, 10))
    def pass_time(self, step_ns: int) -> None:
        self.pair.now_ns += step_ns
        self.pair.give(DeadlinePassed())

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "pair"):
            driver = self.pair.driver
            assert self.submitted == self.finished + driver.in_flight + driver.waiting

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            for _ in range(4):
                self.pair.settle()
                self.pass_time(10)
            self.pair.settle()
            assert self.submitted == self.finished


DiskAgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

test_driver_and_disk_agree_with_a_naive_model = DiskAgainstModel.TestCase
