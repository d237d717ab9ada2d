"""The way of a request, from the points it met."""

import pytest

from actors.abi.trace import OPCODE_SHIFT, OPERATION_SHIFT, SECTORS_SHIFT, TracePoint
from cluster.lab.trace.outages import Gap, gaps
from cluster.lab.trace.recording import Point
from cluster.lab.trace.requests import Request, RequestPaths

READ, WRITE = 0, 1
DEVICE = 51712


class Path:
    """Writes the points of requests, in the order in which they happen."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def at(self, address: str, point: TracePoint, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> None:
        self.points.append(Point(len(self.points) * 10, address, int(point), a, b, c, d))

    def put(self, ident: int, sector: int, *, guest: int = 1, operation: int = WRITE, at: int = 0) -> None:
        what = ident | operation << OPERATION_SHIFT | 8 << SECTORS_SHIFT
        self.at(f"h/dom{guest}", TracePoint.FRONT_PUT, DEVICE, what, sector, at or len(self.points) * 10)

    def take(self, ident: int, sector: int, *, guest: int = 1) -> None:
        self.at("h/dom0", TracePoint.BACK_TAKE, DEVICE, ident | WRITE << OPERATION_SHIFT, sector, guest)

    def submit(self, command: int, sector: int, *, volume: int = 0, opcode: int = 2) -> None:
        self.at("h/dom0", TracePoint.DISK_SUBMIT, volume, command | opcode << OPCODE_SHIFT, sector)

    def serve(self, command: int) -> None:
        self.at("h/sda", TracePoint.DISK_FETCH, 0, command | 2 << OPCODE_SHIFT, 0)
        self.at("h/sda", TracePoint.DISK_FINISH, 0, command)
        self.at("h/dom0", TracePoint.DISK_COMPLETE, 0, command)

    def answer(self, ident: int, *, guest: int = 1) -> None:
        self.at("h/dom0", TracePoint.BACK_ANSWER, DEVICE, ident | WRITE << OPERATION_SHIFT, 0, guest)

    def done(self, ident: int, *, guest: int = 1) -> None:
        self.at(f"h/dom{guest}", TracePoint.FRONT_DONE, DEVICE, ident | WRITE << OPERATION_SHIFT)

    def whole(self, ident: int, sector: int, command: int) -> None:
        self.put(ident, sector)
        self.take(ident, sector)
        self.submit(command, sector)
        self.serve(command)
        self.answer(ident)
        self.done(ident)

    def requests(self) -> list[Request]:
        users = {("h/sda", volume): [(f"h/dom{volume + 1}", DEVICE)] for volume in range(2)}
        paths = RequestPaths({"h": ["sda"]}, users)
        paths.take(self.points)
        return paths.requests


WHOLE = list(TracePoint)


@pytest.fixture
def path() -> Path:
    return Path()


def way(request: Request) -> list[TracePoint]:
    return [TracePoint(each.number) for each in request.hops]


def test_a_request_goes_to_the_disk_and_back(path: Path) -> None:
    path.whole(3, 800, 77)
    (request,) = path.requests()
    assert way(request) == WHOLE
    assert (request.name, request.sector, request.sectors, request.replays) == ("write", 800, 8, 0)
    assert request.done_ns == path.points[-1].time_ns


def test_points_of_another_class_are_passed_over(path: Path) -> None:
    path.whole(3, 64, 7)
    path.points.insert(2, Point(15, "h/dom0", max(TracePoint) + 1, DEVICE, 3, 64, 1))

    (request,) = path.requests()
    assert way(request) == WHOLE
    assert set(request.phases) == set(WHOLE) >= set(request.arrows)


def test_ids_are_used_again(path: Path) -> None:
    path.whole(3, 800, 77)
    path.whole(3, 800, 77)
    first, second = path.requests()
    assert way(first) == way(second) == WHOLE
    assert first.done_ns < second.submitted_ns


def test_requests_of_two_guests_with_the_same_ids_are_told_apart_by_their_volumes(path: Path) -> None:
    for guest in (1, 2):
        path.put(3, 800, guest=guest)
        path.take(3, 800, guest=guest)
    path.submit(8, 800, volume=1)
    path.submit(7, 800, volume=0)
    for command in (7, 8):
        path.serve(command)
    for guest in (2, 1):
        path.answer(3, guest=guest)
        path.done(3, guest=guest)
    first, second = path.requests()
    assert (first.guest, second.guest) == ("h/dom1", "h/dom2")
    assert [each.b & 0xFFFF for each in first.hops if each.address == "h/sda"] == [7, 7]
    assert [each.b & 0xFFFF for each in second.hops if each.address == "h/sda"] == [8, 8]


def test_a_request_that_is_offered_again_is_the_same_one(path: Path) -> None:
    path.put(3, 800, at=5)
    path.take(3, 800)
    path.put(3, 800, at=5)
    path.take(3, 800)
    path.submit(1, 800)
    path.serve(1)
    path.answer(3)
    path.done(3)
    (request,) = path.requests()
    assert request.replays == 1
    assert way(request)[-6:] == WHOLE[2:]


def test_what_a_dead_backend_had_taken_does_not_name_later_commands(path: Path) -> None:
    path.put(3, 800, at=5)
    path.take(3, 800)
    path.take(3, 800)
    path.submit(1, 800)
    path.serve(1)
    path.answer(3)
    path.done(3)
    path.submit(2, 800)
    path.serve(2)
    (request,) = path.requests()
    assert way(request).count(TracePoint.DISK_FETCH) == 1


def test_a_refused_request_does_not_name_later_commands(path: Path) -> None:
    path.put(3, 800)
    path.take(3, 800)
    path.answer(3)
    path.done(3)
    path.put(4, 800)
    path.take(4, 800)
    path.submit(1, 800)
    first, second = path.requests()
    assert TracePoint.DISK_SUBMIT not in way(first)
    assert TracePoint.DISK_SUBMIT in way(second)


def test_a_request_that_nobody_answers_stays_open(path: Path) -> None:
    path.put(3, 800)
    (request,) = path.requests()
    assert request.done_ns == 0


def test_gaps_count_only_while_something_waits(path: Path) -> None:
    path.whole(3, 800, 77)
    path.whole(4, 808, 78)
    path.put(5, 816)
    requests = path.requests()
    ends = [each.done_ns for each in requests]
    assert gaps(requests, 1000) == [
        Gap(requests[0].submitted_ns, ends[0]),
        Gap(requests[1].submitted_ns, ends[1]),
        Gap(requests[2].submitted_ns, 1000, over=False),
    ]


def test_an_error_ends_no_gap(path: Path) -> None:
    path.whole(3, 800, 77)
    path.whole(4, 808, 78)
    path.whole(5, 816, 79)
    requests = path.requests()
    requests[1].status = 0xFFFF
    assert gaps(requests, 1000) == [
        Gap(requests[0].submitted_ns, requests[0].done_ns),
        Gap(requests[1].submitted_ns, requests[2].done_ns),
    ]
    requests[2].status = 0xFFFF
    assert gaps(requests, 1000)[1:] == [Gap(requests[1].submitted_ns, 1000, over=False)]


def test_a_gap_goes_on_through_the_restart_of_a_guest(path: Path) -> None:
    path.put(3, 800)
    path.put(3, 800, guest=5)
    path.done(3, guest=5)
    path.put(4, 808, guest=5)
    path.done(4, guest=5)
    requests = path.requests()
    assert [(each.begin_ns, each.over) for each in gaps(requests, 1000)] == [(0, True), (30, True)]
