"""What a driver answers in its machine's stead: questions about the machine, which are not for it.

Rules: both drivers answer so, and what is sent back goes the way of all that the machine sends.
"""

from collections.abc import Callable, Iterable, Mapping

from actors.runtime.machine import Effect, Machine, Received, Send

Intercept = Callable[[str, object, Machine], Iterable[object]]
"""What is sent back for a message of a link."""
Intercepts = Mapping[type, Intercept]
"""By the type of the message."""


def answer(intercept: Intercept, event: Received, machine: Machine) -> list[Effect]:
    """What is to be done about a message that is intercepted."""
    return [Send(event.link, each) for each in intercept(event.link, event.message, machine)]
