"""Transcendent memory: pages that domains put into pools of the hypervisor, and may get back.

Rules: pages are copied. What is in an ephemeral pool goes, oldest first, whenever frames are wanted;
what is in a persistent pool stays until it is flushed, and counts to its domain. A get from a private
ephemeral pool takes the page out. A pool that domains share goes with the last of them.
Source: xen/common/tmem.c of RELEASE-4.12.0, its last release, whose interface this is.
Left out: compression, deduplication, weights, and what saving and restoring a domain needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import PAGE_SIZE
from actors.hypervisor.frames import FrameTable
from actors.hypervisor.physmap import Physmap
from actors.runtime.memory import Memory

MAX_POOLS: Final = 16
MAX_SHARED_POOLS: Final = 128

Oid = tuple[int, int, int]
Key = tuple[Oid, int]
Uuid = tuple[int, int]


@dataclass(slots=True, eq=False)
class Pool:
    """Pages by object and index: the frame of each. `members` are the domains of a shared pool."""

    persistent: bool
    shared: bool
    uuid: Uuid
    pages: dict[Key, int] = field(default_factory=dict)
    members: list["Client"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Client:
    """What tmem knows of a domain."""

    physmap: Physmap
    pools: dict[int, Pool] = field(default_factory=dict)
    frozen: bool = False
    shared_uuids: set[Uuid] = field(default_factory=set)


class Tmem:
    """The pools of all domains."""

    def __init__(self, memory: Memory, frames: FrameTable) -> None:
        self._memory = memory
        self._frames = frames
        self._clients: dict[Physmap, Client] = {}
        self._ephemeral: dict[tuple[Pool, Key], None] = {}

    def client(self, physmap: Physmap) -> Client:
        """The domain as a client of tmem, from its first call on."""
        found = self._clients.get(physmap)
        if found is None:
            found = self._clients[physmap] = Client(physmap)
        return found

    def known(self, physmap: Physmap) -> Client | None:
        """The domain as a client, if it is one."""
        return self._clients.get(physmap)

    def new_pool(self, client: Client, *, persistent: bool, shared: bool, uuid: Uuid) -> int:
        """A pool's number. One that may not be shared becomes a private one. EPERM without a free number."""
        number = next((each for each in range(MAX_POOLS) if each not in client.pools), None)
        if number is None:
            raise XenError(Errno.EPERM, f"domain {client.physmap.domid} has {MAX_POOLS} pools")
        shared = shared and uuid in client.shared_uuids
        pool = Pool(persistent, shared, uuid)
        if shared:
            others = [each for each in self._pools() if each.shared]
            pool = next((each for each in others if each.uuid == uuid), pool)
            if client in pool.members or (pool not in others and len(others) >= MAX_SHARED_POOLS):
                raise XenError(Errno.EPERM, "shared already, or too many are")
        pool.members.append(client)
        client.pools[number] = pool
        return number

    def destroy_pool(self, client: Client, number: int) -> int:
        """Leave a pool; with the last domain in it its pages go. 1, or 0 if there is none."""
        pool = client.pools.pop(number, None)
        if pool is None:
            return 0
        if pool.members == [client]:
            self._flush(pool, list(pool.pages))
        pool.members.remove(client)
        return 1

    def put(self, client: Client, pool: Pool, key: Key, mfn: int) -> int:
        """Copy a frame into the pool, in place of what was under the key. 1, or 0 for want of memory.

        EFROZEN for something new in a frozen domain; ENOMEM if a persistent page cannot be kept.
        """
        page = pool.pages.get(key)
        if page is None:
            if client.frozen:
                raise XenError(Errno.EFROZEN, f"domain {client.physmap.domid} is frozen")
            full = (
                pool.persistent and client.physmap.pages + client.physmap.pooled >= client.physmap.max_pages
            )
            if full or not (self._frames.free_frames or self.evict(1)):
                if pool.persistent:
                    raise XenError(Errno.ENOMEM, "no memory for a persistent page")
                return 0
            ((page, _),) = self._frames.allocate(1)
            pool.pages[key] = page
            if pool.persistent:
                client.physmap.pooled += 1
            else:
                self._ephemeral[pool, key] = None
        self._copy(mfn, page)
        return 1

    def get(self, pool: Pool, key: Key, mfn: int) -> int:
        """Copy a page out of the pool: 1, or 0 if it is not there. EEMPTY for a pool without any page."""
        if not pool.pages:
            raise XenError(Errno.EEMPTY, "the pool is empty")
        page = pool.pages.get(key)
        if page is None:
            return 0
        self._copy(page, mfn)
        if pool.shared:
            del self._ephemeral[pool, key]
            self._ephemeral[pool, key] = None
        elif not pool.persistent:
            self._flush(pool, [key])
        return 1

    def flush_page(self, client: Client, pool: Pool, key: Key) -> int:
        """Forget a page. 1, also if there was none; EFROZEN, after the fact, in a frozen domain."""
        self._flush(pool, [key] if key in pool.pages else [])
        return _thawed(client)

    def flush_object(self, client: Client, pool: Pool, oid: Oid) -> int:
        """Forget all pages of an object. 1, also if there were none; EFROZEN, after the fact."""
        self._flush(pool, [key for key in pool.pages if key[0] == oid])
        return _thawed(client)

    def evict(self, count: int) -> int:
        """Forget up to that many ephemeral pages, oldest first, because frames are wanted; how many."""
        oldest = [each for each, _ in zip(self._ephemeral, range(count), strict=False)]
        for pool, key in oldest:
            self._flush(pool, [key])
        return len(oldest)

    def freeable(self) -> int:
        """How many frames could be had by eviction."""
        return len(self._ephemeral)

    def clients(self) -> list[Client]:
        """All of them, in the order of their first calls."""
        return list(self._clients.values())

    def forget(self, physmap: Physmap) -> None:
        """The domain dies: its pools go with it."""
        client = self._clients.pop(physmap, None)
        for number in sorted(client.pools) if client is not None else ():
            assert client is not None, "a client has pools"
            self.destroy_pool(client, number)

    def owned(self) -> Iterator[tuple[int, int]]:
        """The frames of all pools, as extents."""
        return ((mfn, 1) for pool in self._pools() for mfn in pool.pages.values())

    def _pools(self) -> list[Pool]:
        found = {pool: None for client in self._clients.values() for pool in client.pools.values()}
        return list(found)

    def _flush(self, pool: Pool, keys: list[Key]) -> None:
        owner = pool.members[0].physmap
        for key in keys:
            self._frames.release([(pool.pages.pop(key), 1)], owner)
            if pool.persistent:
                owner.pooled -= 1
            else:
                del self._ephemeral[pool, key]

    def _copy(self, source: int, destination: int) -> None:
        self._memory.frame(destination)[:PAGE_SIZE] = bytes(self._memory.frame(source))

    def check(self, known: set[Physmap]) -> None:
        """Only domains that live have pools; ephemeral pages and persistent ones are counted rightly."""
        ephemeral = 0
        pooled: dict[Physmap, int] = {}
        for pool in self._pools():
            assert pool.members, "a pool of nobody"
            assert pool.shared or len(pool.members) == 1, "a private pool of several"
            if pool.persistent:
                owner = pool.members[0].physmap
                pooled[owner] = pooled.get(owner, 0) + len(pool.pages)
            else:
                ephemeral += len(pool.pages)
        assert ephemeral == len(self._ephemeral), (
            f"{ephemeral} ephemeral pages, {len(self._ephemeral)} listed"
        )
        assert self._clients.keys() <= known, "a domain is gone and has pools"
        for physmap in known:
            assert physmap.pooled == pooled.get(physmap, 0), f"domain {physmap.domid}: persistent pages"


def _thawed(client: Client) -> int:
    if client.frozen:
        raise XenError(Errno.EFROZEN, f"domain {client.physmap.domid} is frozen")
    return 1
