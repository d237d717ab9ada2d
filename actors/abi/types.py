"""The identifiers of the field as types of their own.

Source: xen/include/public/xen.h.
"""

from typing import Final, NewType

Domid = NewType("Domid", int)
Vcpu = NewType("Vcpu", int)
Port = NewType("Port", int)
Virq = NewType("Virq", int)
Pirq = NewType("Pirq", int)
Gsi = NewType("Gsi", int)
Pin = NewType("Pin", int)
Vector = NewType("Vector", int)
Gref = NewType("Gref", int)
Gfn = NewType("Gfn", int)
Mfn = NewType("Mfn", int)

PAGE_SIZE: Final = 4096
SECTOR_SIZE: Final = 512

DOMID_FIRST_RESERVED: Final = Domid(0x7FF0)
DOMID_SELF: Final = Domid(0x7FF0)
DOMID_IO: Final = Domid(0x7FF1)
DOMID_XEN: Final = Domid(0x7FF2)
DOMID_COW: Final = Domid(0x7FF3)
DOMID_INVALID: Final = Domid(0x7FF4)
DOMID_ANY: Final = Domid(0x7FF5)
DOMID_IDLE: Final = Domid(0x7FFF)
