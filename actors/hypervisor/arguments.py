"""Reads the arguments of a hypercall, which a guest has written.

Rules: a missing argument or one of a wrong type is what a bad guest pointer is to Xen: -EFAULT.
Source: xen/include/xen/guest_access.h (copy_from_guest and its one error).
"""

from typing import Final

from actors.abi.errno import Errno, XenError

Arguments = dict[str, object]
Out = dict[str, object]
Result = int | tuple[int, Out] | None
"""`ret`, or `ret` and the fields filled in, or None when the answer comes later."""

ALL_ONES_16: Final = 0xFFFF
ALL_ONES_32: Final = 0xFFFFFFFF


def number(arguments: Arguments, name: str) -> int:
    """An integer that must be there."""
    value = arguments.get(name)
    if type(value) is int:
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise XenError(Errno.EFAULT, f"{name} is not a number")
    return value


def number_or(arguments: Arguments, name: str, default: int) -> int:
    """An integer that may be left out."""
    if name not in arguments:
        return default
    return number(arguments, name)


def mapping(arguments: Arguments, name: str) -> Arguments:
    """A structure within a structure."""
    value = arguments.get(name)
    if type(value) is not dict:
        raise XenError(Errno.EFAULT, f"{name} is not a structure")
    return value


def rows(arguments: Arguments, name: str) -> list[object]:
    """An array of anything."""
    value = arguments.get(name)
    if type(value) is not list:
        raise XenError(Errno.EFAULT, f"{name} is not an array")
    return value
