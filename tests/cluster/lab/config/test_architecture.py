"""Architectures: rows that have a name, what a host makes of one, and what each means."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from actors.policies import Frontend, Hwdom, Reconnect, Spare, StorePlace, StoreRestart
from cluster.lab.config.architecture import ARCHITECTURES, CUSTOM, DEFAULT, Architecture
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster

Load = Callable[..., ResolvedCluster]
Refuse = Callable[..., str]
ROOT = Path(__file__).parents[4]
SHIPPED = {
    "quickstart": "restartable-dom0",
    "hang": "restartable-dom0",
    "resume": "resuming-dom0",
    "fifty-crashes-resume": "resuming-dom0",
    "stock": "stock-xen",
    "stock-linux": "stock-linux",
    "stubdom": "xenstore-stubdom",
    "hundred-store-kills": "persistent-xenstore",
    "driver-domain": "driver-domains",
    "warm-spare": "warm-spare",
}
STORAGE = "driver_domains: [{name: storage, memory: 8MiB, disks: [sdb]}]"
SPARED = "a parked dom0 takes the place of a dead one; stock Xen would restart the host"
GUEST = "        memory: 64MiB\n"


def of(load: Load, *lines: str, frontends: str = "") -> Architecture:
    """The architecture of a host with these keys."""
    keys = "".join(f"    {line}\n" for line in lines)
    changes = [
        ("    memory: 1GiB\n", f"    memory: 2GiB\n{keys}"),
        ("- {name: sda}", "[{name: sda}, {name: sdb}]"),
    ]
    changes += [(GUEST, f"{GUEST}        frontend: {frontends}\n")] if frontends else []
    return load(*changes).hosts[0].architecture


@pytest.mark.parametrize(("file", "name"), SHIPPED.items())
def test_a_configuration_is_called_after_the_row_that_it_amounts_to(file: str, name: str) -> None:
    assert load_cluster(ROOT / f"configs/{file}.yaml").hosts[0].architecture.name == name


def test_no_two_rows_are_the_same_and_the_default_is_one() -> None:
    assert len(set(ARCHITECTURES.values())) == len(ARCHITECTURES)
    assert ARCHITECTURES[DEFAULT] == Architecture()
    assert CUSTOM not in ARCHITECTURES


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_row_by_its_name_is_that_row(load: Load, name: str) -> None:
    drivers = [STORAGE] if ARCHITECTURES[name].driver_domains else []

    assert of(load, f"architecture: {name}", *drivers) == ARCHITECTURES[name]


@pytest.mark.parametrize(
    ("keys", "frontends", "name"),
    [
        (["architecture: xen-2009", "hwdom: restart"], "", "stock-linux"),
        (["architecture: xen-2009"], "reconnect", "stock-xen"),
        (["architecture: xenstore-stubdom", "xenstore: {restart: persist}"], "", "persistent-xenstore"),
        (["architecture: persistent-xenstore", "xenstore: {restart: lose}"], "", "xenstore-stubdom"),
        (["architecture: persistent-xenstore", "xenstore: dom0"], "", "custom"),
        (["architecture: persistent-xenstore", STORAGE], "", "disaggregated"),
        (["reconnect: resume"], "", "resuming-dom0"),
        (["architecture: persistent-xenstore", "reconnect: resume", "dom0: {spare: warm}"], "", "warm-spare"),
        (
            ["architecture: warm-spare", "reconnect: renegotiate", "dom0: {spare: none}"],
            "",
            "persistent-xenstore",
        ),
        (["dom0: {spare: warm}"], "", "custom"),
        (["reconnect: resume"], "stock-linux", "custom"),
    ],
)
def test_what_is_written_beside_a_name_overrules_the_row(
    load: Load, keys: list[str], frontends: str, name: str
) -> None:
    assert of(load, *keys, frontends=frontends).name == name


def test_guests_of_two_minds_are_of_no_row() -> None:
    mixed = Architecture().with_guests([None, Frontend.stock_linux, None])

    assert mixed.frontends == (Frontend.reconnect, Frontend.stock_linux)
    assert (mixed.name, mixed.all_reconnect) == (CUSTOM, False)
    assert Architecture().with_guests([Frontend.stock_linux, None]) == mixed
    assert ARCHITECTURES["stock-linux"].with_guests([]) == ARCHITECTURES["stock-linux"]


@pytest.mark.parametrize(
    ("written", "refusal"),
    [
        ("xen2009", "architecture: 'xen2009' is not known; did you mean xen-2009?"),
        ("driver-domains", "driver-domains has driver domains, and host0 has none; write driver_domains:"),
    ],
)
def test_a_row_that_is_not_there_or_lacks_its_driver_domains_is_refused(
    refuse: Refuse, written: str, refusal: str
) -> None:
    assert refusal in refuse(("    memory: 1GiB\n", f"    memory: 1GiB\n    architecture: {written}\n"))


@pytest.mark.parametrize(
    ("keys", "refusal"),
    [
        ("hwdom: reboot\n    dom0: {spare: warm}", "hwdom reboot lets nobody take the place of a dead dom0"),
        ("architecture: warm-spare\n    hwdom: halt", "hwdom halt lets nobody take the place of a dead dom0"),
        ("dom0: {spare: warm, memory: 768MiB}", "host0 has 1GiB, its domains need"),
        ("dom0: {spare: cold}", "spare"),
    ],
)
def test_a_spare_that_is_of_no_use_or_has_no_room_is_refused(refuse: Refuse, keys: str, refusal: str) -> None:
    assert refusal in refuse(("    memory: 1GiB\n", f"    memory: 1GiB\n    {keys}\n"))


@pytest.mark.parametrize("row", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_the_words_of_a_run_give_the_same_architecture(row: Architecture) -> None:
    drivers = [{"name": "storage"}] if row.driver_domains else []

    assert Architecture.of_words({**row.words(), "driver_domains": drivers}) == row


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ({"hwdom": Hwdom.restart}, {"dom0_death_ends_machine": False, "dom0_comes_back": True}),
        ({"hwdom": Hwdom.reboot}, {"dom0_death_ends_machine": True, "dom0_comes_back": True}),
        ({"hwdom": Hwdom.halt}, {"dom0_death_ends_machine": True, "dom0_comes_back": False}),
        ({"spare": Spare.warm}, {"dom0_crash": SPARED}),
        ({"store": StorePlace.dom0}, {"store_home": "dom0", "store_has_domain": False, "first_domid": 1}),
        (
            {"store": StorePlace.stubdom},
            {"store_home": "xenstore", "store_has_domain": True, "first_domid": 2},
        ),
        ({"store": StorePlace.stubdom}, {"store_outlives_dom0": True}),
        ({"store_restart": StoreRestart.persist}, {"store_outlives_dom0": True}),
        ({"store_restart": StoreRestart.live_update}, {"store_outlives_dom0": False}),
        ({"store_restart": StoreRestart.lose}, {"keeps_store": False, "keeps_updated_store": False}),
        ({"store_restart": StoreRestart.live_update}, {"keeps_store": False, "keeps_updated_store": True}),
        ({"store_restart": StoreRestart.persist}, {"keeps_store": True, "keeps_updated_store": True}),
        ({"frontends": (Frontend.reconnect,)}, {"all_reconnect": True, "frontend": Frontend.reconnect}),
        ({"frontends": (Frontend.stock_linux,)}, {"all_reconnect": False, "frontend": Frontend.stock_linux}),
    ],
)
def test_what_a_choice_means(choice: dict[str, object], meant: dict[str, object]) -> None:
    chosen = replace(Architecture(), **choice)  # type: ignore[arg-type]

    assert {key: getattr(chosen, key) for key in meant} == meant


def test_only_resume_keeps_the_rings() -> None:
    assert {each: each.keeps_rings for each in Reconnect} == {"renegotiate": False, "resume": True}


def test_the_documentation_has_every_row_as_it_is() -> None:
    text = (ROOT / "docs/architectures.md").read_text()
    found = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", text, re.MULTILINE)

    assert dict(found) == {
        name: " | ".join(
            (
                row.hwdom,
                row.spare,
                row.store,
                row.store_restart,
                row.reconnect,
                row.frontend,
                ["no", "yes"][row.driver_domains],
                ["no", "yes"][row.drivers_end_machine],
                ["no", "yes"][row.device_models],
                ["no", "yes"][row.virtualised_dom0],
            )
        )
        for name, row in ARCHITECTURES.items()
    }
