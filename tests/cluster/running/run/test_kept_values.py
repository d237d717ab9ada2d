import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from actors.policies import Frontend, Hwdom, StorePlace
from cluster.lab.config.architecture import Architecture
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.schema import MetricsSchema
from cluster.running.run.kept_values import KeptError, plain, value_of

CONFIGS = sorted((Path(__file__).parents[4] / "configs").glob("*.yaml"))


def through_json(value: object) -> object:
    return value_of(json.loads(json.dumps(plain(value))))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_resolved_configuration_comes_back_as_it_was(path: Path) -> None:
    cluster = replace(load_cluster(path), sources=())

    assert through_json(cluster) == cluster


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1, 1 << 70, 0.1, "", "ä\0"),
        *(b"\x00\xff", Path("a/b"), (), (1, (2, [3])), [], [()], {}, {"a": (1,)}),
        *(Hwdom.reboot, Frontend.stock_linux, Architecture(store=StorePlace.stubdom)),
        *({1: "one"}, {(1, 2): b"x"}, {"$": "tuple", "of": [1]}, {"$": 1, "a": {"$": 2}}),
    ],
    ids=repr,
)
def test_a_value_comes_back_with_its_type(value: object) -> None:
    found = through_json(value)

    assert found == value
    assert type(found) is type(value)


@dataclass
class Stranger:
    number: int = 1


def test_only_what_is_in_the_table_is_kept() -> None:
    with pytest.raises(AssertionError, match="Stranger is not in the table"):
        plain(Stranger())


def test_a_key_that_is_newer_than_what_was_kept_has_its_default() -> None:
    assert value_of({"$": "MetricsSchema", "interval": 1}).guests == MetricsSchema().guests


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"$": "Popen", "args": ["true"]}, "no 'Popen' that this version knows"),
        ({"$": "Trigger", "what": "domain"}, "no 'Trigger' that this version knows"),
        ({"$": "Injection", "colour": 1}, "no 'Injection' that this version knows"),
        ({"$": "MetricsSchema", "interval": 1, "colour": 2}, "its keys are interval, guests"),
        ({"$": "tuple"}, "no 'tuple' that this version knows"),
        ({"$": "bytes", "hex": "x"}, "no 'bytes' that this version knows"),
        ({"$": ["list"]}, "that this version knows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_not_kept_by_us_is_refused(data: object, said: str) -> None:
    with pytest.raises(KeptError, match=said):
        value_of(data)


def test_a_change_shows(load: Callable[..., ResolvedCluster]) -> None:
    cluster = replace(load(), sources=())

    assert through_json(cluster.with_seed(7)) != cluster
