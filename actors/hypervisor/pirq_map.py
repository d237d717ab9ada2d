"""One domain's pirqs: its own names of interrupts, and which interrupts it may use.

Rules: a pirq is free when nothing has ever been made of it: allocated by get_free_pirq, mapped, or
unmapped by force while its port is still open. Interrupts (irqs) are Xen's numbers: a GSI's is the GSI,
those of message signalled interrupts follow.
Source: xen/arch/x86/irq.c (get_free_pirq, get_free_pirqs), xen/include/xen/iocap.h.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError

FIRST_FREE_PIRQ: Final = 16
PIRQ_ALLOCATED: Final = -1


@dataclass(slots=True, eq=False)
class PirqMap:
    """`irqs` by pirq, or `PIRQ_ALLOCATED`; `forced` pirqs have lost theirs before their port closed.

    `permitted` are the irqs that the domain may map and bind. `eoi_mfn` is the page of
    PHYSDEVOP_pirq_eoi_gmfn; with `auto_unmask` (its version 1) an end of interrupt unmasks the port.
    """

    nr_pirqs: int
    nr_gsis: int
    hardware: bool
    irqs: dict[int, int] = field(default_factory=dict)
    forced: dict[int, int] = field(default_factory=dict)
    permitted: set[int] = field(default_factory=set)
    eoi_mfn: int | None = None
    auto_unmask: bool = False

    def irq(self, pirq: int) -> int | None:
        """The interrupt behind a pirq."""
        irq = self.irqs.get(pirq)
        return None if irq == PIRQ_ALLOCATED else irq

    def pirq(self, irq: int) -> int | None:
        """The pirq in front of an interrupt."""
        return next((pirq for pirq, each in self.irqs.items() if each == irq), None)

    def is_free(self, pirq: int) -> bool:
        """Whether a pirq is nothing yet."""
        return pirq not in self.irqs and pirq not in self.forced

    def free_pirq(self, *, for_gsi: bool) -> int:
        """A free pirq: for a GSI from 16 up; for all else, or without one, from the top down. ENOSPC."""
        if for_gsi:
            for pirq in range(FIRST_FREE_PIRQ, min(self.nr_gsis, self.nr_pirqs)):
                if self.is_free(pirq):
                    return pirq
        return self.free_block(1)

    def free_block(self, count: int) -> int:
        """The lowest of `count` free pirqs in a row, looked for from the top down. ENOSPC."""
        found = 0
        for pirq in range(self.nr_pirqs - 1, self.nr_gsis - 1, -1):
            found = found + 1 if self.is_free(pirq) else 0
            if found == count:
                return pirq
        raise XenError(Errno.ENOSPC, f"no {count} free pirqs in a row")
