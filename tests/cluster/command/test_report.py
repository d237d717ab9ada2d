"""The page of a run as people get it: what is on it, where it is written, and what a browser makes of it."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cluster.command.cli import cli
from tests.browser import CHROMIUM, Browser, browser
from tests.shell import SMALL

NAMES = ("course", "written", "recoveries", "close-0")
EMPTY = {"meta", "link", "br"}
FAULTS = "faults:\n  - {kind: crash, target: host0/dom0, at: 300ms}\n"


def domzero(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a simulated run."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "small.yaml").write_text(SMALL + FAULTS + "# <script>alert('&')</script>\n")
    path = folder / "out"
    found = domzero("run", str(folder / "small.yaml"), "--driver", "simulated", "--out", str(path))
    assert found.exit_code == 0, found.output
    return path


class Outline(HTMLParser):
    """The elements of a page; everything that is opened has to be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    found.close()
    assert not found.open
    return found


def test_a_run_leaves_a_page_with_every_picture(made: Path) -> None:
    text = (made / "report.html").read_text()

    ids = [values.get("id") for _, values in outline(text).found]
    assert [name for name in NAMES if f"{name}-title" not in ids] == []
    assert len([each for each in ids if each]) == len({each for each in ids if each})


def test_a_page_refers_to_nothing_outside_of_it(made: Path) -> None:
    text = (made / "report.html").read_text()

    found = outline(text).found
    links = [values[key] for _, values in found for key in ("href", "src", "action", "data") if key in values]
    assert {each for each in links if each and not each.startswith("#")} == {"data:,"}
    assert not any(tag in {"script", "iframe", "object", "img"} for tag, _ in found)
    assert "url(" not in text
    assert "@import" not in text
    targets = {each[1:] for each in links if each and each.startswith("#")}
    assert targets <= {values.get("id") for _, values in found}


def test_a_page_says_what_run_json_says(made: Path) -> None:
    text = re.sub(r"<[^>]*>", " ", (made / "report.html").read_text())
    run = json.loads((made / "run.json").read_text())

    for each in (*run["checks"], *run["expected"]):
        assert " ".join((each.get("detail") or each["text"]).split()) in " ".join(text.split())
    for guest in run["guests"]:
        assert guest["name"] in text
    assert "alert(&#39;&amp;&#39;)" in text, "the configuration is shown, and not obeyed"


def test_a_page_is_made_again_the_same(made: Path) -> None:
    before = (made / "report.html").read_text()

    found = domzero("report", str(made))

    assert (found.exit_code, found.output) == (0, f"{made / 'report.html'}\n")
    assert (made / "report.html").read_text() == before


def test_a_page_can_go_elsewhere_and_over_another_page(made: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert domzero("report", str(made), "-o", str(tmp_path / "page.html")).exit_code == 0

    assert (tmp_path / "page.html").read_text() == (made / "report.html").read_text()


@pytest.mark.parametrize("content", ["", "<!DOCTYPE html><title>mine</title>", "name: small\n"])
def test_what_is_no_page_of_ours_is_not_overwritten(made: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "mine").write_text(content)

    found = domzero("report", str(made), "-o", str(tmp_path / "mine"))

    assert found.exit_code == 2  # of click; `main` makes it 254
    assert "is no page of domzero" in found.output
    assert (tmp_path / "mine").read_text() == content


def test_what_cannot_be_written_is_said(made: Path, tmp_path: Path) -> None:
    found = domzero("report", str(made), "-o", str(tmp_path / "none" / "page.html"))

    assert "no such file or directory" in found.output


def test_a_folder_that_is_no_run_has_no_page(tmp_path: Path) -> None:
    found = domzero("report", str(tmp_path))

    assert found.exit_code == 2
    assert "is no run directory" in found.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_has_no_page(tmp_path: Path) -> None:
    found = domzero("report", str(tmp_path / "none"))

    assert found.exit_code == 2
    assert "there is no such directory or file" in found.output


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", None, "has no run.json"),
        ("run.json", "{", "not as it was written"),
        ("run.json", "[]", "not a JSON object; this version reads the report of a run"),
        ("timeline.json", "{}", "not as it was written"),
    ],
)
def test_a_run_without_a_readable_report_has_no_page(
    made: Path, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    for each in ("about.json", "run.json", "timeline.json"):
        (tmp_path / each).write_bytes((made / each).read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content)

    found = domzero("report", str(tmp_path))

    assert found.exit_code == 2
    assert said in found.output
    assert not (tmp_path / "report.html").exists()


def test_a_run_of_which_no_timeline_was_kept_has_a_page_without_one(made: Path, tmp_path: Path) -> None:
    for each in ("about.json", "run.json"):
        (tmp_path / each).write_bytes((made / each).read_bytes())

    assert domzero("report", str(tmp_path)).exit_code == 0
    assert "No timeline was kept" in (tmp_path / "report.html").read_text()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.mark.processes
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_all_of_it_without_complaint_or_network(
    made: Path, tab: Browser, width: int, scheme: str
) -> None:
    tab.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    tab.ask(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}], media=""
    )
    tab.open(made / "report.html")

    assert tab.said() == []
    asked = [each for each in tab.asked_for() if not each.startswith("data:")]
    assert asked == [(made / "report.html").absolute().as_uri()]
    drawn = tab.value("[...document.querySelectorAll('figure .wide svg')].map(s => s.getBBox().width > 0)")
    assert len(drawn) >= len(NAMES)
    assert all(drawn)
    assert tab.value("document.documentElement.scrollWidth") <= width
    ink, paper = (
        tab.value(f"getComputedStyle(document.body).{each}") for each in ("color", "backgroundColor")
    )
    assert (luminance(ink) < luminance(paper)) == (scheme == "light")


def luminance(colour: str) -> int:
    return sum(int(each) for each in re.findall(r"\d+", colour)[:3])


@pytest.mark.processes
def test_all_that_scrolls_is_reached_by_keyboard_and_named(made: Path, tab: Browser) -> None:
    tab.open(made / "report.html")

    assert tab.value("[...document.querySelectorAll('.wide')].every(e => e.tabIndex === 0 && e.ariaLabel)")
    assert tab.value("[...document.querySelectorAll('svg[role=img]')].every(e => e.querySelector('desc'))")
    assert tab.value("[...document.querySelectorAll('table')].every(e => e.caption && e.tHead)")
    assert tab.value("document.querySelector('a').getAttribute('href')") == "#main"
