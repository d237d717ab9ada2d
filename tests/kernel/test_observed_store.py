"""Who writes the state of a device into the store is heard, once the store has it."""

from actors.abi.errno import Errno, XenError
from actors.kernel.kernel import Kernel
from actors.kernel.observed_store import ObservedStore
from actors.xenstore.daemon import Xenstored
from tests.xen.simulated_xen import SimulatedXen
from tests.xenstore.local_client import local_client

DEVICE = "device/vbd/51712"


class Observed:
    """A store in dom0, and what was told of it."""

    def __init__(self) -> None:
        self.xen = SimulatedXen({0: Kernel}).boot()
        kernel = self.xen.kernels[0]
        daemon = Xenstored(kernel)
        self.do(daemon.start())
        self.xenbus = local_client(kernel, daemon)
        self.told: list[tuple[str, int]] = []
        self.store = ObservedStore(self.xenbus, lambda device, state: self.told.append((device, state)))

    def do(self, coroutine):
        return self.xen.do(0, coroutine)


def test_a_state_is_told_and_nothing_else() -> None:
    observed = Observed()
    for path, value in (("state", "4"), ("ring-ref", "8"), ("state", ""), ("state", "six")):
        observed.do(observed.store.write(f"{DEVICE}/{path}", value))
    assert observed.told == [(DEVICE, 4)]
    assert observed.do(observed.store.read(f"{DEVICE}/state")) == "six"


def test_a_state_that_the_store_refuses_is_not_told() -> None:
    observed = Observed()
    (refusal,) = observed.xen.start(0, observed.store.write("bad//state", "4"))
    assert isinstance(refusal, XenError)
    assert refusal.errno is Errno.EINVAL
    assert observed.told == []


def test_the_states_of_a_transaction_are_told_after_its_commit_and_the_last_of_each_only() -> None:
    observed = Observed()
    tries = []

    async def body(nodes) -> None:
        tries.append(list(observed.told))
        await nodes.read("/") if tries[1:] else await observed.xenbus.write(f"{DEVICE}/ring-ref", "1")
        await nodes.write(f"{DEVICE}/state", str(len(tries)))
        await nodes.write(f"{DEVICE}/state", "3")
        if not tries[1:]:
            await nodes.read(f"{DEVICE}/ring-ref")
            await observed.xenbus.write(f"{DEVICE}/ring-ref", "2")

    observed.do(observed.store.transact(body))
    assert tries == [[], []], "it was tried again, and nothing was told before"
    assert observed.told == [(DEVICE, 3)]


def test_a_watch_is_the_stores() -> None:
    observed, seen = Observed(), []
    watch = observed.do(observed.store.watch(DEVICE, seen.append))
    observed.do(observed.store.unwatch(watch))
    observed.do(observed.store.write(f"{DEVICE}/state", "1"))
    assert seen == [DEVICE]
