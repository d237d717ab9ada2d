"""Bugs that can be switched on by name, to see that a campaign finds them: those of networks, and all others.

Rules: nothing in the product knows of them: a plant replaces methods for the time of one trial, and this
module, with that of networks, is the one that reaches into others. What it remembers it remembers for one
trial only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

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
from actors.kernel.direct_links import DirectLinks
from actors.kernel.handover import Device
from actors.kernel.irq import Irq
from actors.kernel.recovery_box import RecoveryBox
from actors.notebook.journal import Journal
from actors.runtime.memory import SparseMemory
from actors.xenstore.archive import Batch, UncommittedChanges
from actors.xenstore.transactions import Transaction
from actors.xenstore.tree import Node, Tree
from actors.xenstore.watches import Watches
from cluster.lab.experiment.lives import Lives
from cluster.studies.campaign.plant import Bugs, Method, Plant
from cluster.studies.campaign.planted_networks import BUGS as NETWORK_BUGS

SECTOR_BYTES: Final = 512

BUGS: Final = Bugs(NETWORK_BUGS)
"""The bugs there are, by name."""


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


@BUGS.replacing(BlockQueue, "attach")
def skip_replay(attach: Method, self: BlockQueue, *arguments: object) -> object:
    """The frontend answers writes that were in flight instead of issuing them again."""
    for shadow in self._shadows:
        if shadow.operation == WRITE:
            self._finish(shadow, OKAY)
    return attach(self, *arguments)


@BUGS.replacing(BlockQueue, "attach")
def forget_replay(attach: Method, self: BlockQueue, *arguments: object) -> object:
    """The frontend neither answers what was in flight nor issues it again."""
    used = [(each, each.operation) for each in self._shadows if each.operation != UNUSED]
    for shadow, _ in used:
        shadow.operation = UNUSED
    try:
        return attach(self, *arguments)
    finally:
        for shadow, operation in used:
            shadow.operation = operation


@BUGS.sown
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


@BUGS.replacing(DrivenVolume, "submit")
def acknowledge_early(  # noqa: PLR0917 (what a request is made of)
    submit: Method,
    self: DrivenVolume,
    operation: int,
    sector: int,
    segments: object,
    done: Callable[[int], None],
) -> None:
    """The backend answers a write when it has handed it to the disk."""
    if operation == WRITE:
        submit(self, operation, sector, segments, lambda _status: None)
        done(0)
    else:
        submit(self, operation, sector, segments, done)


@BUGS.replacing(DrivenVolume, "submit")
def write_astray(submit: Method, self: DrivenVolume, operation: int, sector: int, *rest: object) -> None:
    """The driver takes one block for its neighbour."""
    submit(self, operation, sector + 8 if operation == WRITE and sector == 8 else sector, *rest)


@BUGS.replacing(DrivenVolume, "submit")
def read_astray(submit: Method, self: DrivenVolume, operation: int, sector: int, *rest: object) -> None:
    """The driver reads the neighbour of a block."""
    submit(self, operation, sector ^ 8 if operation == READ else sector, *rest)


@BUGS.replacing(Volume, "write")
def tear_write(
    write: Method, self: Volume, sector: int, count: int, buffers: list[memoryview], *, through: bool
) -> None:
    """The disk stops in the middle of a block."""
    half = sum(len(each) for each in buffers) // 2
    write(self, sector, count // 2, [buffers[0][:half]], through=through)


@BUGS.replacing(Volume, "flush")
def drop_flush(_flush: Method, _self: Volume) -> None:
    """The disk answers a flush and does nothing."""


@BUGS.replacing(MappedGrants, "release")
async def leak_mapping(release: Method, self: MappedGrants) -> None:
    """The backend forgets one of the frames that it has mapped."""
    if self._kept:
        self._kept.popitem()
    await release(self)


@BUGS.replacing(Irq, "unbind")
def leak_port(_unbind: Method, _self: Irq, _port: int) -> None:
    """A kernel forgets to close its ports."""


@BUGS.replacing(RecoveryBox, "erase")
def stale_handover(_erase: Method, self: RecoveryBox, device: Device) -> None:
    """A backend that closes leaves in the recovery box what it has served."""
    if device in self._slots:
        self._free.append(self._slots.pop(device))


@BUGS.sown
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


@BUGS.replacing(EventChannels, "send")
def lose_event_while_pending(send: Method, self: EventChannels, table: PortTable, port: int) -> None:
    """The hypervisor drops an event for a domain that has not yet taken its last upcalls."""
    channel = table.channels.get(port)
    peer = channel.peer if channel is not None else None
    if peer is None or not peer.table.upcalls_open:
        send(self, table, port)


@BUGS.replacing(DirectLinks, "closed")
def send_into_cut_link(_closed: Method, _self: DirectLinks, _link: str, _reason: str) -> None:
    """A kernel does not notice that a direct link was cut, and what it sends there is lost."""


@BUGS.replacing(EventChannels, "forget")
def keep_ports_of_the_dead(_forget: Method, self: EventChannels, table: PortTable) -> None:
    """The hypervisor forgets to close the ports of a domain that died."""
    table.dying = True
    table.link = None
    if self.hardware_ports is table:
        self.hardware_ports = None


@BUGS.replacing(Grants, "release_mappings")
def keep_mappings_of_the_dead(_release: Method, _self: Grants, _mapper: object) -> None:
    """The hypervisor forgets to take back what a dead domain had mapped."""


@BUGS.replacing(SparseMemory, "scrub")
def skip_scrub(scrub: Method, self: SparseMemory, mfn: int, count: int) -> None:
    """Memory goes from one domain to another as it is."""
    if count == self.nr_frames:
        scrub(self, mfn, count)


@BUGS.replacing(IoApic, "_end")
def forget_eoi(_end: Method, _self: IoApic, _vector: int) -> list[object]:
    """The IO-APIC never hears of the end of an interrupt, so that a level line stays silent."""
    return []


@BUGS.sown
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


@BUGS.replacing(Lives, "die")
def forget_the_dead(_die: Method, _self: Lives, _death: object) -> None:
    """The supervisor does not count a guest that died."""


@BUGS.replacing(Transaction, "_apply")
def half_transaction(apply: Method, self: Transaction) -> object:
    """A transaction applies its first half only."""
    kept = [path for path, node in self._changed.items() if node is not None and not node.children]
    for path in kept[len(kept) // 2 :]:
        node = self._changed[path]
        old = self._tree.get(path)
        if node is not None and old is not None:
            self._changed[path] = Node(old.value, node.permissions, node.children)
    return apply(self)


@BUGS.sown
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


@BUGS.sown
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


@BUGS.replacing(Journal, "_fail")
def error_counts_as_service(_fail: Method, self: Journal, *arguments: object, **named: object) -> object:
    """An error ends a guest's outage as a success does."""
    return Journal.__dict__["_serve"](self, *arguments, **named)


@BUGS.replacing(Journal, "set_due")
def forget_what_was_due(_set_due: Method, _self: Journal, _due_ns: int) -> None:
    """A guest that does not run is not out as long as it has asked for nothing."""
