"""A run that is judged."""

import pytest

from tests.cluster.lab.verdict.judged_run import Load, Run


@pytest.fixture
def run(load: Load) -> Run:
    return Run(load())
