"""How a disk controller is started: the registers that are written and read, one after the other.

Source: `actors/abi/disk_controller.py`.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.disk_controller import ENABLE, ControllerStatus, Register, VolumeFlags
from actors.drivers.completion_queue import CompletionQueue
from actors.drivers.register_dialogue import Dialogue, RegisterDialogue
from actors.drivers.submission_queue import SubmissionQueue
from actors.messages import MmioReadReply

_VOLUME: Final = (Register.volume_sectors_low, Register.volume_sectors_high, Register.volume_flags)


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
        self._registers = RegisterDialogue(send)
        self._at_once = at_once

    def start(self, done: Callable[[], None]) -> None:
        """Begin, be it again; `done` is called at the end of it."""
        self.error = None
        self._registers.start(self._start_controller(), done)

    def abandon(self) -> None:
        """The disk is gone: it answers nothing any more."""
        self._registers.abandon()

    def receive(self, reply: MmioReadReply) -> None:
        """Take an answer of the disk."""
        self._registers.receive(reply)

    def _start_controller(self) -> Dialogue:
        submissions, completions = self._submissions, self._completions
        registers = self._registers
        registers.write(Register.control, 0)
        yield (Register.status,)
        # The controller has forgotten what it had: nothing writes into the queues any more.
        submissions.reset()
        completions.reset()
        registers.write(Register.sq_mfn, submissions.first_mfn)
        registers.write(Register.sq_entries, submissions.entries)
        registers.write(Register.cq_mfn, completions.mfn)
        registers.write(Register.cq_entries, completions.entries)
        registers.write(Register.control, ENABLE)
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
                registers.write(Register.volume_select, index)
                registers.ask(_VOLUME)
            told = iter((yield ()))
            for low, high, flags in zip(told, told, told, strict=True):
                self.volumes.append((low | high << 32, bool(flags & VolumeFlags.read_only)))
