"""What all of the headers share: the size of a page and of a sector, and the domain ids that are no domain's.

Source: xen/include/public/xen.h.
"""

from typing import Final

PAGE_SIZE: Final = 4096
SECTOR_SIZE: Final = 512

DOMID_FIRST_RESERVED: Final = 0x7FF0
DOMID_SELF: Final = 0x7FF0
DOMID_IO: Final = 0x7FF1
DOMID_XEN: Final = 0x7FF2
DOMID_COW: Final = 0x7FF3
DOMID_INVALID: Final = 0x7FF4
DOMID_ANY: Final = 0x7FF5
DOMID_IDLE: Final = 0x7FFF
