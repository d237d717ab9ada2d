"""What a hypercall is to the table of hypercalls: a method and its name.

Source: xen/include/public/xen.h (numbers without a meaning are -ENOSYS).
"""

from collections.abc import Callable
from dataclasses import dataclass

from actors.abi.errno import Errno, XenError
from actors.hypervisor.arguments import Arguments, Result
from actors.hypervisor.domains import Domain

Method = Callable[[Domain, Arguments], Result]
Commands = dict[int, Method]


@dataclass(slots=True, eq=False)
class Call:
    """One command of one hypercall; `name` is as in `event_channel_op.send`."""

    method: Method
    name: str


def unknown(_caller: Domain, _arguments: Arguments) -> Result:
    """A number that Xen does not define."""
    raise XenError(Errno.ENOSYS)
