"""Pets the hypervisor's watchdog for as long as this kernel runs: one that hangs is found by its silence.

Source: tools/misc/xenwatchdogd.c (the timer is set again three times in its period).
"""

from collections.abc import Callable

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Schedop
from actors.kernel.hypercalls import Hypercalls
from actors.kernel.threads import Threads
from actors.runtime.units import NS_PER_S


async def pet_watchdog(xen: Hypercalls, threads: Threads, timeout_s: int, log: Callable[[str], None]) -> None:
    """Start a watchdog of `timeout_s` and pet it for ever; returns if this Xen has none, which is said."""
    try:
        identifier = await xen.sched_op(Schedop.watchdog, id=0, timeout=timeout_s)
    except XenError as error:
        if error.errno != Errno.ENOSYS:
            raise
        log("watchdog: this Xen has none; a domain that hangs will not be noticed")
        return
    while True:
        await threads.sleep(timeout_s * NS_PER_S // 3)
        await xen.sched_op(Schedop.watchdog, id=identifier, timeout=timeout_s)
