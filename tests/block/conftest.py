"""A world with a disk: both ends of the block driver, and a volume."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from actors.abi.interface import XenbusState
from actors.block.blkback import Blkback
from actors.block.blkfront import Blkfront
from actors.block.operations import FLUSH, WRITE
from actors.kernel.xenbus_backend import Served
from actors.policies import Frontend, Reconnect
from actors.runtime.memory import SparseMemory
from tests.block.backend_rig import Rig
from tests.xen.split_world import Domain, World

FRONT = "/local/domain/1/device/vbd/51712"
BACK = "/local/domain/0/backend/vbd/1/51712"


class BlockWorld(World):
    """Domain 1 has a disk."""

    def attach_nodes(self, device: str = "vbd/51712", **options: Any) -> None:
        super().attach_nodes(device, **options)

    def frontend(self, domain: Domain, policy: str = "reconnect") -> Blkfront:
        return Blkfront(domain.kernel, domain.store, "device/vbd/51712", Frontend(policy))

    def backend(self, domain: Domain, volume: Any, policy: str = "renegotiate", **changes: Any) -> Blkback:
        served = Served(BACK, FRONT, 1, Reconnect(policy), **({"early": True} | changes))
        backend = Blkback(domain.kernel, domain.store, served, volume)
        domain.kernel.threads.spawn("vbd", backend.run())
        return backend


class MemoryVolume:
    """A volume in memory. With `hold`, commands wait until `complete`; the data moves then."""

    def __init__(self, memory: SparseMemory, sectors: int = 4096, *, read_only: bool = False) -> None:
        self._memory = memory
        self.data = bytearray(sectors * 512)
        self.sectors = sectors
        self.read_only = read_only
        self.hold = False
        self.held: list[tuple[Any, ...]] = []
        self.done: list[tuple[int, int]] = []
        self.flushes = 0

    def submit(self, operation: int, sector: int, segments: list[Any], done: Any) -> None:
        if self.hold:
            self.held.append((operation, sector, segments, done))
        else:
            self._do(operation, sector, segments, done)

    def complete(self, index: int = 0) -> None:
        self._do(*self.held.pop(index))

    def reset(self) -> None:
        """The disk is reset: what was asked and not done is forgotten."""
        self.held.clear()

    def _do(self, operation: int, sector: int, segments: list[Any], done: Any) -> None:
        at = sector * 512
        self.done.append((operation, sector))
        self.flushes += operation == FLUSH
        for mfn, first, length in segments:
            frame = self._memory.frame(mfn)
            if operation == WRITE:
                self.data[at : at + length] = frame[first : first + length]
            else:
                frame[first : first + length] = self.data[at : at + length]
            at += length
        done(0)


@dataclass
class Pair:
    """A frontend and a backend that are connected."""

    world: BlockWorld
    guest: Domain
    dom0: Domain
    front: Blkfront
    back: Blkback
    volume: MemoryVolume

    def dom0_again(self, policy: str = "renegotiate", *, nodes: bool = True) -> None:
        """A new dom0 with a new backend; the disk was reset."""
        self.volume.reset()
        self.dom0 = self.world.boot(0)
        if nodes:
            self.world.write(f"{BACK}/state", "1")
        self.back = self.world.backend(self.dom0, self.volume, policy)
        self.world.run()

    def crash(self, policy: str = "renegotiate") -> None:
        self.world.kill(self.dom0)
        self.dom0_again(policy)

    def grant_each_time(self) -> "Pair":
        """Do without persistent grants from now on."""
        self.front._frames.persistent = False
        self.back._queue._line._persistent = False
        return self

    def submit(self, operation: int, sector: int, data: bytes | None, nr_sectors: int) -> list[Any]:
        """Issue a request; the list gets (status, data) of every answer."""
        answers: list[Any] = []
        self.front.submit(
            operation,
            sector,
            data,
            nr_sectors,
            lambda status, read: answers.append((status, bytes(read) if read is not None else None)),
        )
        return answers


@pytest.fixture
def world() -> BlockWorld:
    return BlockWorld()


@pytest.fixture
def make_pair() -> Callable[..., Pair]:
    """Makes pairs, each in a world of its own."""

    def make(policy: str = "renegotiate", front_policy: str = "reconnect", **changes: Any) -> Pair:
        world = BlockWorld()
        volume = MemoryVolume(world.memory, **changes)
        dom0, guest = world.boot(0), world.boot(1)
        world.attach_nodes()
        back = world.backend(dom0, volume, policy)
        front = world.frontend(guest, front_policy)
        world.call(guest, front.connect())
        return Pair(world, guest, dom0, front, back, volume)

    return make


@pytest.fixture
def make_volume(world: BlockWorld) -> Callable[..., MemoryVolume]:
    return lambda **changes: MemoryVolume(world.memory, **changes)


@pytest.fixture
def volume(make_volume: Callable[..., MemoryVolume]) -> MemoryVolume:
    return make_volume()


@pytest.fixture
def rig(world: BlockWorld, volume: MemoryVolume) -> Rig:
    """A backend that is connected."""
    rig = Rig(world, volume)
    rig.bring_to(XenbusState.Connected)
    return rig
