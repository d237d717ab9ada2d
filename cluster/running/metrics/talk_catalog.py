"""The metrics of what guests say over their networks, rows as those of the catalog.

Rules: as in the catalog. All come out of the journals of those who ask, so they outlive everybody.
"""

from typing import Final

from actors.notebook.talk_header import TalkWord
from cluster.running.metrics.family import counter, gauge

_LABELS: Final = "guest talk kind"

TALK_SILENCE_SECONDS: Final = gauge(
    "talk_silence_seconds",
    _LABELS,
    "How long a talk, or one of its connections, has waited for a sign of life of the other end.",
    merge="max",
)
TALK_LONGEST_SILENCE_SECONDS: Final = gauge(
    "talk_longest_silence_seconds",
    _LABELS,
    "The longest time that one has waited so, be it over or not.",
    merge="max",
)
TALK_CONNECTIONS_OPEN: Final = gauge(
    "talk_connections_open",
    _LABELS,
    "Connections that a client has opened and that are not over.",
    TalkWord.OPEN,
)
TALK_CONNECTIONS: Final = counter(
    "talk_connections",
    f"{_LABELS} outcome",
    "Connections that a client has opened, that were open, and how they have ended.",
    {
        "opened": TalkWord.OPENED,
        "established": TalkWord.ESTABLISHED,
        "closed": TalkWord.CLOSED,
        "reset": TalkWord.RESET,
        "timed out": TalkWord.TIMED_OUT,
        "refused": TalkWord.REFUSED,
        "given up": TalkWord.ABORTED,
        "abandoned": TalkWord.ABANDONED,
    },
)
TALK_BYTES: Final = counter(
    "talk_bytes",
    f"{_LABELS} direction",
    "Bytes that a client has given to its connections, has a receipt for, and has been given by them.",
    {
        "sent": TalkWord.BYTES_SENT,
        "receipted": TalkWord.BYTES_RECEIPTED,
        "received": TalkWord.BYTES_RECEIVED,
    },
)
TALK_REQUESTS: Final = counter(
    "talk_requests",
    f"{_LABELS} result",
    "Echoes, datagrams and documents that a client has asked for, that were answered, and that have failed.",
    {"sent": TalkWord.SENT, "answered": TalkWord.ANSWERED, "failed": TalkWord.FAILED},
)
TALK_WRONG_ANSWERS: Final = counter(
    "talk_wrong_answers",
    f"{_LABELS} reason",
    "What has come to a client and is not what it should be.",
    {
        "doubled": TalkWord.DOUBLED,
        "corrupt": TalkWord.CORRUPT,
        "misdelivered": TalkWord.MISDELIVERED,
        "bad block": TalkWord.BAD_BLOCKS,
        "stray": TalkWord.STRAYS,
    },
)
