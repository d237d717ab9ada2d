"""The view of a running cluster: rates, the screen at any size, text for pipes, and how it ends."""

import io
import os
import pty
import termios
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from cluster.running.control.client import CONTROL_CODEC, ControlReply, NotRunning
from cluster.running.control.watched import map_of_watched, watched_of
from cluster.running.top.batch import COLUMNS, batch_text
from cluster.running.top.sample import TopSample
from cluster.running.top.screen import Samples, run_batch, run_view, split_keys
from cluster.running.top.view import COLUMNS as VIEW
from cluster.running.top.view import screen

NS = 1_000_000_000
DISKS = {
    "devices": 1, "in_flight": 2, "reads": 100, "writes": 50, "read_sectors": 800, "written_sectors": 400,
}  # fmt: skip
NETWORKS = {"devices": 2, "sent_bytes": 10_240, "received_bytes": 2_049}
GUEST = {
    "host": "host0", "name": "web-0", "runs": True, "devices": {"vbd": DISKS, "vif": NETWORKS},
    "outage_s": 0.004, "longest_s": 0.1,
}  # fmt: skip
FAULT = {
    "id": "1", "what": "crash of host0/dom0", "external": False, "ago_s": 3.2, "detected_ms": 4.4,
    "turn": "restarted", "turned_ms": None, "recovered_ms": None, "given_up": False, "waiting_for": 4,
    "destroyed": False,
}  # fmt: skip
MACHINE = {
    "power": "on",
    "memory_kib": 1 << 20,
    "boots": 1,
    "dom0_boots": 2,
    "architecture": "restartable-dom0",
    "hwdom": "restart",
    "spare": "none",
}


def answer(at_s: float = 0, **changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "name": "small",
        "phase": "workload",
        "now_ns": int(at_s * NS),
        "up_s": at_s,
        "machines": {"host0": MACHINE},
        "hosts": [
            {
                "name": "host0",
                "rows": [
                    ["Domain-0", 0, 512, 1, "r-----", 1.0],
                    ["web-0", 1, 64, 1, "--p---", 0.5],
                ],
            }
        ],
        "guests": [GUEST],
        "nr_faults": 0,
        "faults": [],
    }
    return values | changes


def drawn(sample: TopSample, width: int = 160, height: int = 24, first: int = 0) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(screen(sample, width, height, first))
    return capture.get().splitlines()


def test_rates_are_what_changed_by_the_time_that_passed() -> None:
    before = TopSample(watched_of(answer()))
    disks = {**DISKS, "reads": 300, "read_sectors": 2400}
    networks = {**NETWORKS, "sent_bytes": 10_240 + 4 * 1024}
    guest = {**GUEST, "devices": {"vbd": disks, "vif": networks}}
    rows = [["Domain-0", 0, 512, 1, "r-----", 1.5], ["web-0", 1, 64, 1, "r-----", 0.5]]
    after = answer(2, guests=[guest], hosts=[{"name": "host0", "rows": rows}])
    dom0, web = TopSample(watched_of(after), before).rows()
    assert (dom0.cpu_percent, web.cpu_percent) == (25.0, 0.0)
    disks = web.of_class("vbd")
    assert (disks.rate("reads"), disks.rate("writes"), disks.rate("read_sectors")) == (100.0, 0.0, 800.0)
    networks = web.of_class("vif")
    assert (networks.rate("sent_bytes"), networks.rate("received_bytes")) == (2048.0, 0.0)
    shown = {each.title: each.text(web) for each in VIEW}
    assert (shown["NETS"], shown["TX(k)/s"], shown["RX(k)/s"]) == ("2", "2", "0")


def test_the_first_sample_has_no_rates_and_another_life_none_yet() -> None:
    first = TopSample(watched_of(answer()))
    assert all(row.cpu_percent == 0 == row.of_class("vbd").rate("reads") for row in first.rows())
    rows = [["web-0", 7, 64, 1, "r-----", 99.0]]
    (web,) = TopSample(watched_of(answer(1, hosts=[{"name": "host0", "rows": rows}])), first).rows()
    assert web.cpu_percent == 0


