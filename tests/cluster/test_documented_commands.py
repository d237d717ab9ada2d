"""Every command that README.md and docs/ write down works: what can be run is run, the rest is parsed.

A command is a line of a code block, or code within a line, that begins with `domzero` or `make`. Placeholders
get values. Each is judged by the rule of its subcommand in `RULES`; one without a rule fails."""

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.lab.config.loading import load_cluster
from cluster.studies.bench.figures import benchmark_names
from cluster.studies.bench.results import Measurements
from cluster.studies.matrix.plan import MatrixPlan
from cluster.studies.matrix.schema import MatrixFile
from tests.cluster.written_commands import PAGES, ROOT, Command, commands_of, filled, variants
from tests.shell import socket_folder

LIMIT_S = 60


def written() -> list[Command]:
    found: dict[tuple[str, ...], Command] = {}
    for page in PAGES:
        for text, block in commands_of(page.read_text()):
            for program, *words in variants(text):
                name = Path(program).name
                key = (name, *filled(tuple(words)))
                command = found.setdefault(key, Command(key[1:], name))
                command.block |= block
                command.pages.append(page.name)
    return sorted(found.values(), key=lambda each: turn(each.words))


def is_late(words: tuple[str, ...]) -> bool:
    """Whether it ends the cluster, or is about its run directory."""
    return words[:1] == ("down",) or any(Path(word).parts[:1] == ("finished",) for word in words)


def turn(words: tuple[str, ...]) -> int:
    """Who needs no cluster, who looks at one, who breaks it (dom0, which all need, last), who comes after."""
    path = path_of(words)[0]
    if is_late(words):
        return 4
    if path == ("fault", "inject"):
        return 3 if "host0/dom0" in words else 2
    return 1 if RULES.get(path) in LIVE else 0


