"""How an interrupt line of a device comes to a domain: the hypercalls, one by one.

The way is that of the thread's patches: GSI set up and mapped to a pirq, the redirection entry written
through PHYSDEVOP_apic_write. The hardware domain alone may do that; a driver domain binds what it is given.
Source: xen/include/public/physdev.h; patches 5 to 9 of the 2009 series; Linux drivers/xen/events
(xen_bind_pirq_gsi_to_irq).
Rules: the entry is written before the line is bound, since ioapic_guest_write leaves that of a bound line
alone, and a Xen without PHYSDEVOP_setup_gsi takes a PCI line for a level one until the entry says otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.hypercalls import Physdevop
from actors.abi.types import DOMID_SELF
from actors.kernel.hypercalls import Hypercalls
from actors.kernel.kernel import Kernel

IO_APIC_BASE = 0xFEC00000
MAP_PIRQ_TYPE_GSI = 1
RTE_LEVEL = 1 << 15
RTE_ACTIVE_LOW = 1 << 13


@dataclass(frozen=True, slots=True)
class InterruptLine:
    """The line of a device: `name` is the device's, and that of the link to it; `trigger`: edge or level.

    A device with several queues has as many `lines`, in a row from `gsi` on. `told`: what its driver is told
    of it besides, as msgpack data.
    """

    name: str
    gsi: int
    trigger: str
    lines: int = 1
    told: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def gsis(self) -> range:
        """All of its lines."""
        return range(self.gsi, self.gsi + self.lines)

    @property
    def is_level(self) -> bool:
        """Whether it stays asserted until the device has been served."""
        return self.trigger == "level"


def packed_line(line: InterruptLine) -> dict[str, object]:
    """What `lines_of` is to find: what is not as it mostly is."""
    row: dict[str, object] = {"name": line.name, "gsi": line.gsi, "trigger": line.trigger}
    if line.lines > 1:
        row["lines"] = line.lines
    return row | ({"told": dict(line.told)} if line.told else {})


def lines_of(data: object) -> tuple[InterruptLine, ...]:
    """The lines that a domain is told of."""
    return tuple(InterruptLine(**each) for each in cast("list[dict[str, object]]", data))  # type: ignore[arg-type]


async def bind_line(
    kernel: Kernel,
    line: InterruptLine,
    interrupt: Callable[[], None],
    *,
    programs_ioapic: bool,
    queue: int = 0,
) -> None:
    """Have the line of a queue call `interrupt`, with an EOI after it when it is level.

    `programs_ioapic`: nobody has brought the line to this domain, which may do it itself.
    """
    xen, gsi, level = kernel.xen, line.gsis[queue], line.is_level
    pirq = gsi
    if programs_ioapic:
        await set_up_gsi(xen, gsi, kernel.log, level=level)
        pirq = await map_gsi(xen, DOMID_SELF, gsi)
        await write_entry(xen, gsi, await choose_vector(xen, gsi), level=level)

    def handler() -> None:
        interrupt()
        if level:
            xen.post(Number.physdev_op, Physdevop.eoi, {"irq": pirq})

    kind = "xen-pirq -ioapic-level" if level else "xen-pirq -ioapic-edge"
    name = line.name if line.lines == 1 else f"{line.name}-TxRx-{queue}"
    await kernel.irq.bind_pirq(pirq, kind, name, handler)


async def set_up_gsi(xen: Hypercalls, gsi: int, log: Callable[[str], None], *, level: bool) -> None:
    """Say how a line is triggered; without effect while it is bound. Some Xen has that of the entry alone."""
    try:
        await xen.physdev_op(Physdevop.setup_gsi, gsi=gsi, triggering=int(level), polarity=int(level))
    except XenError as error:
        if error.errno != Errno.ENOSYS:
            raise
        log(f"GSI {gsi}: this Xen has no PHYSDEVOP_setup_gsi; the IO-APIC entry will do")


async def map_gsi(xen: Hypercalls, domid: int, gsi: int) -> int:
    """Give a domain a line as its pirq of the same number; the pirq. ESRCH, EPERM, EEXIST, EBUSY."""
    out = await xen.physdev_op(Physdevop.map_pirq, domid=domid, type=MAP_PIRQ_TYPE_GSI, index=gsi, pirq=gsi)
    pirq = out["pirq"]
    assert isinstance(pirq, int), "map_pirq fills in a pirq"
    return pirq


async def choose_vector(xen: Hypercalls, gsi: int) -> int:
    """The vector that the line's redirection entry is to have."""
    vector = (await xen.physdev_op(Physdevop.alloc_irq_vector, irq=gsi))["vector"]
    assert isinstance(vector, int), "alloc_irq_vector fills in a vector"
    return vector


async def write_entry(xen: Hypercalls, gsi: int, vector: int, *, level: bool) -> None:
    """Write the redirection entry; without effect while the line is bound."""
    entry = vector | (RTE_LEVEL | RTE_ACTIVE_LOW if level else 0)
    for reg, value in ((0x11 + 2 * gsi, 0), (0x10 + 2 * gsi, entry)):
        await xen.physdev_op(Physdevop.apic_write, apic_physbase=IO_APIC_BASE, reg=reg, value=value)
