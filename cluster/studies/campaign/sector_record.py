"""The reads, writes and flushes of one disk, and whether those of each sector have an order.

Blocks that are always used as a whole are one register; elsewhere each sector is one.
Rules: a write that nobody saw answered, or that was answered with an error, may be there or not. Where the
power was lost, what was neither flushed nor FUA may be gone: the register then begins anew, with one of the
values that it may have had.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from cluster.studies.campaign.history import Operation
from cluster.studies.campaign.registers import Access, register_violation

VIOLATIONS_MAX: Final = 5
NOTHING: Final = 0


@dataclass(frozen=True, slots=True)
class _Row:
    operation: Operation
    sector: int
    sectors: int


class SectorRecord:
    """Records one disk, named as `host0/web-0/51712`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: list[_Row] = []
        self._flushes: list[Operation] = []

    def note(self, operation: Operation, sector: int, sectors: int) -> None:
        """An operation begins; it is filled in later."""
        if sectors:
            self._rows.append(_Row(operation, sector, sectors))
        elif operation.f == "flush":
            self._flushes.append(operation)

    def violations(self, losses: tuple[int, ...] = ()) -> list[str]:
        """What cannot be; `losses`: indices of the history at which the power was lost."""
        found = []
        for name, accesses in self._registers():
            wrong = self._judge(accesses, losses)
            if wrong:
                found.append(f"{self.name} {name}: {wrong}")
                if len(found) == VIOLATIONS_MAX:
                    break
        return found

    def _registers(self) -> list[tuple[str, list[Access]]]:
        registers: dict[tuple[int, int], list[Access]] = {}
        for row in self._rows:
            access = _whole(row.operation)
            if access is None:
                return self._by_sector()
            registers.setdefault((row.sector, row.sectors), []).append(access)
        places = sorted(registers)
        if any(at + count > after for (at, count), (after, _) in pairwise(places)):
            return self._by_sector()
        return [(f"sectors {at} to {at + count - 1}", registers[at, count]) for at, count in places]

    def _by_sector(self) -> list[tuple[str, list[Access]]]:
        registers: dict[int, list[Access]] = {}
        for row in self._rows:
            operation = row.operation
            for offset in range(row.sectors):
                value = operation.value
                if operation.f == "read" and operation.outcome == "ok":
                    result = operation.result
                    assert isinstance(result, list), "a read gives a value for each sector"
                    value = result[offset]
                registers.setdefault(row.sector + offset, []).append(_access(operation, value))
        return [(f"sector {at}", registers[at]) for at in sorted(registers)]

    def _judge(self, accesses: list[Access], losses: tuple[int, ...]) -> str:
        initial, candidates = NOTHING, {NOTHING}
        began = 0
        for loss in (*losses, None):
            life = [_until(each, loss) for each in accesses if each.began >= began and _is_before(each, loss)]
            written = {each.value for each in life if each.writes}
            for each in life:
                if not each.writes and each.ended is not None and each.value not in written:
                    if each.value in candidates:
                        initial, candidates = each.value, {each.value}
                    break
            wrong = register_violation(life, initial)
            if wrong or loss is None:
                return wrong
            candidates = self._survivors(life, candidates, loss)
            began = loss
        return ""

    def _survivors(self, life: list[Access], candidates: set[int], loss: int) -> set[int]:
        """What the register may hold after the power was lost: nothing that a durable write has replaced."""
        writes = [each for each in life if each.writes]
        durable = max((each.began for each in writes if self._is_durable(each, loss)), default=-1)
        kept = {each.value for each in writes if each.ended is None or each.ended > durable}
        return kept if durable >= 0 else kept | candidates

    def _is_durable(self, write: Access, loss: int) -> bool:
        return write.ended is not None and any(
            flush.began > write.ended and flush.outcome == "ok" and (flush.ended or loss) < loss
            for flush in self._flushes
        )


def _whole(operation: Operation) -> Access | None:
    """An operation on a block as one on a register; None if its sectors differ."""
    value = operation.value
    if operation.f == "read" and operation.outcome == "ok":
        result = operation.result
        assert isinstance(result, list), "a read gives a value for each sector"
        if len(set(result)) != 1:
            return None
        value = result[0]
    return _access(operation, value)


def _access(operation: Operation, value: object) -> Access:
    assert isinstance(value, int), "what is written is a number"
    ended = operation.ended if operation.outcome == "ok" else None
    return Access(operation.f == "write", value, operation.began, ended)


def _is_before(access: Access, loss: int | None) -> bool:
    return loss is None or access.began < loss


def _until(access: Access, loss: int | None) -> Access:
    if loss is None or access.ended is None or access.ended < loss:
        return access
    return Access(access.writes, access.value, access.began, None)
