"""The fuzz targets take random inputs without a fuzzer, too: a few in each run of the tests."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import door, rings, stream

TARGETS = {"door": door.Target, "rings": rings.Target, "stream": stream.Target}
CORPUS = Path(__file__).parent / "corpus"


def feed(take: Callable[[bytes], None], inputs: int, seed: int) -> None:
    random = Random(seed)
    for _ in range(inputs):
        take(random.randbytes(random.randrange(512)))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_inputs_are_served_refused_or_cut_off(target: type, seed: int) -> None:
    feed(target(), 150, seed)


@pytest.mark.parametrize(("name", "target"), TARGETS.items())
def test_the_inputs_of_the_corpus_are_served_refused_or_cut_off(name: str, target: type) -> None:
    take, inputs = target(), sorted((CORPUS / name).iterdir())
    assert inputs
    for each in inputs:
        take(each.read_bytes())


def test_an_argument_that_is_not_checked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.hypervisor.event_channel_ops.number", lambda arguments, name: arguments[name])

    with pytest.raises((KeyError, TypeError)):
        feed(door.Target(), 5000, 1)


def test_a_segment_that_is_not_checked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.block.vbd_queue.SECTORS_PER_PAGE", 256)

    with pytest.raises(AssertionError):
        feed(rings.Target(), 5000, 1)


def test_a_field_of_a_stream_that_is_not_checked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.migration.pv_records.check_zero", lambda field, value: None)

    with pytest.raises(AssertionError, match="what is read is not what is there"):
        feed(stream.Target(), 5000, 1)
