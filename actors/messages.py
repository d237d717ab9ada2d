"""Every message that crosses a process boundary, typed, with its wire tag.

On the wire a message is the msgpack array `[tag, field, ...]`, fields in the order written here.
Rules: a tag is never used again for something else; payloads of 4 KiB and more travel in shared
frames, never in messages, but for what is on a wire, whose ends share no memory. Field types are
checked when a frame is decoded (`runtime/codec.py`).
Tags 6 to 11 and 26 are in `event_messages.py`, 66 to 69 in `capture_messages.py`.
"""

from dataclasses import dataclass, field

from actors.capture_messages import Captured, CaptureTaken, StartCapture, StopCapture
from actors.event_messages import (
    LinkDomains,
    Notify,
    NotifyTaken,
    OfferEvents,
    OfferTaken,
    SendDirectly,
    WithdrawEvents,
)
from actors.reading_messages import Interrupts, MessagePart, ReadInterrupts, ReadStatistics, Statistics
from actors.runtime.codec import Codec, wire

# Between a domain and the hypervisor (link "xen" in the domain, "domN" in the hypervisor).


@wire(1)
@dataclass(slots=True)
class Hypercall:
    """A domain calls the hypervisor: `number` and `command` as Xen numbers them, arguments by Xen's names.

    `sequence` comes back in the reply. Sequence 0 asks for no reply unless the call is refused
    (Linux ignores what EVTCHNOP_send returns, too). `upcalls_taken` is what an `UpcallTaken` before it would
    say, so that this needs no message of its own.
    """

    sequence: int
    number: int
    command: int
    arguments: dict[str, object]
    upcalls_taken: int = 0


@wire(2)
@dataclass(slots=True)
class HypercallReply:
    """What a hypercall returned: `ret` >= 0 or `-errno`, and the fields that Xen fills in (or None)."""

    sequence: int
    ret: int
    out: dict[str, object] | None


UPCALL_WINDOW = 2
"""How many upcalls of a domain may be under way. With two, a domain need not answer each by itself."""


@wire(3)
@dataclass(slots=True)
class Upcall:
    """Events are pending on these ports. At most UPCALL_WINDOW of these wait to be confirmed as taken."""

    ports: list[int]


@wire(4)
@dataclass(slots=True)
class UpcallTaken:
    """The domain has taken the `count` oldest upcalls that it had not confirmed yet.

    It may wait for a hypercall that says so, unless UPCALL_WINDOW upcalls are unconfirmed.
    """

    count: int = 1


@wire(5)
@dataclass(slots=True)
class GrantRevoke:
    """Clear a grant entry unless somebody has it mapped: what a guest does with cmpxchg on real memory.

    Answered by a `HypercallReply`: 0, or -EBUSY while the grant is in use.
    """

    sequence: int
    ref: int


# Between the hypervisor and the host's supervisor, which owns the processes.


@wire(16)
@dataclass(slots=True)
class StartDomain:
    """Run the vcpus of a domain: a process for it. `extents` is its memory as [gfn, mfn, count] rows."""

    domid: int
    incarnation: int
    handle: bytes
    extents: list[list[int]]


@wire(17)
@dataclass(slots=True)
class StopDomain:
    """The domain must not run any more. `DomainStopped` answers when it does not."""

    domid: int
    incarnation: int


@wire(18)
@dataclass(slots=True)
class DomainStopped:
    """The process of this incarnation of a domain has ended."""

    domid: int
    incarnation: int


@wire(19)
@dataclass(slots=True)
class PauseDomain:
    """Hold the vcpus of a domain (`paused`), or let them go on."""

    domid: int
    paused: bool


@wire(20)
@dataclass(slots=True)
class DomainEvent:
    """Something happened to a domain: `created`, `started`, `shutdown`, `dying`, `destroyed`.

    `reason` is a ShutdownReason for `shutdown`, else 0.
    """

    domid: int
    incarnation: int
    what: str
    reason: int


@wire(21)
@dataclass(slots=True)
class ConsoleOutput:
    """Text that a domain wrote with CONSOLEIO_write."""

    domid: int
    text: str


@wire(22)
@dataclass(slots=True)
class MachineRestart:
    """The hypervisor restarts the machine: every domain dies with it."""

    reason: str


@wire(23)
@dataclass(slots=True)
class MachineHalt:
    """The hypervisor halts the machine for good."""

    reason: str


