"""What the XenStore of a release has: the rest is ENOSYS, for whoever asks."""

import pytest

from actors.abi.releases import RELEASES
from actors.abi.xs_wire import XsType
from actors.xenstore.daemon import Xenstored
from actors.xenstore.takeover import successor_of

OK = b"OK\0"
SINCE = {
    "RESET_WATCHES": (4, 2),
    "DIRECTORY_PART": (4, 9),
    "GET_FEATURE": (4, 21),
    "SET_FEATURE": (4, 21),
    "GET_QUOTA": (4, 22),
    "SET_QUOTA": (4, 22),
}


@pytest.mark.parametrize("name", RELEASES)
def test_a_request_that_came_later_is_enosys_for_everybody(make_script, name):
    script, release = make_script(release=RELEASES[name]), RELEASES[name]
    for request in XsType:
        answers = {script.ask(domid, 0, request.name, b"") for domid in (0, 3)}
        lacking = release.number < SINCE.get(request.name, (0, 0)) or request.name in {"WATCH_EVENT", "ERROR"}
        assert (answers == {"ENOSYS"}) == lacking, request.name


def test_a_watch_of_4_17_has_no_depth(script):
    script.run(
        (0, 0, "WATCH", "/a\0t\0" + "1\0", "EINVAL"),
        (0, 0, "WATCH", "/a\0t\0\0", "EINVAL"),
        (0, 0, "WATCH", "@releaseDomain/5\0t\0", OK),
        (0, 0, "WATCH", "@releaseDomain\0t\0", OK),
    )
    script.take_events()
    script.introduce(5)
    script.remove(5)
    assert script.take_events() == [(0, "@releaseDomain", "t")]


def test_a_quota_is_called_otherwise_in_control_since_4_18(script, later):
    for store, name, other in (
        (script, "permissions", "node-permissions"),
        (later, "node-permissions", "permissions"),
    ):
        store.run(
            (0, 0, "CONTROL", f"quota\0set\0{name}\x001\0", OK),
            (0, 0, "CONTROL", f"quota\0set\0{other}\x001\0", "EINVAL"),
        )
        assert name.encode() in store.ask(0, 0, "CONTROL", b"quota\0").split()


def test_a_daemon_is_of_the_release_of_its_host(xen):
    kernel = xen.kernels[0]
    kernel.xen.release = RELEASES["3.4"]
    assert Xenstored(kernel).served.store.release is RELEASES["3.4"]
    assert successor_of(Xenstored(kernel).served.store).release is RELEASES["3.4"]
