"""What a split driver needs of XenStore: `xenbus.Xenbus` is one, tests have another.

Source: docs/misc/xenstore.txt.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.kernel.xenwatch import Watch

T = TypeVar("T")


class StoreNodes(Protocol):
    """Reading and writing nodes, in a transaction or outside of one."""

    async def read(self, path: str) -> str:
        """The value of a node. ENOENT, EACCES."""
        ...

    async def write(self, path: str, value: str) -> None:
        """Set the value of a node. EACCES, ENOSPC."""
        ...

    async def read_all(self, paths: Iterable[str]) -> dict[str, str]:
        """The values of these nodes, asked for all at once; nothing for one that is not there, or EACCES."""
        ...

    async def write_all(self, nodes: Mapping[str, str]) -> None:
        """Set the values of these nodes, all at once: the first refusal, whatever became of the others."""
        ...


class Store(StoreNodes, Protocol):
    """A client of XenStore."""

    async def look(self, paths: Iterable[str], seen: Callable[[int], None]) -> dict[str, str]:
        """As `read_all`; `seen` is told the last event that came before: the values are not older than that.

        It is told with the first answer, and so before any callback of an event that comes with that.
        """
        ...

    @property
    def told_event(self) -> int:
        """The number of the event that a callback is told of."""
        ...

    async def watch(self, path: str, callback: Callable[[str], None]) -> Watch:
        """Call back on changes of a node, and once at once."""
        ...

    async def unwatch(self, watch: Watch) -> None:
        """Stop a watch."""
        ...

    async def transact(self, body: Callable[[StoreNodes], Awaitable[T]]) -> T:
        """Run `body` in a transaction, again for as long as others interfere."""
        ...

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call back when another server has taken over."""
        ...


async def read_or(store: StoreNodes, path: str, default: str) -> str:
    """The value of a node, or `default` if it is not there or may not be read."""
    try:
        return await store.read(path)
    except XenError as error:
        if error.errno not in {Errno.ENOENT, Errno.EACCES}:
            raise
        return default


def number_of(nodes: Mapping[str, str], path: str) -> int:
    """What was read of a node that must hold a decimal number: EINVAL if it does not, ENOENT."""
    text = nodes.get(path)
    if text is None:
        raise XenError(Errno.ENOENT, path)
    if not (text.isascii() and text.isdecimal()) or len(text) > 20:
        raise XenError(Errno.EINVAL, f"{path} is {text[:40]!r}, not a number")
    return int(text)


async def read_state(store: StoreNodes, device: str) -> XenbusState:
    """The state of one end of a split driver; Unknown if there is none or it makes no sense."""
    return state_of(await read_or(store, f"{device}/state", ""))


def state_of(text: str) -> XenbusState:
    """The state that a node says; Unknown if that makes no sense."""
    if len(text) != 1 or text not in "012345678":
        return XenbusState.Unknown
    return XenbusState(int(text))


async def write_device(store: Store, device: str, keys: Mapping[str, str], state: XenbusState) -> None:
    """Write keys of a device and its state in one transaction: all of them, into the same device, or none.

    Its end is not sent along with the writes, since it must be another one if the store refuses one of them.
    """

    async def body(transaction: StoreNodes) -> None:
        told = {**keys, "state": state_text(state)}
        await transaction.write_all({f"{device}/{key}": value for key, value in told.items()})

    await store.transact(body)


async def switch_state(
    store: Store,
    device: str,
    key: str,
    state: XenbusState,
    *,
    value: str | None = None,
    not_over: XenbusState | None = None,
) -> None:
    """Write the state of one end of a split driver; not if its device is gone, which stays so.

    It is there while its `key` is (`backend` or `frontend` name the other end), and has this `value`, and
    while its state is not the one that only another device could have.
    """

    async def body(transaction: StoreNodes) -> None:
        found = await read_or(transaction, f"{device}/{key}", "")
        if not found or value not in {None, found}:
            return
        if not_over is None or await read_state(transaction, device) is not not_over:
            await transaction.write(f"{device}/state", state_text(state))

    await store.transact(body)


def state_text(state: XenbusState) -> str:
    """A state as its node holds it."""
    return str(int(state))
