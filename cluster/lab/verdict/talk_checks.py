"""What is checked of the networks of a run: the ledger of its talks, and their conservation.

Rules: read after the run is over. That datagrams come twice is a failure unless a fault of the run was to
double what is sent.
"""

from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_journal_reader import TalkJournalError
from cluster.lab.verdict.check import Check, Verdict
from cluster.lab.verdict.run_facts import RunFacts
from cluster.lab.verdict.talk_ledger import judge_talks
from cluster.lab.verdict.talk_result import TalkResult

DOUBLING = "duplicate"


def talk_result(facts: RunFacts) -> TalkResult | None:
    """What came of all talks; None, with a word in `facts.unknown`, if a journal cannot be read."""
    journals = [each for guest in facts.guests for each in guest.talks]
    end_ns = max((each.word(TalkWord.LAST_SUCCESS_NS) for each in journals), default=0)
    try:
        result = judge_talks(journals, end_ns)
    except TalkJournalError as error:
        facts.unknown.append(str(error))
        return None
    for guest in facts.guests:
        if guest.talks:
            result.silence(guest.address, guest.longest_silence_ns, end_ns)
    return result


def talk_checks(facts: RunFacts, result: TalkResult | None) -> list[Check]:
    """The checks; none if nobody talks."""
    if not any(guest.talks for guest in facts.guests):
        return []
    if result is None:
        return [Check("network", Verdict.unknown, "a journal could not be read")]
    doubles = any(DOUBLING in each.kind for each in facts.injections)
    detail = _detail(result)
    if not result.holds(may_double=doubles):
        told = f"; {result.offenders[0]}" if result.offenders else ""
        return [Check("network", Verdict.failed, detail + told)]
    never = [
        each.address for each in facts.guests if any(talk.wanted for talk in each.talks) and not each.died
    ]
    if never:
        verdict = Verdict.unknown if facts.power_was_cut else Verdict.failed
        return [Check("network", verdict, f"{detail}; never done: {', '.join(never[:5])}")]
    return [Check("network", Verdict.held, detail)]


def _detail(result: TalkResult) -> str:
    connections, data, datagrams = result.connections, result.bytes, result.datagrams
    parts = []
    if connections.opened:
        ends = ("reset", "timed_out", "refused", "given_up", "abandoned")
        broken = [
            f"{count} {name.replace('_', ' ')}" for name in ends if (count := getattr(connections, name))
        ]
        parts.append(", ".join([f"{connections.lived} of {connections.opened} connections lived", *broken]))
        parts.append(f"{data.in_order:,} bytes in order")
    wrong = {
        "bytes missing": data.missing,
        "bytes doubled": data.doubled,
        "bytes corrupt": data.corrupt,
        "datagrams doubled": datagrams.doubled,
        "datagrams corrupt": datagrams.corrupt,
        "misdelivered": result.misdelivered,
    }
    if datagrams.sent:
        parts.append(f"{datagrams.answered} of {datagrams.sent} datagrams answered, {datagrams.lost} lost")
    parts += [f"{count:,} {name}" for name, count in wrong.items() if count]
    if result.silence_max_ns:
        parts.append(f"the longest silence was {result.silence_max_ns / 1e6:,.3g} ms ({result.silent})")
    return "; ".join(parts) or "nothing was said"
