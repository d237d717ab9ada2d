"""Where a guest finds what it writes down for the experimenter, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from actors.domu.talk.talks import OpenTalkJournal
from actors.notebook.journal import Journal
from actors.notebook.store_log import StoreLog

OpenJournal = Callable[[str], Journal]
OpenStoreLog = Callable[[str], StoreLog]


@dataclass(frozen=True, slots=True)
class Notebooks:
    """One for each disk, one for XenStore, one for each talk."""

    journal: OpenJournal
    store_log: OpenStoreLog | None = None
    talk_journal: OpenTalkJournal | None = None