def test_a_guest_that_does_not_run_is_shown_behind_those_that_do() -> None:
    other = {**GUEST, "name": "web-1", "runs": False}
    rows = TopSample(watched_of(answer(guests=[other, GUEST]))).rows()
    assert [(row.name, row.domid, row.state) for row in rows] == [
        ("Domain-0", 0, "-----r"), ("web-0", 1, "----p-"), ("web-1", None, "------"),
    ]  # fmt: skip


def test_batch_has_the_columns_of_xentop() -> None:
    head, dom0, web = batch_text(TopSample(watched_of(answer()))).splitlines()
    assert head.split() == [each.title for each in COLUMNS]
    numbers = "0 0.0 65536 6.2 65536 6.2 1 2 10 2 1 n/a 100 50 800 400 0 0.004"
    assert web.split() == ["web-0", "----p-", *numbers.split()]
    assert dom0.split()[-1] == "n/a"


def test_the_screen_shows_faults_with_what_became_of_them() -> None:
    over = {**FAULT, "id": "2.3", "recovered_ms": 148.0, "external": True}
    text = "\n".join(drawn(TopSample(watched_of(answer(faults=[FAULT, over])))))
    assert "fault 1: crash of host0/dom0, 3 s ago; detected after 4 ms; 4 guests wait" in text
    assert "from outside" in text
    assert "restarted" not in text
    assert "recovered after 148 ms" in text


def test_the_screen_says_what_a_fault_was_followed_by() -> None:
    turned = {**FAULT, "turn": "power back", "turned_ms": 1000.0}
    gone = {**FAULT, "id": "2.3", "given_up": True, "waiting_for": 0, "destroyed": True}
    unnoticed = {**FAULT, "id": "x1", "detected_ms": None, "turn": "", "given_up": True, "waiting_for": 0}
    hopeless = {**FAULT, "id": "4", "detected_ms": None, "given_up": True}
    text = "\n".join(drawn(TopSample(watched_of(answer(faults=[turned, gone, unnoticed, hopeless])))))

    assert "detected after 4 ms; power back after 1000 ms; 4 guests wait" in text
    assert "fault 2.3: crash of host0/dom0, 3 s ago; detected after 4 ms; destroyed" in text
    assert "fault x1: crash of host0/dom0, 3 s ago; no guests wait" in text
    assert "fault 4: crash of host0/dom0, 3 s ago; given up" in text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 132, 200])
@pytest.mark.parametrize("height", [5, 10, 24])
def test_the_screen_fits_any_terminal(width: int, height: int) -> None:
    guests = [{**GUEST, "name": f"web-{index}"} for index in range(50)]
    lines = drawn(TopSample(watched_of(answer(guests=guests, faults=[FAULT] * 9))), width, height)
    assert all(len(line) <= width for line in lines)
    if width >= 60:
        (head,) = [line for line in lines if line.startswith("NAME")]
        assert "…" not in head
        assert head.split()[0] == "NAME"
        assert "OUTAGE" in head
    if height == 24:
        assert len(lines) <= height


@pytest.mark.parametrize("width", [25, 30, 40, 50, 60, 70, 80, 90])
def test_a_narrow_terminal_shortens_names_and_cuts_no_number(width: int) -> None:
    name = "a-long-name-of-a-guest-indeed"
    told = {**FAULT, "what": f"crash of host0/{name}", "recovered_ms": 123456.0, "ago_s": 7777.0}
    rows = [["Domain-0", 0, 512, 1, "r-----", 1.0], [name, 1, 64, 1, "r-----", 301100.5]]
    values = answer(
        guests=[{**GUEST, "name": name, "outage_s": 98765.4}],
        faults=[told],
        hosts=[{"name": "host0", "rows": rows}],
    )
    lines = drawn(TopSample(watched_of(values)), width)

    assert all(len(line) <= width for line in lines)
    words = {word.strip(";,.") for line in lines for word in line.split()}
    assert {"98765.4", "123456", "7777", "1048576k"} <= words
    (head,) = [line.split() for line in lines if line.startswith("NAME")]
    row = next(line for line in lines if line.startswith("a-long"))
    assert "…" not in row.partition(" ")[2]
    assert ("CPU(sec)" in head) == ("301100.5" in row)


