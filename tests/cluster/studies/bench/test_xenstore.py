"""The benchmark of XenStore does what it says, on a host that it starts; how fast is not checked here."""

import pytest

from cluster.studies.bench import xenstore as bench_xenstore
from cluster.studies.bench.xenstore import (
    LoadedReads,
    StoreConnection,
    read_floor,
    transaction_floor,
    transactions,
)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, value in {"BATCHES": 1, "READS": 2, "TRANSACTIONS": 2, "NODES": 20, "WATCHES": 5}.items():
        monkeypatch.setattr(bench_xenstore, name, value)


@pytest.mark.processes
def test_reads_with_a_load_and_before_it(monkeypatch):
    asked = []
    ask = StoreConnection.ask
    monkeypatch.setattr(
        StoreConnection,
        "ask",
        lambda wire, kind, payload, tx_id=0: asked.append(kind.name) or ask(wire, kind, payload, tx_id),
    )
    loaded = LoadedReads()
    assert loaded.measure() > 0
    assert loaded.floor() > 0
    assert asked == ["WRITE", "READ", "READ", *["WRITE"] * 20, *["WATCH"] * 5, "READ", "READ"]


@pytest.mark.processes
def test_a_transaction_is_committed():
    assert transactions() > 0


def test_the_floors_exchange_the_same_bytes():
    assert read_floor() > 0
    assert transaction_floor() > 0
