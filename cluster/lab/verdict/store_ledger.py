"""Whether XenStore kept what it had acknowledged, by the logs of the guests that wrote it alone.

Rules: nothing of the store's own code or archive is asked. What a store that may lose everything has lost
with a fault is told and no failure; half a transaction is one always.
"""

from typing import Final

from actors.notebook.store_log_reader import StoreLogReader, StoreWord
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.verdict.check import Check, Verdict
from cluster.lab.verdict.run_facts import RunFacts

NAME: Final = "store writes"
_STORE_LIVES_ON: Final = ("dom0", "xenstore", "xenstored", "hypervisor", "ioapic")


def store_writes(facts: RunFacts) -> list[Check]:
    """The check; none if no guest has such a log."""
    logs = {guest.address: (guest, guest.store_log) for guest in facts.guests if guest.store_log is not None}
    if not logs:
        return []
    wrong, excused = [], 0
    for address, (guest, log) in logs.items():
        lost, torn = log.word(StoreWord.LOST), log.word(StoreWord.TORN)
        hangs = log.word(StoreWord.WANTED) and not guest.died and not facts.power_was_cut
        if torn:
            wrong.append(f"{address}: {torn} transactions by half")
        if (lost or hangs) and _may_lose(facts, guest):
            excused += lost
        elif lost:
            wrong.append(f"{address}: {lost} lost")
        elif hangs:
            wrong.append(f"{address}: not answered any more")
    detail = _detail([log for _, log in logs.values()], excused)
    if wrong:
        return [Check(NAME, Verdict.failed, f"{detail}; {', '.join(wrong[:5])}")]
    if facts.cut_short:
        return [Check(NAME, Verdict.unknown, f"{detail}; not read back to the end")]
    return [Check(NAME, Verdict.held, detail)]


def _may_lose(facts: RunFacts, guest: GuestRecord) -> bool:
    """Whether the store of this guest keeps nothing, and something was done that may have ended its life."""
    architecture = facts.cluster.host(guest.host).architecture
    if architecture.keeps_store:
        return False
    harmless = [name for name, kind in FAULT_KINDS.items() if architecture.store_restart in kind.spares_store]
    return any(
        each.host == guest.host
        and each.kind not in harmless
        and (not each.place.actors or any(name in _STORE_LIVES_ON for name in each.place.actors))
        for each in facts.injections
    )


def _detail(logs: list[StoreLogReader], excused: int) -> str:
    def total(word: StoreWord) -> int:
        return sum(log.word(word) for log in logs)

    longest_ms = max(log.word(StoreWord.LONGEST_WAIT_NS) for log in logs) / 1e6
    text = f"{total(StoreWord.ACKNOWLEDGED)} acknowledged, {total(StoreWord.READ_BACK)} read back"
    text += f", {excused} lost with the store" if excused else ""
    return f"{text}; the longest wait was {longest_ms:.3g} ms"
