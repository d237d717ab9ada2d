"""What `domzero top` is told besides the domains: machines, the guests' virtual disks, the faults.

Rules: numbers and texts only, each with its unit in its name; None for what has not happened.
"""

from actors.domu.journal_header import Word
from cluster.experiment.guest_record import GuestRecord
from cluster.experiment.injection import Injection
from cluster.experiment.supervisor import Supervisor

FAULTS_MAX = 20


def watched(supervisor: Supervisor, now_ns: int) -> dict[str, object]:
    """Everything as it is at `now_ns`, on the clock of the guests."""
    return {
        "name": supervisor.cluster.name,
        "phase": supervisor.phase,
        "now_ns": now_ns,
        "up_s": (now_ns - supervisor.began_ns) / 1e9,
        "machines": {
            name: {
                "power": board.state.power,
                "memory_kib": board.host.nr_frames * 4,
                "boots": board.state.boots,
                "dom0_boots": board.state.dom0_boots,
                "hwdom": board.host.hwdom,
            }
            for name, board in supervisor.boards.items()
        },
        "guests": [_guest(each, now_ns) for each in supervisor.guests.values()],
        "nr_faults": len(supervisor.injections),
        "faults": [_fault(each, now_ns) for each in supervisor.injections[-FAULTS_MAX:]],
    }


def _guest(guest: GuestRecord, now_ns: int) -> dict[str, object]:
    def total(word: Word) -> int:
        return sum(each.word(word) for each in guest.journals)

    return {
        "host": guest.host,
        "name": guest.name,
        "runs": guest.boots > 0 and not guest.ended,
        "vbds": len(guest.journals),
        "in_flight": total(Word.IN_FLIGHT),
        "reads": total(Word.READS),
        "writes": total(Word.WRITES),
        "read_sectors": total(Word.READ_BYTES) // 512,
        "written_sectors": total(Word.WRITTEN_BYTES) // 512,
        "outage_s": guest.outage_ns(now_ns) / 1e9,
        "longest_s": guest.longest_outage_ns / 1e9,
    }


def _fault(injection: Injection, now_ns: int) -> dict[str, object]:
    def after_ms(at_ns: int | None) -> float | None:
        return None if at_ns is None else (at_ns - injection.injected_at_ns) / 1e6

    return {
        "id": injection.label,
        "what": f"{injection.kind} of {injection.address}",
        "external": injection.external,
        "ago_s": (now_ns - injection.injected_at_ns) / 1e9,
        "detected_ms": after_ms(injection.detected_at_ns),
        "turn": injection.turn,
        "turned_ms": after_ms(injection.restarted_at_ns) if injection.turn else None,
        "recovered_ms": after_ms(injection.recovered_at_ns),
        "given_up": injection.given_up,
        "destroyed": injection.destroyed,
        "waiting_for": len(injection.waiting_for),
    }
