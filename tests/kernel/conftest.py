"""What tests of kernels share: a client that is joined to a store."""

import pytest

from tests.kernel.joined_store import Joined


@pytest.fixture
def joined():
    return Joined()
