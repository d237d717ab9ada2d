"""Which devices of the store are served: complete ones, of which one knows what is behind them."""

from collections.abc import Callable

import pytest

from actors.block.blkback import Blkback
from actors.drivers.backends import DOM0_HOME, OWN_HOME, Backends
from actors.kernel.kernel import Kernel
from actors.messages import Fault, StateWritten
from actors.policies import Reconnect
from actors.xenstore.daemon import Xenstored
from tests.xen.simulated_xen import SimulatedXen
from tests.xenstore.local_client import local_client

KEY = ("vbd", 1, 51712)
PATH = "/local/domain/0/backend/vbd/1/51712"
FRONT = "/local/domain/1/device/vbd/51712"


class Volume:
    """What nobody has to read."""

    sectors, read_only = 64, False

    def submit(
        self, operation: int, sector: int, segments: list[tuple[int, int, int]], done: Callable[[int], None]
    ) -> None:
        raise AssertionError("nothing was asked of it")


class Served:
    """A dom0 with a store, in which the test writes what a toolstack writes."""

    def __init__(self) -> None:
        self.xen = SimulatedXen({0: Kernel}).boot()
        self.kernel = self.xen.kernels[0]
        daemon = Xenstored(self.kernel)
        self.xen.do(0, daemon.start())
        self.xenbus = local_client(self.kernel, daemon)
        self.asked: list[str] = []

    def start(self, home: str = DOM0_HOME, *, tells_states: bool = True) -> "Served":
        behind = {"params": self.volume}
        policy = Reconnect.renegotiate
        self.backends = Backends(
            self.kernel, self.xenbus, behind, policy, home=home, tells_states=tells_states
        )
        self.xen.do(0, self.backends.start())
        self.xen.run()
        return self

    def volume(self, params: str) -> Volume:
        self.asked.append(params)
        if params != "sda:0":
            raise KeyError(params)
        return Volume()

    def attach(self, path: str = PATH, state: str = "1", **nodes: str) -> None:
        nodes = {"frontend": FRONT, "frontend-id": "1", "params": "sda:0", "online": "1"} | nodes
        for key, value in nodes.items():
            if value:
                self.write(f"{path}/{key}", value)
        self.write(f"{path}/state", state)

    def write(self, path: str, value: str) -> None:
        self.xen.do(0, self.xenbus.write(path, value))
        self.xen.run()

    def state(self) -> str:
        text = self.xen.do(0, self.xenbus.read(f"{PATH}/state"))
        assert isinstance(text, str)
        return text

    @property
    def told(self) -> list[tuple[str, int, int, int]]:
        """What the supervisor heard of states."""
        rows = [each for _, _, each in self.xen.told if isinstance(each, StateWritten)]
        return [(each.end, each.frontend_domid, each.virtual_device, each.state) for each in rows]


@pytest.fixture
def served() -> Served:
    return Served().start()


def test_a_device_that_is_complete_is_served(served: Served) -> None:
    served.attach()

    assert list(served.backends.devices) == [KEY]
    assert isinstance(served.backends.devices[KEY], Blkback)
    assert (served.backends.states(), served.state(), served.asked) == ([("vbd", "InitWait")], "2", ["sda:0"])
    (statistics,) = served.backends.statistics()["vbd"]
    assert (statistics.domid, statistics.device) == (1, 51712)
    served.backends.check()


@pytest.mark.parametrize("state", ["0", "2", "3", "4", "6", "7", "8"])
def test_a_device_in_another_state_is_not_begun(served: Served, state: str) -> None:
    served.attach(state=state)
    assert (served.backends.devices, served.state()) == ({}, state)


@pytest.mark.parametrize(
    "path", ["1/51712/online", "1/x/state", "x/51712/state", "1/state", "1/51712/a/state"]
)
def test_other_nodes_say_nothing_of_a_device(served: Served, path: str) -> None:
    served.write(f"/local/domain/0/backend/vbd/{path}", "1")
    assert (served.backends.devices, served.asked) == ({}, [])


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"params": "sdb:0"}, "no volume 'sdb:0'"),
        ({"params": ""}, "ENOENT"),
        ({"frontend": ""}, "ENOENT"),
    ],
)
def test_a_device_that_cannot_be_served_is_said_to_be_so(
    served: Served, nodes: dict[str, str], said: str
) -> None:
    served.attach(**nodes)

    assert served.backends.devices == {}
    assert any(PATH in line and said in line for line in served.xen.consoles[0])


def test_a_device_that_is_detached_before_it_was_served_has_to_end(served: Served) -> None:
    served.attach(state="5", online="0")
    served.write(f"{FRONT}/state", "6")
    assert (served.state(), served.backends.devices) == ("6", {})


def test_the_devices_of_a_domain_that_is_gone_are_let_go_and_no_others(served: Served) -> None:
    other = "/local/domain/0/backend/vbd/2/51712"
    served.attach()
    served.attach(other, frontend="/local/domain/2/device/vbd/51712")
    served.backends.remove(1)
    served.xen.run()
    assert list(served.backends.devices) == [("vbd", 2, 51712)]


def test_a_device_is_served_again_after_its_end(served: Served) -> None:
    served.attach()
    served.backends.remove(1)
    served.xen.run()
    served.write(f"{PATH}/state", "1")
    assert (list(served.backends.devices), served.state()) == ([KEY], "2")


@pytest.mark.parametrize(
    ("number", "active", "done"), [(51712, True, False), (51728, True, False), (51728, False, True)]
)
def test_a_disk_without_a_connection_answers_nothing_wrong(
    served: Served, number: int, active: bool, done: bool
) -> None:
    served.attach()
    fault = Fault(1, "backend-malformed-response", active, {"domid": 1, "virtual_device": number})
    assert served.kernel.faults["backend-malformed-response"](fault) is done


def test_a_driver_domain_serves_what_was_written_before_it_looked() -> None:
    # The store takes a relative path for one of the domain whose connection it is: here, domain 0.
    served = Served()
    served.attach()
    served.start(home=OWN_HOME)
    assert (list(served.backends.devices), served.state()) == ([KEY], "2")


def test_dom0_leaves_what_was_written_before_it_looked_to_its_toolstack() -> None:
    served = Served()
    served.attach()
    assert served.start().backends.devices == {}


@pytest.mark.parametrize("tells_states", [True, False])
def test_the_supervisor_hears_of_every_state_if_it_waits_for_some(tells_states: bool) -> None:
    served = Served().start(tells_states=tells_states)
    served.attach()
    assert served.state() == "2"
    assert served.told == [("backend", 1, 51712, 2)] * tells_states


def test_an_interface_whose_bridge_is_not_there_has_a_backend_that_says_so() -> None:
    served = Served().start()
    path = "/local/domain/0/backend/vif/1/0"
    served.attach(path, frontend="/local/domain/1/device/vif/0", params="", bridge="nosuch")
    served.xen.run()

    told = {key: served.xen.do(0, served.xenbus.read(f"{path}/{key}")) for key in ("state", "hotplug-error")}
    assert told == {"state": "2", "hotplug-error": "Could not find bridge device nosuch"}
    assert ("vif", 1, 0) in served.backends.devices
