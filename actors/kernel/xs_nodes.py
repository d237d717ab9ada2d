"""What one may do with XenStore's nodes, the same inside and outside of a transaction.

Rules: values and paths are str here and bytes on the wire (UTF-8; other bytes survive as surrogates).
A refusal is a XenError.
Source: docs/misc/xenstore.txt.
"""

from collections.abc import Awaitable, Iterable

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XsType


def encode(text: str) -> bytes:
    """Text as it goes over the wire."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """What came over the wire as text."""
    return data.decode("utf-8", "surrogateescape")


class NodeOperations:
    """The requests about nodes; a subclass says where they go."""

    def request(self, kind: XsType, payload: bytes) -> Awaitable[bytes]:
        """The payload of the answer; XenError if it is refused."""
        raise NotImplementedError

    async def read(self, path: str) -> str:
        """The value of a node. ENOENT, EACCES."""
        return decode(await self.request(XsType.READ, encode(path) + b"\0"))

    async def exists(self, path: str) -> bool:
        """Whether there is such a node. EACCES."""
        try:
            await self.request(XsType.READ, encode(path) + b"\0")
        except XenError as error:
            if error.errno is not Errno.ENOENT:
                raise
            return False
        return True

    async def write(self, path: str, value: str) -> None:
        """Set the value of a node, which is made if need be, as are its parents. EACCES, ENOSPC."""
        await self.request(XsType.WRITE, encode(path) + b"\0" + encode(value))

    async def mkdir(self, path: str) -> None:
        """Have an empty node, and its parents; nothing if it is there. EACCES, ENOSPC."""
        await self.request(XsType.MKDIR, encode(path) + b"\0")

    async def rm(self, path: str) -> None:
        """Remove a node and all below; nothing if it is absent. ENOENT if its parent is. EACCES."""
        await self.request(XsType.RM, encode(path) + b"\0")

    async def directory(self, path: str) -> list[str]:
        """The names of a node's children. ENOENT, EACCES, E2BIG."""
        answer = await self.request(XsType.DIRECTORY, encode(path) + b"\0")
        return [decode(each) for each in answer.split(b"\0")[:-1]]

    async def set_perms(self, path: str, permissions: Iterable[str]) -> None:
        """Replace the permissions of a node. EACCES, EPERM (another owner), EINVAL, ENOENT, ENOSPC."""
        await self.request(XsType.SET_PERMS, b"".join(encode(each) + b"\0" for each in (path, *permissions)))
