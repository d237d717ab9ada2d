"""What a domain understands of what stands in its `control/shutdown`."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import ShutdownReason
from actors.kernel.shutdown import NODE, shutdown_request


class Nodes:
    """A store of one node, which may be kept from us."""

    def __init__(self, request: str, *, refusal: Errno | None = None) -> None:
        self.request = request
        self.refusal = refusal

    async def read_or(self, path, _default):
        assert path == NODE
        if self.refusal is not None:
            raise XenError(self.refusal)
        return self.request

    async def write(self, _path, value):
        self.request = value


def ask(nodes):
    log = []
    with pytest.raises(StopIteration) as end:
        shutdown_request(nodes, log.append).send(None)
    return end.value.value, nodes.request, log


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("poweroff", ShutdownReason.poweroff),
        ("halt", ShutdownReason.poweroff),
        ("reboot", ShutdownReason.reboot),
    ],
)
def test_what_is_understood_is_cleared(request_: str, reason: ShutdownReason) -> None:
    assert ask(Nodes(request_)) == (reason, "", [])


def test_what_is_not_understood_is_left_there_and_said() -> None:
    assert ask(Nodes("suspend")) == (None, "suspend", ["ignoring shutdown request: suspend"])
    assert ask(Nodes("")) == (None, "", [])


def test_who_may_not_read_is_asked_nothing() -> None:
    reason, request, (said,) = ask(Nodes("poweroff", refusal=Errno.EACCES))
    assert (reason, request) == (None, "poweroff")
    assert said.startswith("control/shutdown: ")
