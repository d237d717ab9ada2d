"""What verdicts make together."""

from cluster.lab.verdict.check import Verdict


def test_of_nothing_at_all_nothing_is_known() -> None:
    assert Verdict.all_of([]) is Verdict.unknown
