import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_journal import TalkIdentity, TalkJournal
from cluster.running.run.progress import EVENTS, PHASES, Progress, ProgressConsole, answered_text


class Closed(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError("the terminal is gone")


def plain() -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    return Progress(Console(file=out, color_system=None, width=100)), out


def test_every_phase_and_event_is_a_plain_line_where_there_is_no_terminal() -> None:
    progress, out = plain()
    for phase in PHASES:
        progress.observe(phase, "")
    for event in EVENTS:
        progress.observe(event, "host0/dom0")
    progress.watch(lambda: "never shown")
    progress.stop()

    lines = out.getvalue().splitlines()
    assert [line.split("  ")[-1].split(":")[0] for line in lines] == [*PHASES, *EVENTS]
    assert "\x1b" not in out.getvalue()


def test_what_is_no_phase_and_no_event_is_not_shown() -> None:
    progress, out = plain()

    progress.observe("done", "")

    assert out.getvalue() == ""


def test_a_long_line_is_not_broken_where_there_is_no_terminal() -> None:
    progress, out = plain()

    progress.observe("died", "host0/sda: " + "x" * 200)

    assert out.getvalue().count("\n") == 1


def test_on_a_terminal_the_last_line_is_alive_and_goes_away_in_the_end() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, force_terminal=True, width=80))
    progress.observe("boot", "")
    progress.watch(lambda: "17 requests answered")
    progress.observe("fault", "crash of host0/dom0")
    progress.stop()

    assert "17 requests answered" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")  # the live line is erased


def test_on_a_narrow_terminal_the_figure_of_the_live_line_is_whole() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, force_terminal=True, width=56))
    progress.observe("reconnecting", "")
    progress.watch(lambda: "123,301,100 requests answered; waiting for host0/web-0, host0/web-1")
    progress.stop()

    assert "123,301,100 requests answered" in out.getvalue()


def test_a_terminal_that_goes_away_ends_no_run() -> None:
    progress = Progress(ProgressConsole(Closed()))

    progress.observe("boot", "")
    progress.say("still here")
    progress.stop()


def test_silent_progress_says_nothing() -> None:
    progress = Progress.silent()
    progress.observe("boot", "")
    progress.stop()


def talk(kind: TalkKind, role: TalkRole = TalkRole.client, **words: int) -> TalkJournal:
    """The journal of a talk that has come so far."""
    journal = TalkJournal.in_memory(TalkIdentity("host0/web-0", 1, 0, kind, role))
    for name, number in words.items():
        journal.count(TalkWord[name], number)
    return journal


@pytest.mark.parametrize(
    ("disks", "talks", "shown"),
    [
        ([1234, 66], [], "1,300 requests answered"),
        ([], [], "0 requests answered"),
        (
            [7],
            [
                talk(TalkKind.stream, BYTES_RECEIPTED=1 << 20, BYTES_SENT=9 << 20),
                talk(TalkKind.http, BYTES_RECEIVED=1 << 19, ANSWERED=4),
                talk(TalkKind.ping, ANSWERED=3, SENT=5),
                talk(TalkKind.udp, ANSWERED=1000),
            ],
            "7 requests, 1.5 MiB, 1,003 datagrams answered",
        ),
        ([], [talk(TalkKind.stream)], "0.0 MiB answered"),
        ([], [talk(TalkKind.ping), talk(TalkKind.udp, TalkRole.server)], "0 datagrams answered"),
        ([7], [talk(TalkKind.stream, TalkRole.server, BYTES_RECEIVED=1 << 30)], "7 requests answered"),
    ],
)
def test_the_live_line_counts_what_disks_and_talks_were_answered(disks, talks, shown) -> None:
    guests = {at: SimpleNamespace(completed=done, journals=[None], talks=[]) for at, done in enumerate(disks)}
    guests[-1] = SimpleNamespace(completed=0, journals=[], talks=talks)
    supervisor = SimpleNamespace(lab=SimpleNamespace(guests=guests), injections=[])

    assert answered_text(supervisor) == shown


def test_the_live_line_names_who_is_waited_for() -> None:
    guests = {
        at: SimpleNamespace(name=f"web-{at}", completed=1, journals=[None], talks=[]) for at in range(6)
    }
    fault = SimpleNamespace(is_open=True, waiting_guests=list(guests))
    over = SimpleNamespace(is_open=False, waiting_guests=[3])
    supervisor = SimpleNamespace(lab=SimpleNamespace(guests=guests), injections=[fault, over])

    assert answered_text(supervisor) == "6 requests answered; waiting for web-0, web-1, web-2, web-3 ..."
