"""What a driver says to the registers of its device, one thing after the other, and what it hears of them.

Rules: the next step comes when all reads of the last one are answered; an answer to what an earlier dialogue
asked is dropped.
"""

from collections.abc import Callable, Generator

from actors.messages import MmioRead, MmioReadReply, MmioWrite

Dialogue = Generator[tuple[int, ...], list[int], None]
"""Yields what to read besides what it has asked for, is sent what all that gave."""


class RegisterDialogue:
    """The registers of one device; `send` takes messages for its link."""

    def __init__(self, send: Callable[[object], None]) -> None:
        self._send = send
        self._dialogue: Dialogue | None = None
        self._done: Callable[[], None] = _nobody_waits
        self._answers: dict[int, int | None] = {}
        self._sequence = 0

    @property
    def goes_on(self) -> bool:
        """Whether an answer is waited for."""
        return self._dialogue is not None

    def start(self, dialogue: Dialogue, done: Callable[[], None]) -> None:
        """Begin one in place of any other; `done` is called at the end of it."""
        self.abandon()
        self._done = done
        self._dialogue = dialogue
        self.ask(next(dialogue))

    def abandon(self) -> None:
        """The device is gone: it answers nothing any more."""
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
            self.ask(dialogue.send(given))
        except StopIteration:
            self._dialogue = None
            self._done()

    def ask(self, registers: tuple[int, ...]) -> None:
        """Read these, too, in this step."""
        for register in registers:
            self._sequence += 1
            self._answers[self._sequence] = None
            self._send(MmioRead(self._sequence, int(register)))

    def write(self, register: int, value: int) -> None:
        """Write one."""
        self._send(MmioWrite(int(register), value))


def _nobody_waits() -> None:
    """What is called at the end of a dialogue that never began."""