@dataclass
class Place:
    """A folder with a copy of the configurations, whose experiments are short and slow."""

    folder: Path
    tried: set[tuple[str, ...]] = field(default_factory=set)

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run a command in this process; what it printed."""
        result = CliRunner().invoke(cli, list(words), standalone_mode=False)
        if result.exception is not None:
            raise AssertionError(f"domzero {shlex.join(words)}: {result.exception!r}") from result.exception
        assert (result.return_value or 0) in codes, result.output
        return result.output

    def is_new(self, words: list[str]) -> bool:
        """Whether this has not been run before, as another form of a synopsis."""
        known = tuple(words) in self.tried
        self.tried.add(tuple(words))
        return not known

    def process(self, *words: str, folder: str = ".") -> str:
        return subprocess.run(
            [sys.executable, "-m", "cluster.command.cli", *words],
            cwd=self.folder / folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
        ).stdout


def shorten(path: Path) -> None:
    text = re.sub(r"\b(duration|settle|at): (\d+)s\b", r"\1: \g<2>00ms", path.read_text())
    path.write_text(re.sub(r"\brate: (\d+)0/s", r"rate: \1/s", text))


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with socket_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.chdir(folder)
        shutil.copytree(ROOT / "configs", folder / "configs")
        for path in folder.glob("configs/*.yaml"):
            shorten(path)
        shutil.copy(folder / "configs/campaign.yaml", folder / "c.yaml")
        yield Place(folder)


@pytest.fixture(scope="module")
def cluster(place: Place) -> Iterator[Place]:
    """The cluster that the README brings up, by its own words; its faults would be among the looks."""
    live = place.folder / "live"
    shutil.copytree(ROOT / "configs", live / "configs")
    path = live / "configs/quickstart.yaml"
    text, faults = re.subn(r"^faults:\n(?:  .*\n)+", "", path.read_text(), flags=re.MULTILINE)
    assert faults == 1
    path.write_text(text)
    shorten(path)
    (words,) = {
        each.words for each in written() if each.words[:1] == ("up",) and each.block and "-d" in each.words
    }
    place.process(*words, folder="live")
    try:
        yield place
    finally:
        if not (place.folder / "finished").exists():
            place.run("down", codes=(0, 1, 2))


@pytest.fixture(scope="module")
def finished(cluster: Place) -> Place:
    """Its run directory, once `domzero down` has ended it; whatever the faults have made of its verdict."""
    (directory,) = (cluster.folder / "live/runs").iterdir()
    printed = cluster.run("down", codes=(0, 1, 2))
    assert "verdict: " in printed
    (cluster.folder / "finished").symlink_to(directory)
    return cluster


def as_written(place: Place, words: list[str]) -> None:
    """Nothing is shortened."""
    if "case.yaml" in words and not (place.folder / "case.yaml").exists():
        place.run("replay", "configs/campaign.yaml", "--seed", "1", "--out", "replayed")
        shutil.copy(place.folder / "replayed/case.yaml", place.folder)
    shutil.rmtree(place.folder / "made", ignore_errors=True)
    place.run(*words)


def simulated(place: Place, words: list[str]) -> None:
    """In virtual time."""
    if "--driver" in words:
        at = words.index("--driver")
        words = words[:at] + words[at + 2 :]
    words = [*words, "--driver", "simulated"]
    if place.is_new(words):
        as_written(place, words)


def judged(place: Place, words: list[str]) -> None:
    """Nothing is shortened; whatever the faults have made of the verdict."""
    place.run(*words, codes=(0, 1, 2))


def simulated_again(place: Place, words: list[str]) -> None:
    """A simulated run is done again instead of the cluster of the module."""
    place.run("run", "configs/quickstart.yaml", "--driver", "simulated", "--out", "once")
    place.run(*("once" if word == "finished" else word for word in words))


def page_of_a_run(place: Place, words: list[str]) -> None:
    """The page is of a simulated run instead of the cluster of the module, or of a sweep of one seed."""
    for swept in (word for word in words if word.endswith(".jsonl")):
        place.run("sweep", "configs/campaign.yaml", "--seeds", "0:1", "--jobs", "1", "--out", swept)
    if place.is_new(["report"]):
        place.run("run", "configs/quickstart.yaml", "--driver", "simulated", "--out", "shown")
    place.run(*("shown" if word == "finished" else word for word in words))


def few_seeds(place: Place, words: list[str]) -> None:
    """One seed, or one for each shard, in this process."""
    shards = words[words.index("--shard") + 1].partition("/")[2] if "--shard" in words else "1"
    place.run(*words, "--seeds", f"0:{shards}", "--jobs", "1")


def few_trials(place: Place, words: list[str]) -> None:
    """With a planted bug, so that there is something to shrink; 1 says that what is left still fails."""
    place.run(*words, "--plant", "leak-port", "--trials", "2", codes=(1,))


def parsed_with_its_file(place: Place, words: list[str]) -> None:
    """Goes on until it is ended; `up` is run as the fixture `cluster`. The file is loaded."""
    load_cluster(Path(next(word for word in words[1:] if not word.startswith("-"))))


def parsed_with_its_axes(place: Place, words: list[str]) -> None:
    """Takes minutes; the file and its cells are looked at."""
    cells = [str(each) for each in MatrixPlan(MatrixFile.read(Path(words[1]))).cells]
    for option, value in pairwise(words):
        pattern = value.rpartition(":")[0] if option == "--replay" else value
        assert option not in {"--cells", "--live", "--replay"} or fnmatch.filter(cells, pattern)


def known_benchmarks(place: Place, words: list[str]) -> None:
    """Takes minutes; there have to be benchmarks whose names begin as it says, and a recorded run."""
    for option, value in pairwise(words):
        assert option != "--only" or any(name.startswith(value) for name in benchmark_names())
        assert option != "--against" or Measurements.read(ROOT / value).results


def one_guest(place: Place, words: list[str]) -> None:
    """Once, without a second guest, and drawn here."""
    place.run(*words, "--most", "1", "--repeats", "1", "--out", "slopes.svg")


def on_the_cluster(place: Place, words: list[str]) -> None:
    """Nothing is shortened, but it is done to the cluster of the module."""
    place.run(*words)


def one_look(place: Place, words: list[str]) -> None:
    """Looks once where it would go on."""
    place.run(*words, "--iterations", "1")


def only_parsed(place: Place, words: list[str]) -> None:
    """It goes on until somebody ends it, which tests of its own do."""


def to_the_end(place: Place, words: list[str]) -> None:
    """Ends where it would wait for more; in a process, since it asks whether its reader has gone."""
    words = [word for word in words if word not in {"-f", "--follow"}]
    if place.is_new(words):
        assert place.process(*words)


RULES: dict[tuple[str, ...], Callable[[Place, list[str]], None]] = {
    ("bench",): known_benchmarks,
    ("capture",): only_parsed,
    ("conform",): as_written,
    ("console",): to_the_end,
    ("down",): as_written,
    ("env",): on_the_cluster,
    ("export",): as_written,
    ("fault", "inject"): on_the_cluster,
    ("fault", "list"): as_written,
    ("forward",): only_parsed,
    ("interrupts",): on_the_cluster,
    ("list",): on_the_cluster,
    ("curve",): as_written,
    ("matrix",): parsed_with_its_axes,
    ("monitor",): parsed_with_its_file,
    ("replay",): as_written,
    ("report",): page_of_a_run,
    ("rerun",): simulated_again,
    ("run",): simulated,
    ("runs", "list"): as_written,
    ("runs", "prune"): as_written,
    ("scenario", "list"): as_written,
    ("scenario", "run"): as_written,
    ("schema",): as_written,
    ("shrink",): few_trials,
    ("slopes",): one_guest,
    ("status",): on_the_cluster,
    ("stream",): only_parsed,
    ("sweep",): few_seeds,
    ("top",): one_look,
    ("up",): parsed_with_its_file,
    ("validate",): as_written,
    ("verify",): judged,
}
"""For each subcommand how its commands are tried; the docstrings say what is shortened, and why."""

LIVE = (on_the_cluster, one_look, to_the_end)


def path_of(words: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The subcommand that words begin with, and the words after it."""
    command: click.Command = cli
    path: tuple[str, ...] = ()
    while isinstance(command, click.Group) and words[len(path) : len(path) + 1]:
        name = words[len(path)]
        if name not in command.commands:
            break
        command, path = command.commands[name], (*path, name)
    return path, list(words[len(path) :])


