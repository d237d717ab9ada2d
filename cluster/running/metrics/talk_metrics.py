"""The metrics of what one host's guests say over their networks, at the end that asks.

Rules: they come out of the journals, which are read at the moment of the scrape. A talk is called by its
place among those of its guest, so that its labels are bounded by the configuration.
"""

from collections.abc import Callable, Mapping

from actors.notebook.talk_header import TalkRole, TalkWord
from actors.notebook.talk_journal_reader import TalkJournalReader
from actors.runtime.units import NS_PER_S
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.running.metrics import talk_catalog
from cluster.running.metrics.families import Families


class TalkMetrics:
    """Writes the metrics of talks. `label`: how a guest is called."""

    def __init__(
        self, host: ResolvedHost, guests: Mapping[GuestId, GuestRecord], label: Callable[[str], str]
    ) -> None:
        self._talks = [
            (guests[guest.guest_id], journal, (label(guest.name), f"talk{spec.number}", spec.kind.name))
            for guest in host.guests
            for spec, journal in zip(guest.talks, guests[guest.guest_id].talks, strict=False)
            if spec.role is TalkRole.client
        ]

    def write(self, families: Families, now_ns: int) -> None:
        """All of them, as of now."""
        for guest, journal, labels in self._talks:
            families.add_all(TalkJournalReader, journal, *labels)
            silence_ns = 0 if guest.has_left else silence_of(journal, now_ns)
            kept = (journal.word(TalkWord.LONGEST_SILENCE_NS), journal.word(TalkWord.LONGEST_GAP_NS))
            families.add(talk_catalog.TALK_SILENCE_SECONDS, silence_ns / NS_PER_S, *labels)
            families.add(
                talk_catalog.TALK_LONGEST_SILENCE_SECONDS, max(silence_ns, *kept) / NS_PER_S, *labels
            )


def silence_of(journal: TalkJournalReader, now_ns: int) -> int:
    """How long the talk, or a connection of it, has now waited for a sign of life, in nanoseconds."""
    since_ns = journal.silent_since_ns(now_ns)
    return max(now_ns - since_ns, 0) if since_ns else 0
