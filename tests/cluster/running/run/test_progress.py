import io

from rich.console import Console

from cluster.running.run.progress import EVENTS, PHASES, Progress, ProgressConsole


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
