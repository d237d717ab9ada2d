"""What one may do with XenStore's nodes, the same inside and outside of a transaction.

Rules: values and paths are str here and bytes on the wire (UTF-8; other bytes survive as surrogates).
A refusal is a XenError. Of what is asked all at once each is answered in its order, and for itself.
Source: docs/misc/xenstore.txt.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XsType
from actors.kernel.threads import Answers, Future


def encode(text: str) -> bytes:
    """Text as it goes over the wire."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """What came over the wire as text."""
    return data.decode("utf-8", "surrogateescape")


_INHERITED: Final[Mapping[str, Iterable[str]]] = {}


class NodeOperations:
    """The requests about nodes; a subclass says where they go."""

    def request(self, kind: XsType, payload: bytes) -> Future[bytes]:
        """The payload of the answer; XenError if it is refused."""
        raise NotImplementedError

    async def read(self, path: str) -> str:
        """The value of a node. ENOENT, EACCES."""
        return decode(await self.request(XsType.READ, encode(path) + b"\0"))

    async def read_all(self, paths: Iterable[str]) -> dict[str, str]:
        """The values of these nodes, asked for all at once; nothing for one that is not there, or EACCES."""
        return await values_of(self.ask_for(paths))

    def ask_for(self, paths: Iterable[str]) -> dict[str, Future[bytes]]:
        """What `values_of` is to be given."""
        return {path: self.request(XsType.READ, encode(path) + b"\0") for path in paths}

    async def write_all(
        self, nodes: Mapping[str, str], permissions: Mapping[str, Iterable[str]] = _INHERITED
    ) -> None:
        """Set the values of these nodes, and the permissions of some, all at once and each after its value.

        The first refusal, whatever became of the others.
        """
        asked = []
        for path, value in nodes.items():
            asked.append(self.request(XsType.WRITE, encode(path) + b"\0" + encode(value)))
            if path in permissions:
                asked.append(self.request(XsType.SET_PERMS, _parts(path, *permissions[path])))
        await Answers(asked)
        for each in asked:
            each.result()

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
        await self.request(XsType.SET_PERMS, _parts(path, *permissions))


async def values_of(asked: Mapping[str, Future[bytes]]) -> dict[str, str]:
    """The values of nodes that were asked for; nothing for one that is not there, or EACCES."""
    await Answers(list(asked.values()))
    found = {}
    for path, answer in asked.items():
        try:
            found[path] = decode(answer.result())
        except XenError as error:
            if error.errno not in {Errno.ENOENT, Errno.EACCES}:
                raise
    return found


def _parts(*texts: str) -> bytes:
    return b"".join(encode(each) + b"\0" for each in texts)
