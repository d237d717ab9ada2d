"""xenstored as a program of dom0, which is killed, and told to update itself."""

import pytest

from actors.dom0.local_store import LocalStore
from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import Transport, Xenbus
from actors.messages import Fault
from actors.policies import StoreRestart
from actors.xenstore.memory_archive import MemoryArchive
from actors.xenstore.tool_clients import ToolClients
from tests.xen.simulated_xen import SimulatedXen

KILL, LIVE_UPDATE = "xenstored-kill", "xenstored-live-update"


class Dom0:
    """A dom0 whose store is at home, with a restart policy of its host."""

    def __init__(self, restart: StoreRestart = StoreRestart.lose) -> None:
        self.xen = SimulatedXen({0: Kernel}).boot()
        self.kernel = self.xen.kernels[0]
        self.lost = 0
        archive = MemoryArchive() if restart is StoreRestart.persist else None
        self.home = LocalStore(
            self.kernel,
            ToolClients(self.kernel),
            self._client,
            restart=restart,
            archive=archive,
            lost=self._lose,
        )

    def start(self) -> "Dom0":
        self.xenbus = self.do(self.home.start())
        self.do(self.xenbus.write("/tool", "x"))
        return self

    def _client(self, transport: Transport) -> Xenbus:
        return Xenbus(self.kernel.threads, transport, reconnect=True, log=self.kernel.log)

    def _lose(self) -> None:
        self.lost += 1

    def do(self, coroutine):
        return self.xen.do(0, coroutine)

    def break_(self, kind: str) -> bool:
        return self.kernel.faults[kind](Fault(1, kind, active=True, options={}))

    def fault(self, kind: str) -> bool:
        done = self.break_(kind)
        self.xen.run()
        self.home.check()
        return done


@pytest.mark.parametrize(
    ("restart", "kind", "lost", "there"),
    [
        (StoreRestart.lose, KILL, 1, False),
        (StoreRestart.lose, LIVE_UPDATE, 1, False),
        (StoreRestart.live_update, KILL, 1, False),
        (StoreRestart.live_update, LIVE_UPDATE, 0, True),
        (StoreRestart.persist, KILL, 0, True),
        (StoreRestart.persist, LIVE_UPDATE, 0, True),
    ],
)
def test_what_a_daemon_had_goes_with_it_unless_it_hands_it_on_or_keeps_it(
    restart: StoreRestart, kind: str, lost: int, *, there: bool
) -> None:
    dom0 = Dom0(restart).start()

    assert dom0.fault(kind)
    assert dom0.lost == lost
    assert dom0.do(dom0.xenbus.exists("/tool")) is there


def test_before_the_first_daemon_serves_there_is_nothing_to_kill() -> None:
    dom0 = Dom0()

    assert dom0.fault(KILL)
    assert dom0.home.statistics() is None
    dom0.start()
    assert dom0.lost == 0


def test_a_daemon_that_is_killed_while_it_is_started_dies_once_it_serves() -> None:
    dom0 = Dom0().start()

    assert dom0.break_(KILL)
    assert dom0.break_(KILL)
    dom0.xen.run()
    assert dom0.lost == 2
    assert sum("Killed" in line for line in dom0.xen.consoles[0]) == 2
