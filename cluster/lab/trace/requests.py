"""The way of every block request, put together from the tracepoints it met.

A request is known by its id in its frontend's ring, then by the id of the disk command that was made of it.
Ids are used again only after an answer, so at any moment each names one request. Whose command it is follows
from its volume, its opcode and sector, and the order in which the backend took its requests.
Rules: a request that was offered to another ring after a reconnect goes on: it is the same one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from actors.abi.blkif import BlkifOp
from actors.abi.disk_controller import Opcode
from actors.abi.trace import BYTE, OPCODE_SHIFT, OPERATION_SHIFT, SECTORS_SHIFT, STATUS_MASK, TracePoint
from actors.address import Address
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.recording import Point
from cluster.lab.trace.traced_request import TracedRequest

OPCODES = {
    int(BlkifOp.READ): int(Opcode.read),
    int(BlkifOp.WRITE): int(Opcode.write),
    int(BlkifOp.FLUSH_DISKCACHE): int(Opcode.flush),
}
NAMES = {int(BlkifOp.READ): "read", int(BlkifOp.WRITE): "write", int(BlkifOp.FLUSH_DISKCACHE): "flush"}

Key = tuple[str, int, int]
"""A request while it is in flight: guest, virtual device, id in the ring."""
Vbd = tuple[str, int]
"""A virtual disk: guest, virtual device."""


@dataclass(slots=True, eq=False, kw_only=True)
class Request(TracedRequest):
    """A block request."""

    phases = {
        TracePoint.FRONT_PUT: (0, "in the ring"),
        TracePoint.BACK_TAKE: (0, "backend"),
        TracePoint.DISK_SUBMIT: (1, "command"),
        TracePoint.DISK_FETCH: (2, "disk"),
        TracePoint.DISK_FINISH: (2, ""),
        TracePoint.DISK_COMPLETE: (1, ""),
        TracePoint.BACK_ANSWER: (0, "answer in the ring"),
        TracePoint.FRONT_DONE: (0, ""),
    }
    arrows = (
        TracePoint.FRONT_PUT,
        TracePoint.BACK_TAKE,
        TracePoint.DISK_FETCH,
        TracePoint.DISK_COMPLETE,
        TracePoint.FRONT_DONE,
    )

    device: int
    ident: int
    operation: int
    sector: int
    sectors: int

    @property
    def name(self) -> str:
        """What it asks for."""
        return NAMES.get(self.operation, f"operation {self.operation}")

    @property
    def replays(self) -> int:
        """How often it was offered once more."""
        return max(sum(each.number == TracePoint.FRONT_PUT for each in self.hops) - 1, 0)

    @property
    def told(self) -> dict[str, object]:
        """Where it went, and what came of it."""
        return {
            "device": self.device,
            "ring id": self.ident,
            "sector": self.sector,
            "sectors": self.sectors,
            "replays": self.replays,
            "answered": bool(self.done_ns),
            "status": self.status,
        }


class RequestPaths:
    """Takes the points of all actors in the order of time, and passes over those that are no block request's.

    `disks` are each host's disks by number; `users` whose a volume (disk, number) is, in all their lives.
    """

    def __init__(
        self, disks: Mapping[str, Sequence[str]], users: Mapping[tuple[str, int], Sequence[Vbd]]
    ) -> None:
        self.requests: list[Request] = []
        self._disks = disks
        self._numbered: dict[tuple[str, int], str] = {}
        self._guests: dict[tuple[str, int], str] = {}
        self._front: dict[Key, Request] = {}
        self._back: dict[Key, Request] = {}
        self._users = users
        self._waiting: dict[Vbd, list[Request]] = {}
        self._commands: dict[tuple[str, int], Request] = {}

    def take(self, points: Iterable[Point]) -> None:
        """Follow requests through these points."""
        followers: dict[int, Callable[[Point], None]] = {
            TracePoint.FRONT_PUT: self._put,
            TracePoint.BACK_TAKE: self._taken,
            TracePoint.DISK_SUBMIT: self._submit,
            TracePoint.DISK_FETCH: self._on_disk,
            TracePoint.DISK_FINISH: self._on_disk,
            TracePoint.DISK_COMPLETE: self._complete,
            TracePoint.BACK_ANSWER: self._answer,
            TracePoint.FRONT_DONE: self._done,
        }
        for point in points:
            follow = followers.get(point.number)
            if follow is not None:
                follow(point)

    def _put(self, point: Point) -> None:
        ident, operation = point.b & BYTE, point.b >> OPERATION_SHIFT & BYTE
        key = point.address, point.a, ident
        request = self._front.get(key)
        # A guest that was killed does not answer its requests: the id is a new life's, then.
        if request is None or (request.submitted_ns, request.sector) != (point.d, point.c):
            request = Request(
                guest=point.address,
                device=point.a,
                ident=ident,
                operation=operation,
                sector=point.c,
                sectors=point.b >> SECTORS_SHIFT if NAMES.get(operation) != "flush" else 0,
                submitted_ns=point.d,
            )
            self.requests.append(request)
            self._front[key] = request
        request.hops.append(point)

    def _taken(self, point: Point) -> None:
        key = self._guest(point), point.a, point.b & BYTE
        request = self._front.get(key)
        if request is None:
            return
        request.hops.append(point)
        self._back[key] = request
        waiting = self._waiting.setdefault((key[0], key[1]), [])
        # Taken up by another backend: what the last one had taken of it never got to the disk.
        if request in waiting:
            waiting.remove(request)
        waiting.append(request)

    def _submit(self, point: Point) -> None:
        """A backend's requests go to its volume in the order in which it took them, but for refused ones."""
        disk = self._disk(point)
        wanted = point.b >> OPCODE_SHIFT, point.c
        for user in self._users.get((disk, point.a), ()):
            waiting = self._waiting.get(user, [])
            for request in waiting:
                if (OPCODES.get(request.operation), request.sector) == wanted:
                    waiting.remove(request)
                    self._commands[disk, point.b & STATUS_MASK] = request
                    request.hops.append(point)
                    return

    def _on_disk(self, point: Point) -> None:
        request = self._commands.get((point.address, point.b & STATUS_MASK))
        if request is not None:
            request.hops.append(point)

    def _complete(self, point: Point) -> None:
        request = self._commands.pop((self._disk(point), point.b & STATUS_MASK), None)
        if request is not None:
            request.hops.append(point)

    def _answer(self, point: Point) -> None:
        guest = self._guest(point)
        request = self._back.pop((guest, point.a, point.b & BYTE), None)
        if request is not None:
            waiting = self._waiting[guest, point.a]
            if request in waiting:  # it was refused
                waiting.remove(request)
            request.hops.append(point)

    def _done(self, point: Point) -> None:
        request = self._front.pop((point.address, point.a, point.b & BYTE), None)
        if request is not None:
            request.hops.append(point)
            request.done_ns = point.time_ns
            request.status = point.c

    def _guest(self, point: Point) -> str:
        """The guest that a backend's point is about. Of millions of points each guest is worked out once."""
        key = point.address, point.d
        if key not in self._guests:
            self._guests[key] = str(Address.domain(Address.parse(point.address).host, point.d))
        return self._guests[key]

    def _disk(self, point: Point) -> str:
        """The disk that a driver's point is about, worked out once, too."""
        key = point.address, point.d
        if key not in self._numbered:
            host = Address.parse(point.address).host
            names = self._disks.get(host, ())
            name = names[point.d] if point.d < len(names) else f"disk {point.d}"
            self._numbered[key] = str(Address(host, name))
        return self._numbered[key]


def block_requests(supervisor: Supervisor, points: Sequence[Point]) -> list[Request]:
    """Those of a run."""
    cluster, guests = supervisor.lab.cluster, supervisor.lab.guests
    disks = {host.name: [each.name for each in host.hardware] for host in cluster.hosts}
    users = {
        (str(Address(guest.host, volume.disk)), volume.index): [
            (str(Address.domain(guest.host, domid)), volume.virtual_device & 0xFFFF)
            for domid in guests[guest.guest_id].lives.domids
        ]
        for guest in cluster.guests
        for volume in guest.volumes
    }
    paths = RequestPaths(disks, users)
    paths.take(points)
    return paths.requests
