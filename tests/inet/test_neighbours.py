"""How addresses become sure, stale, asked for and forgotten."""

from random import Random

from actors.inet.neighbours import ENTRIES_MAX, QUEUE_BYTES, Certainty, NeighbourTable, Waiting

SECOND = 10**9
MAC = b"\2\0\0\0\0\7"
OTHER = b"\2\0\0\0\0\x08"


class Link:
    def __init__(self) -> None:
        self.asked: list[tuple[int, bytes | None]] = []
        self.table = NeighbourTable(Random(1), lambda address, mac: self.asked.append((address, mac)))

    def entry(self, address: int = 7) -> Certainty | None:
        return {known: entry.certainty for known, entry in self.table}.get(address)


def packet(size: int = 100) -> Waiting:
    return Waiting(bytes(size), 0, blank=False)


def test_an_unknown_address_is_asked_for_three_times() -> None:
    link = Link()
    assert link.table.mac(7, 0) is None
    link.table.wait(7, packet(), 0)
    for second in (1, 2):
        assert link.table.next_deadline_ns() == second * SECOND
        assert link.table.deadline(second * SECOND) == []
    assert link.table.deadline(3 * SECOND) == [(7, [packet()])]
    assert link.asked == [(7, None)] * 3
    assert link.table.next_deadline_ns() is None
    assert link.entry() is None


def test_an_answer_lets_packets_go_in_order() -> None:
    link = Link()
    link.table.wait(7, packet(1), 0)
    link.table.wait(7, packet(2), 0)
    assert link.table.heard(7, MAC, 5, answer=True, create=True) == [packet(1), packet(2)]
    assert link.asked == [(7, None)]
    assert link.table.mac(7, 6) == MAC
    assert link.table.next_deadline_ns() is None


def test_what_was_sure_is_stale_then_asked_for_then_forgotten() -> None:
    link = Link()
    link.table.wait(7, packet(), 0)
    link.table.heard(7, MAC, 0, answer=True, create=True)
    sure_ns = next(iter(link.table))[1].until_ns
    assert 15 * SECOND <= sure_ns <= 45 * SECOND
    assert link.table.mac(7, sure_ns - 1) == MAC
    assert link.entry() is Certainty.REACHABLE
    assert link.table.mac(7, sure_ns) == MAC
    assert link.entry() is Certainty.DELAY
    for after in (5, 6, 7):
        assert link.table.next_deadline_ns() == sure_ns + after * SECOND
        link.table.deadline(sure_ns + after * SECOND)
        assert link.entry() is Certainty.PROBE
        assert link.table.mac(7, sure_ns) == MAC
    assert link.asked[1:] == [(7, MAC)] * 3
    link.table.deadline(sure_ns + 8 * SECOND)
    assert link.entry() is None


def test_an_answer_to_a_probe_makes_it_sure_again() -> None:
    link = Link()
    link.table.heard(7, MAC, 0, answer=False, create=True)
    assert link.entry() is Certainty.STALE
    link.table.mac(7, 0)
    link.table.deadline(5 * SECOND)
    link.table.heard(7, MAC, 5 * SECOND, answer=True, create=False)
    assert link.entry() is Certainty.REACHABLE
    assert link.table.next_deadline_ns() is None


def test_an_announcement_changes_whom_we_know_and_adds_nobody() -> None:
    link = Link()
    link.table.heard(7, MAC, 0, answer=False, create=False)
    assert link.entry() is None
    link.table.heard(7, MAC, 0, answer=True, create=True)
    link.table.heard(7, OTHER, 1, answer=False, create=False)
    assert link.entry() is Certainty.STALE
    assert link.table.mac(7, 2) == OTHER


def test_the_queue_is_bounded_by_bytes_and_the_table_by_entries() -> None:
    link = Link()
    size = QUEUE_BYTES // 4
    assert [link.table.wait(7, packet(size), 0) for _ in range(6)] == [0, 0, 0, 0, 1, 1]
    for address in range(100, 100 + 2 * ENTRIES_MAX):
        link.table.heard(address, MAC, 0, answer=False, create=True)
    assert len(list(link.table)) == ENTRIES_MAX
    assert link.entry(7) is Certainty.INCOMPLETE, "those that are asked for stay"
