"""A talk that a fault of the network reaches is waited for until it is answered, or cannot be."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from actors.dom0.shutdown_actions import DESTROY, RESTART
from actors.notebook.talk_header import TalkWord
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.records import FaultRecords
from cluster.lab.experiment.breaking.waiter import Waiter

DONE, LIFTED, LATE = 1_000, 2_000, 9_000_000
CLIENT, SERVER = 1, 2
BOARDS = {"host0": SimpleNamespace(state=SimpleNamespace(power="on"))}


class Talk:
    """A talk that has been answered at times, and waits since."""

    def __init__(self) -> None:
        self.wanted = True
        self.words = {
            TalkWord.LAST_SUCCESS_NS: 500, TalkWord.WAITING_SINCE_NS: 900, TalkWord.PEER_ID: SERVER
        }  # fmt: skip

    def word(self, word: TalkWord) -> int:
        return self.words[word]

    def answer(self, at_ns: int) -> None:
        self.words |= {TalkWord.LAST_SUCCESS_NS: at_ns, TalkWord.WAITING_SINCE_NS: 0}


class Waiting:
    """Two talks of one guest that a fault of a controller has stopped; it has been taken away."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        self.talks = [Talk(), Talk()]
        shared = {"is_up": True, "is_dead": False, "returns": False, "has_left": False}
        self.client = SimpleNamespace(**shared, works=True, talks=self.talks, oldest_issue_ns=0)
        self.server = SimpleNamespace(**shared, works=False, talks=[], action=RESTART)
        guests = {CLIENT: self.client, SERVER: self.server}
        self.records = FaultRecords(cluster.hosts, guests, lambda _what, _text: None)  # type: ignore[arg-type]
        self.injection: Injection = self.records.note(
            "nic-hang", "host0", "eth0", DONE, label="1", lives={}, options={},
            affected=[Waiter(CLIENT, 0), Waiter(CLIENT, 1)],  # type: ignore[arg-type]
        )  # fmt: skip
        self.injection.lasting = True
        self.injection.mortal = False
        self.records.taken_away(self.injection, LIFTED)

    def look(self, now_ns: int) -> int | None:
        self.records.watch(BOARDS, now_ns)  # type: ignore[arg-type]
        return self.injection.recovered_at_ns


@pytest.fixture
def waiting(load: Callable[..., ResolvedCluster]) -> Waiting:
    return Waiting(load())


def test_it_is_over_when_all_of_them_flow_again_and_not_when_one_does(waiting: Waiting) -> None:
    assert waiting.look(LIFTED) is None
    waiting.talks[0].answer(3_000)
    assert waiting.look(LATE) is None
    assert waiting.injection.waiting_guests == [CLIENT]
    waiting.talks[1].answer(LATE + 1)

    assert waiting.look(2 * LATE) == LATE + 1


def test_what_was_answered_before_it_was_taken_away_does_not_count(waiting: Waiting) -> None:
    for each in waiting.talks:
        each.answer(LIFTED - 1)

    assert waiting.look(LATE) is None


def test_a_talk_that_is_over_is_not_waited_for(waiting: Waiting) -> None:
    waiting.look(LIFTED)
    waiting.talks[0].answer(3_000)
    assert waiting.look(LATE) is None
    waiting.talks[1].wanted = False

    assert waiting.look(2 * LATE) == 2 * LATE


@pytest.mark.parametrize(
    ("action", "returns", "over"), [(DESTROY, False, True), (RESTART, True, False), (RESTART, False, False)]
)
def test_nobody_waits_for_an_answer_of_a_guest_that_is_gone_for_good(
    waiting: Waiting, action: str, *, returns: bool, over: bool
) -> None:
    waiting.server.is_dead, waiting.server.action, waiting.server.returns = True, action, returns

    assert (waiting.look(LATE) is not None) is over
