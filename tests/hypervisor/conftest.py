"""A hypervisor on a bench, of a given argument or as it is."""

from collections.abc import Callable

import pytest

from tests.xen.bench import Bench


@pytest.fixture
def power_on() -> Callable[..., Bench]:
    """Makes a host of a given argument, booted up to a running dom0."""
    return lambda **argument: Bench(**argument).boot()


@pytest.fixture
def xen() -> Bench:
    """A booted host with `hwdom: restart` and no IO-APIC."""
    return Bench().boot()
