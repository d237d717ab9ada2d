"""Every scenario is reproduced and averted as its file says; one whose claims do not hold is told so."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.lab.config.errors import ConfigError
from cluster.lab.config.places import NoPlaceError, found_at, put_at
from cluster.studies.scenarios.claim import Claim
from cluster.studies.scenarios.scenario import Scenario, all_scenarios, known_scenarios

PAGE = Path(__file__).parents[4] / "docs/scenarios.md"
NAMES = sorted(known_scenarios())


def domzero(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [str(each) for each in words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


@pytest.fixture
def changed(tmp_path: Path):
    """The file of a scenario with a text in the place of another."""

    def change(name: str, old: str, new: str) -> Path:
        text = known_scenarios()[name].read_text()
        assert old in text
        path = tmp_path / "mine.yaml"
        path.write_text(text.replace(old, new, 1))
        return path

    return change


@pytest.mark.parametrize("cured", [False, True], ids=["failing", "cured"])
@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_as_its_file_says(
    name: str, cured: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, told = domzero("scenario", "run", name, *["--cured"] * cured)

    assert code == 0, told
    assert re.search(r"^averted$" if cured else r"^reproduced$", told, re.M)
    assert (next((tmp_path / "runs").iterdir()) / "run.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("guests/*/came_back: false", "guests/*/came_back: true", r"guests/web-0/came_back +true +false +no"),
        ("in_flight: above 0", "in_flight: above 1000", r"above 1000 +4 +no"),
        ("guests/*/came_back: false", "guests/*/left: false", r"no 'left' at guests/web-0"),
        ("architecture: stock-linux", "architecture: restartable-dom0", r"^not reproduced$"),
    ],
)
def test_what_is_not_as_it_should_be_is_not_reproduced(changed, old, new, seen, tmp_path) -> None:
    path = changed("vanished-backend", old, new)
    code, told = domzero("scenario", "run", path, "--out", tmp_path / "run")

    assert code == 1
    assert re.search(seen, told, re.M)
    assert re.search(r"^not reproduced$", told, re.M)


def test_a_cure_that_does_not_help_is_found_out(changed, tmp_path) -> None:
    path = changed("vanished-backend", "architecture: restartable-dom0", "watchdog: 5s")
    code, told = domzero("scenario", "run", path, "--cured", "--out", tmp_path / "run")

    assert code == 1
    assert re.search(r"^not averted$", told, re.M)


def test_the_crash_alone_does_not_lose_an_interrupt(changed, tmp_path) -> None:
    lost = "  - {kind: irq-lost, target: host0/sda, at: 200ms, duration: 20ms}\n"
    path = changed("interrupt-in-flight", lost, "")

    assert domzero("scenario", "run", path, "--out", tmp_path / "run")[0] == 1


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("scenario:\n", "scenarios:\n", "the file is no scenario; write scenario: {title"),
        ("url: https://", "url: ", "url: "),
        ("above 0", "above some", "in_flight: 'some' is not a number with a unit; write it as in 200ms"),
        ("  cure:\n", "  care:\n", "unknown key 'care'; did you mean cure?"),
        ("set: {hosts/host0/", "set: {hosts/host1/", "no 'host1' at hosts, where there is host0"),
        ("set: {hosts/host0/architecture:", "set: {name/of:", "name has no keys"),
    ],
)
def test_what_a_file_has_wrong_is_said(changed, old, new, wrong) -> None:
    with pytest.raises(ConfigError) as caught:
        Scenario.read(changed("vanished-backend", old, new)).case(cured=True)
    assert wrong in str(caught.value)


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(Exception, match=r"no scenario 'stale-node'; did you mean stale-nodes\? \(of boot-"):
        domzero("scenario", "run", "stale-node")


def test_the_list_and_the_page_have_every_scenario() -> None:
    listed = dict(re.findall(r"^([\w-]+) +(\S.*?)  +http", domzero("scenario", "list")[1], re.M))
    written = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", PAGE.read_text(), re.M))

    assert listed == written == {each.name: each.words.title for each in all_scenarios()}
    assert sorted(listed) == NAMES


PLAIN = {"a": [{"name": "x", "b": 1}, {"id": "2", "b": 2}, {"b": None}]}


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("a/x/b", {"a/x/b": 1}),
        ("a/2/b", {"a/2/b": 2}),
        ("a/3/b", {"a/3/b": None}),
        ("a/*/b", {"a/x/b": 1, "a/2/b": 2, "a/3/b": None}),
    ],
)
def test_a_place_is_found_by_name_id_and_number(place, found) -> None:
    assert dict(found_at(PLAIN, place)) == found


@pytest.mark.parametrize("place", ["c", "a/4/b", "a/x/c", "a/x/b/c", "", "a/x/b/*"])
def test_what_is_not_there_is_no_place(place) -> None:
    with pytest.raises(NoPlaceError):
        list(found_at(PLAIN, place))


def test_a_value_can_be_put_where_there_is_none_yet() -> None:
    tree = {"a": [{"name": "x"}]}
    put_at(tree, "a/x/c", 3)
    put_at(tree, "d", 4)

    assert tree == {"a": [{"name": "x", "c": 3}], "d": 4}


@pytest.mark.parametrize(
    ("wanted", "value", "holds"),
    [
        (1, 1, True), (1, True, False), (None, None, True), (0, None, False), ("held", "held", True),
        ("above 1", 2, True), ("above 1", 1, False), ("below 2ms", 1_999_999, True),
        ("below 2ms", 2_000_000, False), ("below 2ms", None, False), ("above 0", True, False),
    ],
)  # fmt: skip
def test_a_claim_compares_what_is_known(wanted, value, holds) -> None:
    (seen,) = Claim("b", wanted).look({"b": value})
    assert seen.holds is holds
