"""A guest that works with XenStore, its log, and what the log makes of a store that forgets."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.domu.store_client import StoreClient, StoreSpec
from actors.kernel.threads import Threads
from actors.notebook.store_log import StoreLog
from actors.notebook.store_log_reader import StoreWord
from actors.runtime.units import NS_PER_S


class Nodes:
    """A store that can lose what it has, refuse, and apply transactions by half."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.refuses = False
        self.halves = False

    async def read(self, path: str) -> str:
        if path not in self.nodes:
            raise XenError(Errno.ENOENT, path)
        return self.nodes[path]

    async def write(self, path: str, value: str) -> None:
        if self.refuses:
            raise XenError(Errno.ENOSPC, path)
        if not (self.halves and path.endswith("two")):
            self.nodes[path] = value

    async def transact(self, body):
        return await body(self)


class Rig:
    def __init__(self, nodes: int = 4) -> None:
        self.threads, self.store, self.log = Threads(), Nodes(), StoreLog.in_memory(nodes)
        self.client = StoreClient(self.threads, self.store, self.log, StoreSpec(nodes, 100.0))
        self.threads.spawn("client", self.client.run())

    def run(self, seconds: float) -> None:
        for tick in range(int(seconds * 100) + 1):
            self.threads.run(self.threads.now_ns + NS_PER_S // 100 * bool(tick))

    def end(self) -> None:
        self.client.stop()
        self.run(0.05)

    def words(self, *words: StoreWord) -> tuple[int, ...]:
        return tuple(self.log.word(each) for each in words)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_it_writes_at_its_rate_and_reads_everything_back(rig: Rig) -> None:
    rig.run(1)
    rig.end()

    assert rig.client.finished.done
    issued, acknowledged, read_back = rig.words(StoreWord.ISSUED, StoreWord.ACKNOWLEDGED, StoreWord.READ_BACK)
    assert 99 <= issued == acknowledged <= 103
    assert read_back == issued + 4
    assert rig.words(StoreWord.LOST, StoreWord.TORN, StoreWord.WANTED, StoreWord.REFUSED) == (0, 0, 0, 0)
    assert rig.store.nodes["data/store/1/one"] == rig.store.nodes["data/store/1/two"]


def test_what_a_store_forgets_is_lost_once_for_each_node(rig: Rig) -> None:
    rig.run(0.5)
    rig.store.nodes.clear()
    rig.run(0.5)
    rig.end()

    assert rig.words(StoreWord.LOST, StoreWord.TORN) == (4, 0)


def test_an_older_value_is_a_loss_and_so_is_one_from_nowhere(rig: Rig) -> None:
    rig.run(0.5)
    rig.store.nodes["data/store/0"] = "1"
    rig.store.nodes["data/store/2"] = "999"
    rig.run(0.5)

    assert rig.words(StoreWord.LOST) == (2,)


def test_half_a_transaction_is_torn(rig: Rig) -> None:
    rig.store.halves = True
    rig.run(0.2)

    assert rig.words(StoreWord.TORN)[0] > 0


def test_a_refused_write_may_have_been_done_or_not(rig: Rig) -> None:
    rig.run(0.2)
    rig.store.refuses = True
    rig.run(0.2)
    rig.store.refuses = False
    rig.end()

    assert rig.words(StoreWord.REFUSED)[0] > 0
    assert rig.words(StoreWord.LOST) == (0,)


def test_a_boot_forgets_what_the_last_life_was_told(rig: Rig) -> None:
    rig.run(0.5)
    before = rig.words(StoreWord.ACKNOWLEDGED)
    rig.log.begin_boot()

    assert rig.words(StoreWord.ACKNOWLEDGED) == before
    assert rig.words(StoreWord.BOOTS) == (2,)
    rig.log.read_back(0, [0])
    assert rig.words(StoreWord.LOST) == (0,)
