"""xen_version: which Xen this is.

Source: xen/common/kernel.c, xen/include/public/{version,features}.h; the feature bits are those that
the recordings show of 4.17 for a PV domain.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Xenver
from actors.abi.types import PAGE_SIZE
from actors.hypervisor.arguments import Arguments, Result, number
from actors.hypervisor.call import Commands, Method
from actors.hypervisor.domains import Domain, check_control

VERSION: Final = 4 << 16 | 17
FEATURES: Final = 0x220F0
FEATURE_DOM0: Final = 1 << 11


class Versions:
    """The commands of xen_version."""

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Xenver.version: version,
            Xenver.extraversion: _text("extraversion", ".7-domzero"),
            Xenver.capabilities: _text("capabilities", "xen-3.0-x86_64"),
            Xenver.changeset: _text("changeset", ""),
            Xenver.get_features: _features,
            Xenver.pagesize: lambda _caller, _arguments: PAGE_SIZE,
            Xenver.guest_handle: lambda caller, _arguments: (0, {"handle": caller.handle}),
            Xenver.commandline: _command_line,
            Xenver.build_id: _build_id,
        }


def version(_caller: Domain, _arguments: Arguments) -> Result:
    """XENVER_version: the shortest hypercall there is."""
    return VERSION


def _text(field: str, text: str) -> Method:
    def answer(_caller: Domain, _arguments: Arguments) -> Result:
        return 0, {field: text}

    return answer


def _features(caller: Domain, arguments: Arguments) -> Result:
    if number(arguments, "submap_idx") != 0:
        raise XenError(Errno.EINVAL, "there is one submap")
    return 0, {"submap": FEATURES | (FEATURE_DOM0 if caller.is_hardware else 0)}


def _command_line(caller: Domain, _arguments: Arguments) -> Result:
    return 0, {"commandline": "" if caller.is_hardware else "<denied>"}


def _build_id(caller: Domain, _arguments: Arguments) -> Result:
    check_control(caller)
    raise XenError(Errno.ENODATA, "built without an id")
