from types import SimpleNamespace

from actors.notebook.journal import MemoryJournal
from actors.notebook.journal_header import RECORDS_AT
from actors.notebook.talk_header import ROWS_AT, TalkKind, TalkRole
from actors.notebook.talk_journal import TalkIdentity, TalkJournal
from actors.notebook.talk_rows import ROW_BYTES
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.journal_budget import JournalBudget


class Console:
    """A host on whose consoles something is typed."""

    def __init__(self) -> None:
        self.typed: list[tuple[str, str]] = []

    def type_on_console(self, name: str, text: str) -> bool:
        self.typed.append((name, text))
        return True


class Host:
    """Two guests with a disk each, and what their journals may take."""

    def __init__(self, limit: int | None) -> None:
        self.console = Console()
        self.seen: list[str] = []
        self.guests = {
            name: GuestRecord(GuestId(at), f"host0/{name}", "host0", [self.journal()])
            for at, name in enumerate(("a", "b"))
        }
        self.budget = JournalBudget(
            limit,
            {"host0": SimpleNamespace(domains=self.console)},
            {each.guest_id: each for each in self.guests.values()},
            lambda what, _: self.seen.append(what),
        )

    def journal(self) -> MemoryJournal:
        journal = MemoryJournal(guest="host0/x", guest_id=1, virtual_device=51712, volume_sectors=2048)
        journal.begin_boot()
        journal.set_wanted(wanted=True)
        return journal

    def write(self, name: str, count: int) -> None:
        (journal,) = self.guests[name].journals
        for _ in range(count):
            journal.record_ack(journal.record_write(0, 8, 1, 1), 2)


BOTH = [("a", "stop"), ("b", "stop")]


def test_guests_work_until_the_budget_is_used_up() -> None:
    host = Host(2 * RECORDS_AT + 64 * 10)
    host.write("a", 9)
    host.budget.tick()
    assert (host.console.typed, host.budget.is_used_up) == ([], False)

    host.write("b", 1)
    host.budget.tick()
    host.budget.tick()

    assert host.budget.used() == host.budget.used("host0") == 2 * RECORDS_AT + 640
    assert host.budget.used("host1") == 0
    assert (host.console.typed, host.budget.is_used_up, host.seen) == (BOTH, True, ["full"])


def test_a_guest_that_boots_again_is_stopped_again() -> None:
    host = Host(0)
    host.budget.tick()
    host.guests["b"].start(7)
    host.budget.tick()

    assert host.console.typed == [*BOTH, ("b", "stop")]


def test_who_does_not_work_or_does_not_run_is_left_alone() -> None:
    host = Host(0)
    host.guests["a"].ended = True
    host.guests["b"].journals[0].set_wanted(wanted=False)
    host.budget.tick()

    assert host.console.typed == []


def test_without_a_limit_nobody_is_stopped() -> None:
    host = Host(None)
    host.write("a", 100)
    host.budget.tick()

    assert (host.console.typed, host.seen) == ([], [])


def test_what_guests_note_of_their_talks_counts_as_well() -> None:
    host = Host(2 * RECORDS_AT + ROWS_AT + 64 * 10)
    talk = TalkJournal.in_memory(TalkIdentity("host0/a", 1, 0, TalkKind.udp, TalkRole.client, 2))
    host.guests["a"].talks = [talk]
    before = host.budget.used()
    for _ in range(9):
        talk.append((0,) * (ROW_BYTES // 8))
    assert host.budget.used() == before + 9 * ROW_BYTES
    assert host.budget.used("host1") == 0
