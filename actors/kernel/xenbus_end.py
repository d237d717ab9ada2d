"""What both ends of a split driver do alike: look at the store when something has changed, and tell it again.

Rules: one thread decides, from what it finds, however often and late an event comes. A refusal ends one look,
not the device. What was told to a store that is lost is told to the next one.
Source: Linux drivers/xen/xenbus/xenbus_probe.c (xenbus_otherend_changed), xen/include/public/io/xenbus.h.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from actors.abi.errno import XenError
from actors.abi.interface import XenbusState
from actors.kernel.device_statistics import BackendStatistics, FrontendStatistics
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store
from actors.kernel.threads import Signal

Told = TypeVar("Told", FrontendStatistics, BackendStatistics)


class XenbusEnd(Generic[Told]):
    """One end of a device, at `path` in the store. Subclasses say how it looks, and what it tells."""

    driver = "xenbus"
    """What the console calls the driver."""

    def __init__(self, kernel: Kernel, store: Store, path: str) -> None:
        self.kernel = kernel
        self.store = store
        self.path = path
        self.state = XenbusState.Initialising
        self.store_lost = False
        self._changed = Signal()
        self._seen_event = 0
        self._broken = ""

    @property
    def number(self) -> int:
        """The device's number, which is the end of its path; 0 if that is none."""
        name = self.path.rpartition("/")[2]
        return int(name) if name.isdecimal() else 0

    def say(self, text: str) -> None:
        """A message about the device on the console."""
        self.kernel.log(f"{self.driver}: {self.path}: {text}")

    def break_off(self, why: str) -> None:
        """The other end breaks the protocol of the device, as `why` will say: close it."""
        self._broken = why
        self._changed.set()

    def has_seen(self, event: int) -> None:
        """What events up to this one tell of is looked at."""
        self._seen_event = event

    def check(self) -> None:
        """Invariants; subclasses have some."""

    def statistics(self) -> Told:
        """What it tells of itself: the record that its class has for this end."""
        raise NotImplementedError

    async def _look(self) -> None:
        raise NotImplementedError

    def _is_over(self) -> bool:
        raise NotImplementedError

    async def _attend(self) -> None:
        """Look whenever something has changed, until it is over."""
        while not self._is_over():
            await self._changed.wait()
            try:
                await self._look()
            except XenError as error:
                self.say(str(error))

    async def _tell_again(self, publish: Callable[[], Awaitable[None]]) -> None:
        self.store_lost = False  # it may be lost once more meanwhile
        try:
            await publish()
        except XenError:
            self.store_lost = True
            raise

    def _take_breach(self) -> bool:
        """Whether the other end has broken the protocol since this was asked last."""
        why, self._broken = self._broken, ""
        if why:
            self.say(why)
        return bool(why)

    def _wake(self, _path: str) -> None:
        if self.store.told_event > self._seen_event:
            self._changed.set()

    def _store_came_back(self) -> None:
        self.store_lost = True
        self._changed.set()