def test_the_domains_can_be_scrolled_through() -> None:
    guests = [{**GUEST, "name": f"web-{index}"} for index in range(50)]
    sample = TopSample(watched_of(answer(guests=guests)))
    assert "web-45" not in "\n".join(drawn(sample))
    assert "web-45" in "\n".join(drawn(sample, first=40))
    assert "web-49" in "\n".join(drawn(sample, first=400))


@pytest.mark.parametrize(
    ("data", "keys"),
    [(b"q", [b"q"]), (b"\x1b[Ajq", [b"\x1b[A", b"j", b"q"]), (b"\x1b", [b"\x1b"]), (b"", [])],
)
def test_keys_are_told_apart(data: bytes, keys: list[bytes]) -> None:
    assert split_keys(data) == keys


class Cluster:
    """Answers some times, then it has ended."""

    def __init__(self, answers: int) -> None:
        self.left = answers

    def ask(self) -> ControlReply:
        if not self.left:
            raise NotRunning("no cluster runs")
        self.left -= 1
        return ControlReply("", answer(100 - self.left))


def test_a_pipe_gets_as_many_iterations_as_wanted() -> None:
    out, pauses = io.StringIO(), []
    run_batch(Cluster(9).ask, out, 0.5, 3, pauses.append)
    assert out.getvalue().count("NAME") == 3
    assert pauses == [0.5, 0.5]


def test_a_pipe_ends_with_the_cluster() -> None:
    out = io.StringIO()
    run_batch(Cluster(2).ask, out, 0.5, 0, lambda _: None)
    assert out.getvalue().count("NAME") == 2


@pytest.mark.parametrize(
    "devices",
    [lambda disks: {"vbd": disks, "vif": NETWORKS}, lambda _: {}, lambda _: {"vbd": DISKS, "other": {}}],
)
def test_an_answer_that_lacks_something_is_an_error_and_no_0(devices: Callable[..., object]) -> None:
    disks = {key: value for key, value in DISKS.items() if key != "reads"}
    guest = {**GUEST, "devices": devices(disks)}

    with pytest.raises(NotRunning, match="of another version"):
        Samples(lambda: ControlReply("", answer(guests=[guest]))).take()


def test_what_is_watched_comes_back_as_it_was_sent() -> None:
    seen = watched_of(answer(faults=[FAULT]))
    (message,) = CONTROL_CODEC.decode_frame(CONTROL_CODEC.encode(ControlReply("", map_of_watched(seen))))

    assert watched_of(message.values) == seen


def test_a_cluster_that_never_ran_is_an_error() -> None:
    with pytest.raises(NotRunning):
        Samples(Cluster(0).ask).take()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A pseudo terminal on stdin; both ends."""
    ours, theirs = pty.openpty()
    monkeypatch.setattr("sys.stdin", open(theirs, closefd=False))  # noqa: SIM115 (it is a terminal)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("key", [b"q", b"Q", b"jkq"])
def test_q_ends_the_view_and_leaves_the_terminal_as_it_was(terminal: tuple[int, int], key: bytes) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    cluster = Cluster(9)

    def ask() -> ControlReply:
        os.write(ours, key)
        return cluster.ask()

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    assert run_view(ask, console, 30.0, 0)
    assert termios.tcgetattr(theirs) == before
    assert console.file.getvalue().endswith("\x1b[?25h\x1b[?1049l")  # the screen and the cursor are back


def test_the_view_ends_with_the_cluster(terminal: tuple[int, int]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    assert not run_view(Cluster(3).ask, console, 0.001, 0)


def test_the_view_ends_after_its_iterations(terminal: tuple[int, int]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    ask: Callable[[], ControlReply] = Cluster(9).ask
    assert run_view(ask, console, 0.001, 2)
