"""The table of the kinds: every row can be done, told, taken away and judged by what it says of itself."""

import re
from pathlib import Path

import pytest

from cluster.lab.faults.act import (
    AddRule,
    CutPower,
    DropRules,
    FreezeDomain,
    KillBackend,
    KillDomain,
    OrderToolstack,
    ReplaceStore,
    ResetMachine,
    SlowDown,
    TellActor,
    TellDevice,
    TellSwitch,
    Whom,
)
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import FAULT_KINDS, OPTIONS

ROOT = Path(__file__).parents[4]
AIMS = {
    KillDomain: {Aim.domain, Aim.spare},
    KillBackend: {Aim.vbd},
    FreezeDomain: {Aim.domain},
    ResetMachine: {Aim.host},
    CutPower: {Aim.host},
    SlowDown: {Aim.actor},
    AddRule: {Aim.link, Aim.wire, Aim.domain},
    DropRules: {Aim.link},
    TellActor: {Aim.dom0, Aim.driver, Aim.vbd, Aim.vif},
    TellDevice: {Aim.disk, Aim.nic, Aim.device},
    TellSwitch: {Aim.wired},
    OrderToolstack: {Aim.vbd, Aim.vif},
    ReplaceStore: {Aim.store},
}
"""What each act can be done to."""
each_kind = pytest.mark.parametrize("kind", FAULT_KINDS.values(), ids=FAULT_KINDS)


@each_kind
def test_a_kind_is_done_to_what_its_act_can_be_done_to(kind: FaultKind) -> None:
    assert kind.aim in AIMS[type(kind.act)]


@each_kind
def test_what_can_be_said_of_a_kind_fits_together(kind: FaultKind) -> None:
    assert not kind.stays or kind.lasts
    assert kind.lasts or kind.duration_ns is None
    assert kind.lasts or kind.lifted == "over"
    assert not kind.ends_machine or kind.deadly
    assert kind.recipes or kind.weight == 1
    assert not kind.cuts_power or kind.aim is Aim.host


@each_kind
def test_only_an_act_upon_a_device_asks_for_its_backend(kind: FaultKind) -> None:
    asked = isinstance(kind.act, TellActor) and kind.act.whom is Whom.backend
    assert not asked or kind.aim in {Aim.vbd, Aim.vif}


def test_no_two_kinds_are_seen_as_the_same_end_of_a_domain() -> None:
    seen = [each.seen_as for each in FAULT_KINDS.values() if each.seen_as is not None]

    assert len(seen) == len(set(seen)) == 2


def test_every_option_is_of_some_kind_and_means_one_thing() -> None:
    assert all(name == each.name for name, each in OPTIONS.items())
    assert set(OPTIONS.values()) == {option for kind in FAULT_KINDS.values() for option in kind.options}


def test_the_documentation_has_the_kinds_in_their_order_with_their_options() -> None:
    page = (ROOT / "docs/faults.md").read_text().partition("\n## Kinds\n")[2].partition("| option |")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| .+? \| .+ \| .+? \|(.*?)\| .*\|$", page, re.MULTILINE)
    written = {name: re.findall(r"`(\w+)`", options) for name, options in rows}

    assert list(written) == list(FAULT_KINDS)
    assert written == {each.name: each.option_names for each in FAULT_KINDS.values()}


@pytest.mark.parametrize("folder", ["actors", "cluster"])
def test_nobody_compares_the_names_of_kinds(folder: str) -> None:
    names = "|".join(FAULT_KINDS)
    compared = re.compile(rf"""(==|!=|\bin [\[({{]|\bcase) ?["']({names})["']|["']({names})["'] (==|!=|in)""")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in (ROOT / folder).rglob("*.py")
        for match in compared.finditer(path.read_text())
    ]

    assert found == []
