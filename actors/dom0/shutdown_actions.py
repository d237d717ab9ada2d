"""What xl does with a domain that has shut down, by the reason: its keys and their defaults.

Source: tools/xl/xl_parse.c (the defaults), tools/xl/xl_vmcontrol.c (handle_domain_death).
Left out: cores, and domains that are kept under another name.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.interface import ShutdownReason

DESTROY: Final = "destroy"
RESTART: Final = "restart"
PRESERVE: Final = "preserve"
SOFT_RESET: Final = "soft-reset"


@dataclass(frozen=True, slots=True)
class ShutdownActions:
    """The actions of one domain: destroy, restart, preserve, and after a soft reset `soft-reset`."""

    on_poweroff: str = DESTROY
    on_reboot: str = RESTART
    on_watchdog: str = DESTROY
    on_crash: str = DESTROY
    on_soft_reset: str = SOFT_RESET

    def after(self, reason: int) -> str:
        """What is done after a shutdown for this reason; one that xl does not know is the domain's end."""
        known = {each.value: each.name for each in ShutdownReason}
        return str(getattr(self, f"on_{known.get(reason)}", DESTROY))
