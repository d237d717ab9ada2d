"""The control ring, by which a guest says how its packets are spread over its queues.

Rules: requests are done one after the other; each has an answer, and nothing that it says is fatal.
Source: Linux drivers/net/xen-netback/hash.c, netback.c (process_ctrl_request); xen/include/public/io/netif.h.
"""

from collections.abc import Callable
from struct import unpack
from typing import Final

from actors.abi.netif import CTRL_REQUEST, CTRL_RESPONSE, CTRL_SLOT_BYTES, CtrlStatus, CtrlType
from actors.abi.types import PAGE_SIZE
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.threads import Future
from actors.vif.netback_counters import NetbackCounters
from actors.vif.netback_hash import (
    ALL_TYPES,
    KEY_BYTES_MAX,
    MAPPING_MAX,
    NONE,
    TOEPLITZ,
    NetbackHash,
)

_OKAY: Final = CtrlStatus.SUCCESS
_INVALID: Final = CtrlStatus.INVALID_PARAMETER
_ENTRY_BYTES: Final = 4
Answer = tuple[CtrlStatus, int]


class NetbackControl:
    """The control ring of domain `domid`, whose interface has `queues`."""

    def __init__(
        self,
        kernel: Kernel,
        domid: int,
        words: memoryview,
        page: memoryview,
        *,
        spread: NetbackHash,
        queues: int,
        counters: NetbackCounters,
        notify: Callable[[], None],
        broken: Callable[[str], None],
    ) -> None:
        """RingBroken if its indices make no sense."""
        self._kernel = kernel
        self._domid = domid
        self._page = page
        self._hash = spread
        self._queues = queues
        self._counters = counters
        self._broken = broken
        self._ring = BackRing(words, CTRL_SLOT_BYTES)
        self._doorbell = Doorbell(kernel, self._ring, notify)
        self._stopped = False
        self._busy: Future[None] | None = None

    def poll(self) -> None:
        """Do what is in the ring, in a thread of its own."""
        if self._busy is None and not self._stopped:
            self._busy = Future()
            self._kernel.threads.spawn("netif control", self._work(self._busy))

    def stop(self) -> None:
        """Do and answer nothing more."""
        self._stopped = True
        self._doorbell.silence()

    async def close(self) -> None:
        """Stop, and wait for what is under way."""
        self.stop()
        if self._busy is not None:
            await self._busy

    async def _work(self, busy: Future[None]) -> None:
        ring, left = self._ring, self._ring.entries
        try:
            while not self._stopped and (ring.available() or ring.rest()):
                if left <= 0:  # a guest that asks for ever has its turn, and no more
                    await self._kernel.threads.sleep(1)
                    left = ring.entries
                left -= 1
                if not self._stopped and ring.available():
                    await self._one(ring.take())
        except RingBroken as error:
            self.stop()
            self._broken(str(error))
        self._busy = None
        busy.set(None)

    async def _one(self, offset: int) -> None:
        ident, kind, first, second, third = CTRL_REQUEST.unpack_from(self._page, offset)
        status, data = await self._do(kind, first, second, third)
        if self._stopped:
            return
        self._counters.control_requests += 1
        self._counters.control_refused += status is not _OKAY
        if not self._doorbell.due:
            self._doorbell.ring_at_turn_end()
        CTRL_RESPONSE.pack_into(self._page, self._ring.put(), ident, kind, int(status), data)

    async def _do(self, kind: int, first: int, second: int, third: int) -> Answer:
        spread = self._hash
        match kind:
            case CtrlType.SET_HASH_ALGORITHM if first in {NONE, TOEPLITZ}:
                spread.algorithm = first
            case CtrlType.GET_HASH_FLAGS if spread.algorithm == NONE:
                return CtrlStatus.NOT_SUPPORTED, 0
            case CtrlType.GET_HASH_FLAGS:
                return _OKAY, ALL_TYPES
            case CtrlType.SET_HASH_FLAGS if spread.algorithm != NONE and not first & ~ALL_TYPES:
                spread.types = first
            case CtrlType.SET_HASH_KEY:
                return await self._set_key(first, second), 0
            case CtrlType.GET_HASH_MAPPING_SIZE:
                return _OKAY, MAPPING_MAX
            case CtrlType.SET_HASH_MAPPING_SIZE if first <= MAPPING_MAX:
                spread.resize_mapping(first)
            case CtrlType.SET_HASH_MAPPING:
                return await self._set_mapping(first, second, third), 0
            case CtrlType.SET_HASH_ALGORITHM | CtrlType.SET_HASH_FLAGS | CtrlType.SET_HASH_MAPPING_SIZE:
                return _INVALID, 0
            case _:
                return CtrlStatus.NOT_SUPPORTED, 0
        return _OKAY, 0

    async def _set_key(self, ref: int, length: int) -> CtrlStatus:
        if length > KEY_BYTES_MAX:
            return _INVALID
        key = await self._read(ref, length) if length else b""
        if key is None:
            return _INVALID
        self._hash.key = key.ljust(KEY_BYTES_MAX, b"\0")
        return _OKAY

    async def _set_mapping(self, ref: int, count: int, first: int) -> CtrlStatus:
        spread = self._hash
        if first + count > spread.mapping_size or count > PAGE_SIZE // _ENTRY_BYTES:
            return _INVALID
        data = await self._read(ref, count * _ENTRY_BYTES) if count else b""
        if data is None:
            return _INVALID
        entries = list(unpack(f"<{count}I", data))
        if any(each >= self._queues for each in entries):
            return _INVALID
        spread.mapping[first : first + count] = entries
        return _OKAY

    async def _read(self, ref: int, length: int) -> bytes | None:
        """The first bytes of a frame that the guest has granted."""
        data: Future[bytes | None] = Future()
        self._kernel.copies.read(self._domid, [(ref, 0, length)], data.set)
        return await data
