"""What whoever looks on reads of an actor. Its driver answers, and the machine is not troubled.

As the rest of the messages (`messages.py`).
"""

from dataclasses import dataclass, field

from actors.runtime.codec import wire


@wire(50)
@dataclass(slots=True)
class ReadStatistics:
    """Asks for the statistics of an actor's machine; its driver answers, the machine is not troubled."""

    sequence: int


@wire(51)
@dataclass(slots=True)
class Statistics:
    """The statistics of an actor's machine, as a map."""

    sequence: int
    values: dict[str, object]


@wire(60)
@dataclass(slots=True)
class ReadInterrupts:
    """Asks for an actor's /proc/interrupts; its driver answers, the machine is not troubled."""

    sequence: int


@wire(61)
@dataclass(slots=True)
class Interrupts:
    """The text of an actor's /proc/interrupts; empty for one that has none."""

    sequence: int
    text: str


@wire(63)
@dataclass(slots=True)
class MessagePart:
    """Part `index` of `count` of a longer message of the same sender: bytes of its wire form.

    All parts of one come in their order, with none of another between; another first part begins anew.
    """

    index: int
    count: int
    data: bytes = field(repr=False)
