"""The classes of paravirtual devices that there are."""

from typing import Final

from actors.block.vbd import VBD
from actors.vif.vif import VIF

DEVICE_CLASSES: Final = {each.name: each for each in (VBD, VIF)}
