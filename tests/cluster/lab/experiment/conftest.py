"""Experiments, with a fault and without."""

from collections.abc import Callable

import pytest

from cluster.lab.config.resolved import ResolvedCluster
from tests.cluster.lab.experiment.conducted import Experiment


@pytest.fixture
def experiment(load: Callable[..., ResolvedCluster]) -> Experiment:
    return Experiment(load(("faults:\n  - {kind: crash, target: host0/dom0, at: 2s}\n", "")))


@pytest.fixture
def with_fault(load: Callable[..., ResolvedCluster]) -> Experiment:
    return Experiment(load())
