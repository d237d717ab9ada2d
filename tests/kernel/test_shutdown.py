"""What a domain understands of what stands in its `control/shutdown`."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import ShutdownReason
from actors.kernel.shutdown import NODE, shutdown_request


class Nodes:
    """A store of one node, which may be kept from us."""

    def __init__(self, request: str, *, may_read: bool = True, may_write: bool = True) -> None:
        self.request = request
        self.may_read = may_read
        self.may_write = may_write

    async def read(self, path):
        assert path == NODE
        if not self.may_read:
            raise XenError(Errno.EACCES)
        return self.request

    async def write(self, _path, value):
        if not self.may_write:
            raise XenError(Errno.EACCES)
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
    assert ask(Nodes("poweroff", may_read=False)) == (None, "poweroff", [])


def test_who_may_not_clear_it_is_asked_nothing_and_says_so() -> None:
    reason, request, (said,) = ask(Nodes("poweroff", may_write=False))
    assert (reason, request) == (None, "poweroff")
    assert said.startswith("control/shutdown: ")
