"""What the toolstack asks of a domain in its `control/shutdown`.

Rules: whoever may not read or clear it, since a tool of dom0 took that right away, is asked nothing.
Source: xen/docs/misc/xenstore-paths.pandoc (control/shutdown: the domain clears what it has understood),
Linux drivers/xen/manage.c (read errors are ignored).
"""

from collections.abc import Callable

from actors.abi.errno import XenError
from actors.kernel.xenbus import Xenbus

NODE = "control/shutdown"
_UNDERSTOOD = frozenset({"poweroff", "reboot", "halt"})


async def shutdown_request(xenbus: Xenbus, log: Callable[[str], None]) -> str:
    """`poweroff`, `reboot` or `halt`, which is cleared then; empty if none of these is asked for."""
    try:
        request = await xenbus.read_or(NODE, "")
        if request not in _UNDERSTOOD:
            return ""
        await xenbus.write(NODE, "")
    except XenError as error:
        log(f"{NODE}: {error}")
        return ""
    return request