def is_a_mention(command: Command) -> bool:
    """Parse a command with the product's own parser; True if it only names a subcommand or options of it.

    A whole command is wanted in a code block; in a sentence `domzero run --json` is one of many.
    """
    path, rest = path_of(command.words)
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    if isinstance(found, click.Group):
        if rest or command.block:
            raise click.UsageError(f"{command}: no such command")
        return True
    try:
        found.make_context(" ".join(path), list(rest))
    except click.MissingParameter:
        arguments = [word for word in rest if not word.startswith("-")]
        if command.block or arguments:
            raise
        return True
    return False


COMMANDS = written()

OF_DOMZERO = [each for each in COMMANDS if each.program == "domzero"]


@pytest.mark.processes
@pytest.mark.parametrize("command", OF_DOMZERO, ids=str)
def test_a_command_that_is_written_down_works(
    command: Command, place: Place, request: pytest.FixtureRequest
) -> None:
    path = path_of(command.words)[0]
    if is_late(command.words):
        request.getfixturevalue("finished")
    if is_a_mention(command) or path == ("down",):
        return
    assert path in RULES, f"{command} ({', '.join(command.pages)}): no rule says how it is tried"
    if RULES[path] in LIVE and not is_late(command.words):
        request.getfixturevalue("cluster")
    RULES[path](place, list(command.words))


def without_numbers(text: str) -> str:
    """A text whose numbers (with their units, which go by their size) and blanks say nothing."""
    return " ".join(re.sub(r"\d[\d.,]*(?: (?:ns|us|µs|ms|s)\b)?", "#", text).split())


@pytest.mark.processes
def test_the_sample_of_the_readme_is_what_is_printed(place: Place) -> None:
    (sample,) = re.findall(
        r"\$ .venv/bin/domzero run configs/quickstart.yaml\n(.*?)\n\n(?=\S)", PAGES[0].read_text(), re.DOTALL
    )
    printed = without_numbers(place.run("run", "configs/quickstart.yaml", "--driver", "simulated"))
    for part in sample.replace("live driver", "simulated driver").split("\n    ...\n"):
        before, found, printed = printed.partition(without_numbers(part))
        assert found, f"{part}\n\nis not in\n\n{before}"


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.program == "make"], ids=str)
def test_a_target_that_is_written_down_can_be_made(command: Command) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in command.words:
        name, is_variable, _ = word.partition("=")
        assert re.search(rf"^{name} \?=" if is_variable else f"^{name}:", makefile, re.MULTILINE), word
    subprocess.run(["make", "--dry-run", *command.words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_the_demo_is_the_run_that_the_readme_shows() -> None:
    made = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    (shown,) = re.findall(r"^    \$ (.*domzero run .*)$", PAGES[0].read_text(), re.MULTILINE)
    assert shown in made


def test_every_command_of_the_product_has_a_rule() -> None:
    leaves = set()
    for name, command in cli.commands.items():
        leaves |= (
            {(name, each) for each in command.commands} if isinstance(command, click.Group) else {(name,)}
        )
    assert leaves <= set(RULES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_stands_where_it_is_not_found(page: Path) -> None:
    named = re.compile(rf"\bdomzero\s+(?:{'|'.join(cli.commands)})\b")
    found = " ; ".join(text for text, _ in commands_of(page.read_text()))

    assert len(named.findall(found)) == len(named.findall(page.read_text()))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("domzero frobnicate FILE", "no such command"),
        ("domzero run", "Missing argument"),
        ("domzero run FILE --sed 1", "No such option"),
        ("domzero replay configs/campaign.yaml", "Missing option"),
        ("domzero fault", "no such command"),
    ],
)
def test_what_is_no_command_is_found_out(text: str, error: str) -> None:
    (words,) = variants(text)
    with pytest.raises(click.UsageError) as caught:
        is_a_mention(Command(filled(words[1:]), "domzero", block=True))
    assert error in caught.value.format_message()
