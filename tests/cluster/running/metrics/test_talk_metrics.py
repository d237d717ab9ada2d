"""What is told of a talk: the silence that lasts, the longest so far, and nothing of who only answers."""

from types import SimpleNamespace

import pytest

from actors.notebook.talk_header import TalkKind, TalkRole
from actors.notebook.talk_journal import TalkIdentity, TalkJournal
from actors.notebook.talk_pen import ConnectionPen
from cluster.running.metrics import talk_catalog
from cluster.running.metrics.families import Families, LabelTexts
from cluster.running.metrics.talk_metrics import TalkMetrics

S = 1_000_000_000
LABELS = "web-0", "talk1", "stream"


class Bench:
    """A guest that answers in its first talk and asks in its second, on two connections."""

    def __init__(self) -> None:
        roles = TalkRole.server, TalkRole.client
        specs = [SimpleNamespace(number=at, kind=TalkKind.stream, role=role) for at, role in enumerate(roles)]
        self.answering, self.asking = (
            TalkJournal.in_memory(TalkIdentity("host0/web-0", 1, each.number, each.kind, each.role))
            for each in specs
        )
        self.record = SimpleNamespace(talks=[self.answering, self.asking], has_left=False)
        host = SimpleNamespace(guests=[SimpleNamespace(name="web-0", guest_id=1, talks=specs)])
        self.pens = [ConnectionPen(self.asking, (1, 2), (3, each), S, accepted=False) for each in (4, 5)]
        self._metrics = TalkMetrics(host, {1: self.record}, lambda name: name)

    def read(self, now_ns: int) -> tuple[float, float]:
        """The silence as of now, and the longest."""
        families = Families(LabelTexts({}))
        self._metrics.write(families, now_ns)
        rows = talk_catalog.TALK_SILENCE_SECONDS, talk_catalog.TALK_LONGEST_SILENCE_SECONDS
        found = [families._values[each.name] for each in rows]
        assert [list(each) for each in found] == [[LABELS]] * 2, "who answers waits for nobody"
        return found[0][LABELS], found[1][LABELS]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nobody_waits(bench: Bench) -> None:
    assert bench.read(9 * S) == (0, 0)


def test_a_connection_that_hears_nothing_is_told_of_while_another_one_lives(bench: Bench) -> None:
    for each in bench.pens:
        each.begin_wait(2 * S)
        bench.asking.begin_wait(2 * S)
    bench.pens[0].progress(5 * S, busy=True)
    bench.asking.serve(5 * S, busy=True)

    assert bench.read(6 * S) == (4, 4)
    bench.pens[1].progress(7 * S, busy=False)
    assert bench.read(8 * S) == (3, 5)


def test_a_talk_waits_when_it_has_no_connection_left(bench: Bench) -> None:
    bench.asking.set_wanted(wanted=True)
    bench.asking.begin_wait(2 * S)
    bench.asking.begin_boot()

    assert bench.read(12 * S) == (10, 10)
    bench.asking.serve(13 * S, busy=False)
    assert bench.read(20 * S) == (0, 11)


def test_a_guest_that_has_left_waits_for_nobody(bench: Bench) -> None:
    bench.pens[0].begin_wait(2 * S)
    bench.record.has_left = True

    assert bench.read(9 * S) == (0, 0)
