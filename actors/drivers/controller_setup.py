"""How a disk controller is started: the registers that are written and read, one after the other.

Rules: the next step comes when all reads of the last one are answered; an answer to what an earlier start
asked is dropped.
Source: `actors/abi/disk_controller.py`.
"""

from collections.abc import Callable, Generator
from typing import Final

from actors.abi.disk_controller import ENABLE, ControllerStatus, Register, VolumeFlags
from actors.drivers.completion_queue import CompletionQueue
from actors.drivers.submission_queue import SubmissionQueue
from actors.messages import MmioRead, MmioReadReply, MmioWrite

_VOLUME: Final = (Register.volume_sectors_low, Register.volume_sectors_high, Register.volume_flags)
_Dialogue = Generator[tuple[Register, ...], list[int], None]
"""Yields what to read besides what it has asked for, is sent what all that gave."""


class ControllerSetup:
    """Resets a controller, gives it the queues and learns its volumes: (sectors, read only) each.

    `send` takes messages for its link. At the end of it `error` says why the controller did not start. With
    `at_once` it asks for all volumes before it is told of the first: sooner known, and more at a time to do.
    """

    def __init__(
        self,
        name: str,
        submissions: SubmissionQueue,
        completions: CompletionQueue,
        send: Callable[[object], None],
        *,
        at_once: bool = False,
    ) -> None:
        self.volumes: list[tuple[int, bool]] = []
        self.write_cache = False
        self.error: str | None = None
        self._name = name
        self._submissions = submissions
        self._completions = completions
        self._send = send
        self._at_once = at_once
        self._dialogue: _Dialogue | None = None
        self._done: Callable[[], None] = _nobody_waits
        self._answers: dict[int, int | None] = {}
        self._sequence = 0

    def start(self, done: Callable[[], None]) -> None:
        """Begin, be it again; `done` is called at the end of it."""
        self.abandon()
        self.error = None
        self._done = done
        self._dialogue = self._start_controller()
        self._ask(next(self._dialogue))

    def abandon(self) -> None:
        """The disk is gone: it answers nothing any more."""
        self._dialogue = None
        self._answers.clear()

    def receive(self, reply: MmioReadReply) -> None:
        """Take an answer; with the last one that is waited for, go on."""
        dialogue, answers = self._dialogue, self._answers
        if dialogue is None or reply.sequence not in answers:
            return
        answers[reply.sequence] = reply.value
        given = [value for value in answers.values() if value is not None]
        if len(given) < len(answers):
            return
        answers.clear()
        try:
            self._ask(dialogue.send(given))
        except StopIteration:
            self._dialogue = None
            self._done()

    def _ask(self, registers: tuple[Register, ...]) -> None:
        for register in registers:
            self._sequence += 1
            self._answers[self._sequence] = None
            self._send(MmioRead(self._sequence, int(register)))

    def _write(self, register: Register, value: int) -> None:
        self._send(MmioWrite(int(register), value))

    def _start_controller(self) -> _Dialogue:
        submissions, completions = self._submissions, self._completions
        self._write(Register.control, 0)
        yield (Register.status,)
        # The controller has forgotten what it had: nothing writes into the queues any more.
        submissions.reset()
        completions.reset()
        self._write(Register.sq_mfn, submissions.first_mfn)
        self._write(Register.sq_entries, submissions.entries)
        self._write(Register.cq_mfn, completions.mfn)
        self._write(Register.cq_entries, completions.entries)
        self._write(Register.control, ENABLE)
        (word,) = yield (Register.status,)
        status = ControllerStatus(word)
        if ControllerStatus.ready not in status:
            self.error = f"{self._name}: the controller did not start, status {word:#x}"
            return
        self.write_cache = ControllerStatus.write_cache in status
        (nr_volumes,) = yield (Register.volumes,)
        self.volumes = []
        while len(self.volumes) < nr_volumes:
            known = len(self.volumes)
            for index in range(known, nr_volumes if self._at_once else known + 1):
                self._write(Register.volume_select, index)
                self._ask(_VOLUME)
            told = iter((yield ()))
            for low, high, flags in zip(told, told, told, strict=True):
                self.volumes.append((low | high << 32, bool(flags & VolumeFlags.read_only)))


def _nobody_waits() -> None:
    """What is called at the end of a start that never began."""
