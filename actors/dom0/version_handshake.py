"""The handshake of dom0 and the hypervisor: which Xen this is, and whether the toolstack can talk to it.

Rules: a kernel runs on any Xen and does without the calls that are not there (-ENOSYS); the toolstack
needs the interface versions of domctl and sysctl to be its own, or every one of its calls is -EACCES.
Source: tools/libs/ctrl/xc_private.c (interface versions), xen/common/domctl.c.
"""

from collections.abc import Callable

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Sysctl
from actors.abi.releases import RELEASES
from actors.kernel.hypercalls import Hypercalls


class VersionHandshake:
    """Finds the release that both sides speak."""

    def __init__(self, xen: Hypercalls, log: Callable[[str], None]) -> None:
        self._xen = xen
        self._log = log

    async def agree(self, built_for: tuple[str, ...]) -> bool:
        """Speak the hypervisor's release if it is among those, else the last of those. False if refused."""
        number = await self._xen.version()
        spoken = [RELEASES[name] for name in built_for]
        self._xen.release = next((each for each in spoken if each.number == number), spoken[-1])
        self._log(f"Xen version: {number[0]}.{number[1]}, toolstack for {', '.join(built_for)}")
        try:
            await self._xen.sysctl(Sysctl.getdomaininfolist, first_domain=0, max_domains=1)
        except XenError as error:
            if error.errno != Errno.EACCES:
                raise
            self._log(
                f"xc: Xen {number[0]}.{number[1]} refuses the toolstack interface of "
                f"{self._xen.release.name} (domctl {self._xen.release.domctl:#x}, sysctl "
                f"{self._xen.release.sysctl:#x}): no domain can be managed; "
                "a toolstack for this Xen is needed"
            )
            return False
        return True