@wire(24)
@dataclass(slots=True)
class StartSpare:
    """As StartDomain, for the next incarnation of a domain that runs; its link is `spareN`."""

    domid: int
    incarnation: int
    handle: bytes
    extents: list[list[int]]


@wire(25)
@dataclass(slots=True)
class PromoteSpare:
    """The spare is the domain from now on: it gets its address and its links, and all its devices."""

    domid: int
    incarnation: int


# Between devices and whoever programs them.


@wire(32)
@dataclass(slots=True)
class MmioWrite:
    """A register of a device is written: byte offset in its register page, and the value."""

    offset: int
    value: int


@wire(33)
@dataclass(slots=True)
class MmioRead:
    """A register of a device is read; `MmioReadReply` answers."""

    sequence: int
    offset: int


@wire(34)
@dataclass(slots=True)
class MmioReadReply:
    """The value of a register."""

    sequence: int
    value: int


@wire(35)
@dataclass(slots=True)
class Line:
    """A device asserts or releases its interrupt line; the IO-APIC knows the pin by the link."""

    asserted: bool


@wire(39)
@dataclass(slots=True)
class Pulse:
    """A device asserts its interrupt line for a moment: an edge."""


@wire(36)
@dataclass(slots=True)
class InterruptVector:
    """The IO-APIC delivers a vector to the processor, which is the hypervisor."""

    vector: int


@wire(37)
@dataclass(slots=True)
class EndOfInterrupt:
    """The processor ends an interrupt: remote IRR of the entry with this vector is cleared."""

    vector: int


@wire(38)
@dataclass(slots=True)
class MsiWrite:
    """The hypervisor writes a message into a PCI device: MSI entry, address and data, 0 to switch it off.

    The device raises it by an `InterruptVector` (the data) on the link that bears its name.
    """

    entry: int
    address: int
    data: int
    masked: bool


# On the wires between network controllers and their switch.


@wire(40)
@dataclass(slots=True)
class EthernetFrame:
    """A frame from target address to payload, without checksum.

    One a message, so that what breaks a link breaks frames: those of one turn travel together anyhow.
    """

    data: bytes = field(repr=False)


# Between the supervisor and any actor.


@wire(48)
@dataclass(slots=True)
class ConsoleInput:
    """A line typed on the actor's serial console."""

    text: str


@wire(49)
@dataclass(slots=True)
class PowerButton:
    """Orderly power off of a device: write back what is volatile, then end."""


@wire(56)
@dataclass(slots=True)
class Fault:
    """The experimenter breaks something inside of an actor (`active`), or takes fault `number` away again.

    Which kinds and options an actor knows stands in `docs/faults.md`.
    """

    number: int
    kind: str
    active: bool
    options: dict[str, object]


@wire(57)
@dataclass(slots=True)
class PowerFails:
    """The power of a device is gone: it does what physics makes it do, and ends."""


@wire(58)
@dataclass(slots=True)
class StateWritten:
    """A kernel has written the XenbusState of its end (`frontend`, `backend`) of a device into XenStore.

    A frontend is its sender's: it does not know its domid and gives 0. A trace has no
    `device_class`.
    """

    end: str
    frontend_domid: int
    virtual_device: int
    state: int
    device_class: str = field(repr=False)


@wire(62)
@dataclass(slots=True)
class CannotGoOn:
    """What an actor needs from outside of the simulated host has failed it, as `text` says."""

    text: str


CODEC = Codec(
    Hypercall,
    HypercallReply,
    Upcall,
    UpcallTaken,
    GrantRevoke,
    OfferEvents,
    OfferTaken,
    SendDirectly,
    WithdrawEvents,
    Notify,
    NotifyTaken,
    StartDomain,
    StopDomain,
    DomainStopped,
    PauseDomain,
    DomainEvent,
    ConsoleOutput,
    MachineRestart,
    MachineHalt,
    StartSpare,
    PromoteSpare,
    LinkDomains,
    MmioWrite,
    MmioRead,
    MmioReadReply,
    Line,
    Pulse,
    InterruptVector,
    EndOfInterrupt,
    MsiWrite,
    EthernetFrame,
    ConsoleInput,
    PowerButton,
    ReadStatistics,
    Statistics,
    Fault,
    PowerFails,
    StateWritten,
    CannotGoOn,
    ReadInterrupts,
    Interrupts,
    MessagePart,
    StartCapture,
    StopCapture,
    Captured,
    CaptureTaken,
)
