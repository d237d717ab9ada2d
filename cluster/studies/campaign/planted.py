"""Bugs that can be switched on by name, to see that a campaign finds them.

Rules: nothing in the product knows of them: a plant replaces methods for the time of one trial, and this is
the one module that reaches into others. What it remembers it remembers for one trial only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from actors.block.block_queue import BlockQueue
from actors.block.mapped_grants import MappedGrants
from actors.block.operations import OKAY, READ, WRITE
from actors.block.shadow import UNUSED, Shadow
from actors.block.vbd_queue import VbdQueue
from actors.devices.ioapic import IoApic
from actors.devices.volume import Volume
from actors.drivers.disks import DrivenVolume
from actors.hypervisor.event_channels import EventChannels
from actors.hypervisor.grants import Grants
from actors.hypervisor.ports import PortTable
from actors.kernel.irq import Irq
from actors.notebook.journal import Journal
from actors.runtime.memory import SparseMemory
from actors.xenstore.archive import Batch, UncommittedChanges
from actors.xenstore.transactions import Transaction
from actors.xenstore.tree import Node, Tree
from actors.xenstore.watches import Watches
from cluster.lab.experiment.lives import Lives

SECTOR_BYTES: Final = 512
Method = Callable[..., Any]  # what is replaced has any signature


@dataclass(slots=True)
class Plant:
    """Replaces methods, and puts them back."""

    replaced: list[tuple[type, str, Method]]

    def replace(self, owner: type, name: str, make: Callable[[Method], Method]) -> None:
        """Put what `make` gives for a method in its place."""
        original = owner.__dict__[name]
        self.replaced.append((owner, name, original))
        setattr(owner, name, make(original))

    def undo(self) -> None:
        """Everything is as it was."""
        while self.replaced:
            owner, name, original = self.replaced.pop()
            setattr(owner, name, original)


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have a bug for as long as this lasts; the empty name is none. KeyError if there is none such."""
    plant = Plant([])
    if name:
        BUGS[name](plant)
    try:
        yield
    finally:
        plant.undo()


def skip_replay(plant: Plant) -> None:
    """The frontend answers writes that were in flight instead of issuing them again."""

    def make(attach: Method) -> Method:
        def skipping(self: BlockQueue, *arguments: object) -> int:
            for shadow in self._shadows:
                if shadow.operation == WRITE:
                    self._finish(shadow, OKAY)
            count: int = attach(self, *arguments)
            return count

        return skipping

    plant.replace(BlockQueue, "attach", make)


def forget_replay(plant: Plant) -> None:
    """The frontend neither answers what was in flight nor issues it again."""

    def make(attach: Method) -> Method:
        def forgetting(self: BlockQueue, *arguments: object) -> int:
            used = [(each, each.operation) for each in self._shadows if each.operation != UNUSED]
            for shadow, _ in used:
                shadow.operation = UNUSED
            try:
                count: int = attach(self, *arguments)
                return count
            finally:
                for shadow, operation in used:
                    shadow.operation = operation

        return forgetting

    plant.replace(BlockQueue, "attach", make)


