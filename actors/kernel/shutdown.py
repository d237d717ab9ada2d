"""What the toolstack asks of a domain in its `control/shutdown`.

Source: xen/docs/misc/xenstore-paths.pandoc (control/shutdown: the domain clears what it has understood).
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
    except XenError as error:
        log(f"{NODE}: {error}")  # in a store that is not rebuilt yet; the watch fires again then
        return ""
    if request not in _UNDERSTOOD:
        return ""
    await xenbus.write(NODE, "")
    return request
