"""Figures of the network: a stream, small packets and a round trip between two guests of one host.

Each is a live run; what is measured is read from the journals of the talks.
"""

from typing import Final

from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_journal_reader import TalkJournalReader
from cluster.lab.config.resolved import Data
from cluster.running.run.session import Session
from cluster.studies.bench.host import Experiment

SECONDS: Final = 3
DATAGRAMS: Final = 30_000
"""A second, each with its answer: more than go through."""
ECHOES: Final = 200
"""A second: few enough for each to be alone."""


def stream_bits() -> float:
    """Bits a second of one TCP connection at full speed."""
    session = _talk({"kind": "stream"}, {"kind": "stream"})
    received = _journal(session, "b-0").word(TalkWord.BYTES_RECEIVED)
    return received * 8 / SECONDS


def small_packets() -> float:
    """Datagrams and answers of 64 bytes a second, each through frontend, backend, bridge and back."""
    session = _talk({"kind": "udp", "rate": f"{DATAGRAMS}/s"}, {"kind": "udp"})
    return 2 * _journal(session, "a-0").word(TalkWord.ANSWERED) / SECONDS


def round_trip_us() -> float:
    """Microseconds from an ICMP echo request to its reply, on average."""
    session = _talk({"kind": "ping", "rate": f"{ECHOES}/s"}, None)
    journal = _journal(session, "a-0")
    return journal.word(TalkWord.LATENCY_SUM_NS) / journal.word(TalkWord.ANSWERED) / 1e3


def _talk(client: Data, server: Data | None) -> Session:
    """A run of two guests, the first of which talks to the second."""
    guests: list[Data] = [
        {"name": name, "memory": "32MiB", "networks": [{}], "talks": talks}
        for name, talks in (
            ("b-0", [] if server is None else [{**server, "serve": True}]),
            ("a-0", [{**client, "to": "b-0"}]),
        )
    ]
    return Experiment(
        0,
        {},
        duration_ms=SECONDS * 1000,
        host={"nics": [{"name": "eth0", "trigger": "edge"}], "guests": guests},
    ).run()


def _journal(session: Session, name: str) -> TalkJournalReader:
    (guest,) = [each for each in session.supervisor.lab.guests.values() if each.address == f"host0/{name}"]
    return guest.talks[0]
