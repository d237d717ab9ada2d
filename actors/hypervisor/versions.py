"""xen_version: which Xen this is.

Rules: open to all, except the command line (others than dom0 read "<denied>") and the build id (-EPERM).
Source: xen/common/kernel.c of 4.17.7 (do_xen_version), xen/include/xsm/dummy.h (xsm_xen_version);
the feature bits are those that the recordings show of 4.17 for a PV domain.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Xenver
from actors.abi.releases import Release
from actors.abi.types import PAGE_SIZE
from actors.hypervisor.arguments import Arguments, Result, number, number_or
from actors.hypervisor.call import Commands, Method
from actors.hypervisor.domains import Domain, check_control

HYPERVISOR_VIRT_START: Final = 0xFFFF800000000000
COMPILE_INFO: Final = {
    "compiler": "python",
    "compile_by": "domzero",
    "compile_domain": "",
    "compile_date": "",
}


class Versions:
    """The commands of xen_version."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._version = release.number[0] << 16 | release.number[1]

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Xenver.version: self.version,
            Xenver.extraversion: _fields(extraversion=self._release.extraversion),
            Xenver.compile_info: _fields(**COMPILE_INFO),
            Xenver.capabilities: _fields(capabilities="xen-3.0-x86_64"),
            Xenver.changeset: _fields(changeset=""),
            Xenver.platform_parameters: _fields(virt_start=HYPERVISOR_VIRT_START),
            Xenver.get_features: self.get_features,
            Xenver.pagesize: _pagesize,
            Xenver.guest_handle: lambda caller, _arguments: (0, {"handle": caller.handle}),
            Xenver.commandline: _command_line,
            Xenver.build_id: _build_id,
        }

    def version(self, _caller: Domain, _arguments: Arguments) -> Result:
        """XENVER_version: the shortest hypercall there is."""
        return self._version

    def get_features(self, caller: Domain, arguments: Arguments) -> Result:
        """XENVER_get_features. EINVAL for another submap than the one there is."""
        if number(arguments, "submap_idx") != 0:
            raise XenError(Errno.EINVAL, "there is one submap")
        release = self._release
        return 0, {"submap": release.features | (release.dom0_feature if caller.is_hardware else 0)}


def _fields(**fields: object) -> Method:
    def answer(_caller: Domain, _arguments: Arguments) -> Result:
        return 0, dict(fields)

    return answer


def _pagesize(_caller: Domain, arguments: Arguments) -> Result:
    if arguments:
        raise XenError(Errno.EINVAL, "pagesize takes no argument")
    return PAGE_SIZE


def _command_line(caller: Domain, _arguments: Arguments) -> Result:
    return 0, {"commandline": "" if caller.is_hardware else "<denied>"}


def _build_id(caller: Domain, arguments: Arguments) -> Result:
    check_control(caller)
    if arguments and number_or(arguments, "len", 0) == 0:
        raise XenError(Errno.EINVAL, "no room for a build id")
    raise XenError(Errno.ENODATA, "built without an id")
