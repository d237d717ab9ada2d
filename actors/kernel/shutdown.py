"""What the toolstack asks of a domain in its `control/shutdown`.

Rules: whoever may not read or clear it, since a tool of dom0 took that right away, is asked nothing.
Source: xen/docs/misc/xenstore-paths.pandoc (control/shutdown: the domain clears what it has understood),
Linux drivers/xen/manage.c (read errors are ignored, and what is not understood is left there).
Left out: suspend, since nobody saves or migrates a domain here.
"""

from collections.abc import Callable

from actors.abi.errno import XenError
from actors.abi.interface import ShutdownReason
from actors.kernel.store import StoreNodes, read_or

NODE = "control/shutdown"
_UNDERSTOOD = {
    "poweroff": ShutdownReason.poweroff,
    "halt": ShutdownReason.poweroff,
    "reboot": ShutdownReason.reboot,
}
LAST_WORDS = {ShutdownReason.poweroff: "System halted.", ShutdownReason.reboot: "Restarting system."}


async def shutdown_request(nodes: StoreNodes, log: Callable[[str], None]) -> ShutdownReason | None:
    """What the domain is to shut down for, which is cleared then; None if it is not asked to."""
    try:
        request = await read_or(nodes, NODE, "")
        if request not in _UNDERSTOOD:
            if request:
                log(f"ignoring shutdown request: {request}")
            return None
        await nodes.write(NODE, "")
    except XenError as error:
        log(f"{NODE}: {error}")
        return None
    return _UNDERSTOOD[request]