def replay_out_of_order(plant: Plant) -> None:
    """The frontend issues a write of the old ring once more, after a newer one to the same block."""
    late: dict[tuple[int, int], bytes] = {}

    def note(attach: Method) -> Method:
        def noting(self: BlockQueue, *arguments: object) -> int:
            for each in self._shadows:
                if each.operation == WRITE:
                    late[id(self), each.sector] = bytes(each.frames[0].view)
            count: int = attach(self, *arguments)
            return count

        return noting

    def overtake(finish: Method) -> Method:
        def overtaking(self: BlockQueue, shadow: Shadow, status: int) -> None:
            key = id(self), shadow.sector
            written = bytes(shadow.frames[0].view) if shadow.operation == WRITE else b""
            finish(self, shadow, status)
            if written and key in late and late[key] != written:
                old = late.pop(key)
                self.submit(WRITE, key[1], old, len(old) // SECTOR_BYTES, lambda _status, _data: None)

        return overtaking

    plant.replace(BlockQueue, "attach", note)
    plant.replace(BlockQueue, "_finish", overtake)


def acknowledge_early(plant: Plant) -> None:
    """The backend answers a write when it has handed it to the disk."""

    def make(submit: Method) -> Method:
        def hasty(
            self: DrivenVolume, operation: int, sector: int, segments: object, done: Callable[[int], None]
        ) -> None:
            if operation == WRITE:
                submit(self, operation, sector, segments, lambda _status: None)
                done(0)
            else:
                submit(self, operation, sector, segments, done)

        return hasty

    plant.replace(DrivenVolume, "submit", make)


def write_astray(plant: Plant) -> None:
    """The driver takes one block for its neighbour."""
    _astray(plant, WRITE, lambda sector: sector + 8 if sector == 8 else sector)


def read_astray(plant: Plant) -> None:
    """The driver reads the neighbour of a block."""
    _astray(plant, READ, lambda sector: sector ^ 8)


def _astray(plant: Plant, strays: int, place: Callable[[int], int]) -> None:
    def make(submit: Method) -> Method:
        def straying(self: DrivenVolume, operation: int, sector: int, *rest: object) -> None:
            submit(self, operation, place(sector) if operation == strays else sector, *rest)

        return straying

    plant.replace(DrivenVolume, "submit", make)


def tear_write(plant: Plant) -> None:
    """The disk stops in the middle of a block."""

    def make(write: Method) -> Method:
        def tearing(
            self: Volume, sector: int, count: int, buffers: list[memoryview], *, through: bool
        ) -> None:
            half = sum(len(each) for each in buffers) // 2
            write(self, sector, count // 2, [buffers[0][:half]], through=through)

        return tearing

    plant.replace(Volume, "write", make)


def drop_flush(plant: Plant) -> None:
    """The disk answers a flush and does nothing."""
    plant.replace(Volume, "flush", lambda _flush: lambda _self: None)


def leak_mapping(plant: Plant) -> None:
    """The backend forgets one of the frames that it has mapped."""

    def make(release: Method) -> Method:
        async def forgetful(self: MappedGrants) -> None:
            if self._kept:
                self._kept.popitem()
            await release(self)

        return forgetful

    plant.replace(MappedGrants, "release", make)


def leak_port(plant: Plant) -> None:
    """A kernel forgets to close its ports."""
    plant.replace(Irq, "unbind", lambda _unbind: lambda _self, _port: None)


def answer_twice(plant: Plant) -> None:
    """The backend answers every 16th request twice."""
    counts: dict[int, int] = {}

    def make(answer: Method) -> Method:
        def generous(self: VbdQueue, request: object, status: int) -> None:
            answer(self, request, status)
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            if count % 16 == 0:
                answer(self, request, status)

        return generous

    plant.replace(VbdQueue, "_answer", make)


def lose_event_while_pending(plant: Plant) -> None:
    """The hypervisor drops an event for a domain that has not yet taken its last upcalls."""

    def make(send: Method) -> Method:
        def dropping(self: EventChannels, table: PortTable, port: int) -> None:
            channel = table.channels.get(port)
            peer = channel.peer if channel is not None else None
            if peer is None or not peer.table.upcalls_open:
                send(self, table, port)

        return dropping

    plant.replace(EventChannels, "send", make)


def keep_ports_of_the_dead(plant: Plant) -> None:
    """The hypervisor forgets to close the ports of a domain that died."""

    def make(_forget: Method) -> Method:
        def keeping(self: EventChannels, table: PortTable) -> None:
            table.dying = True
            table.link = None
            if self.hardware_ports is table:
                self.hardware_ports = None

        return keeping

    plant.replace(EventChannels, "forget", make)


def keep_mappings_of_the_dead(plant: Plant) -> None:
    """The hypervisor forgets to take back what a dead domain had mapped."""
    plant.replace(Grants, "release_mappings", lambda _release: lambda _self, _mapper: None)


def skip_scrub(plant: Plant) -> None:
    """Memory goes from one domain to another as it is."""

    def make(scrub: Method) -> Method:
        def skipping(self: SparseMemory, mfn: int, count: int) -> None:
            if count == self.nr_frames:
                scrub(self, mfn, count)

        return skipping

    plant.replace(SparseMemory, "scrub", make)


def forget_eoi(plant: Plant) -> None:
    """The IO-APIC never hears of the end of an interrupt, so that a level line stays silent."""
    plant.replace(IoApic, "_end", lambda _end: lambda _self, _vector: [])


def forget_watch(plant: Plant) -> None:
    """XenStore forgets every third watch event."""
    counts: dict[int, int] = {}

    def make(matching: Method) -> Method:
        def forgetful(self: Watches, path: str, *, exact: bool) -> Iterator[object]:
            for watch in matching(self, path, exact=exact):
                counts[id(self)] = count = counts.get(id(self), 0) + 1
                if count % 3:
                    yield watch

        return forgetful

    plant.replace(Watches, "matching", make)


def forget_the_dead(plant: Plant) -> None:
    """The supervisor does not count a guest that died."""
    plant.replace(Lives, "die", lambda _die: lambda _self, _death: None)


def half_transaction(plant: Plant) -> None:
    """A transaction applies its first half only."""

    def make(apply: Method) -> Method:
        def halving(self: Transaction) -> list[Any]:
            kept = [path for path, node in self._changed.items() if node is not None and not node.children]
            for path in kept[len(kept) // 2 :]:
                node = self._changed[path]
                old = self._tree.get(path)
                if node is not None and old is not None:
                    self._changed[path] = Node(old.value, node.permissions, node.children)
            changes: list[Any] = apply(self)
            return changes

        return halving

    plant.replace(Transaction, "_apply", make)


def stale_store_read(plant: Plant) -> None:
    """XenStore gives the value that a node had before its last change, every fourth time."""
    before: dict[tuple[int, str], Node] = {}
    counts: dict[int, int] = {}

    def remember(put: Method) -> Method:
        def remembering(self: Tree, path: str, node: Node) -> None:
            old = self.get(path)
            if old is not None:
                before[id(self), path] = old
            put(self, path, node)

        return remembering

    def read(get: Method) -> Method:
        def stale(self: Tree, path: str) -> Node | None:
            node: Node | None = get(self, path)
            old = before.get((id(self), path))
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            if old is None or node is None or count % 4:
                return node
            return Node(old.value, node.permissions, node.children, node.generation)

        return stale

    plant.replace(Tree, "put", remember)
    plant.replace(Tree, "get", read)


def acknowledge_before_journal(plant: Plant) -> None:
    """Xenstored answers first: its archive is given each batch together with the next one."""
    late: dict[UncommittedChanges, Batch] = {}

    def make(_commit: Method) -> Method:
        def hasty(self: UncommittedChanges) -> None:
            if self.is_dirty:
                if self in late:
                    self._archive.commit(late[self])
                late[self], self._batch, self._dirty = self._batch, Batch(), False

        return hasty

    plant.replace(UncommittedChanges, "commit", make)


def error_counts_as_service(plant: Plant) -> None:
    """An error ends a guest's outage as a success does."""
    plant.replace(Journal, "_fail", lambda _fail: Journal.__dict__["_serve"])


def forget_what_was_due(plant: Plant) -> None:
    """A guest that does not run is not out as long as it has asked for nothing."""
    plant.replace(Journal, "set_due", lambda _set_due: lambda _self, _due_ns: None)


BUGS: Final[dict[str, Callable[[Plant], None]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        skip_replay,
        forget_replay,
        replay_out_of_order,
        acknowledge_early,
        write_astray,
        read_astray,
        tear_write,
        drop_flush,
        leak_mapping,
        leak_port,
        answer_twice,
        lose_event_while_pending,
        keep_ports_of_the_dead,
        keep_mappings_of_the_dead,
        skip_scrub,
        forget_eoi,
        forget_watch,
        forget_the_dead,
        half_transaction,
        stale_store_read,
        acknowledge_before_journal,
        error_counts_as_service,
        forget_what_was_due,
    )
}
