"""Watches and the thread that calls back, without a server."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.kernel.threads import Threads
from actors.kernel.xenwatch import XenWatch


class Kernel:
    """The watches of a kernel whose threads run when they are told to."""

    def __init__(self):
        self.threads = Threads()
        self.watches = XenWatch(self.threads)
        self.heard = []

    def watch(self, path, token=None):
        return self.watches.add(path, lambda changed: self.heard.append((path, changed)), token)

    def run(self):
        self.threads.run(0)
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture
def kernel():
    return Kernel()


def test_each_watch_has_a_token_of_its_own_and_no_two_have_one(kernel):
    assert [kernel.watch("/a").token, kernel.watch("/a").token] == ["w1", "w2"]
    with pytest.raises(XenError) as refused:
        kernel.watch("/b", "w2")
    assert refused.value.errno is Errno.EEXIST
    assert [each.payload for each in kernel.watches] == [b"/a\0w1\0", b"/a\0w2\0"]


def test_events_are_called_back_in_a_thread_in_their_order(kernel):
    kernel.watch("/a"), kernel.watch("/b")
    for payload in (b"/b/x\0w2\0", b"/a\0w1\0", b"/b\0w2\0"):
        kernel.watches.heard(payload)
    assert kernel.heard == [], "never in the middle of what the kernel does"
    assert kernel.run() == [("/b", "/b/x"), ("/a", "/a"), ("/b", "/b")]


def test_an_event_of_no_watch_is_nobodys(kernel):
    kernel.watches.heard(b"/a\0w1\0")
    kernel.watches.heard(b"")
    assert kernel.run() == []


def test_no_callback_runs_once_its_watch_is_taken_back(kernel):
    watch = kernel.watch("/a", "t")
    kernel.watches.heard(b"/a\0t\0")
    assert kernel.watches.remove(watch)
    assert not kernel.watches.remove(watch)
    kernel.watch("/c", "t")
    assert kernel.run() == [], "the one that has its token now was not meant"
