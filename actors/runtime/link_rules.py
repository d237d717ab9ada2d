"""Rules that break one direction of a link: messages are lost, late, doubled, overtaken or changed.

Rules: what is decided here follows from the rules, the messages and a seeded stream of random numbers;
a driver performs it. All rules that strike a message apply to it, in their order; one that loses it ends
the matter. A rule belongs to one life of a link: the next link of that name is sound.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

DROP: Final = "drop"
DELAY: Final = "delay"
DUPLICATE: Final = "duplicate"
REORDER: Final = "reorder"
ALTER: Final = "alter"
CORRUPT: Final = "corrupt"
ACTIONS: Final = (DROP, DELAY, DUPLICATE, REORDER, ALTER, CORRUPT)


@dataclass(frozen=True, slots=True)
class LinkRule:
    """One rule. `messages` are names of message classes, none for all of them.

    `delay` comes later by `delay_ns` and up to `jitter_ns` more, in order; `reorder` lets what is sent within
    `delay_ns` overtake; `alter` puts other values into fields of the message; `corrupt` turns over one bit of
    its `data`, in each copy another one.
    """

    action: str
    probability: float = 1.0
    messages: tuple[str, ...] = ()
    delay_ns: int = 0
    jitter_ns: int = 0
    fields: dict[str, object] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "LinkRule":
        """A rule as `row` gave it away."""
        action, probability, messages, delay_ns, jitter_ns, fields = row
        return cls(action, probability, tuple(messages), delay_ns, jitter_ns, fields)

    def row(self) -> list[object]:
        """The rule as msgpack data."""
        return [
            self.action, self.probability, list(self.messages), self.delay_ns, self.jitter_ns, self.fields
        ]  # fmt: skip


@dataclass(slots=True)
class Delivery:
    """One copy of a message that arrives: how much later, and whether behind what was sent before it."""

    message: Any
    late_ns: int = 0
    in_order: bool = True


class LinkRules:
    """The rules of one direction of a link."""

    def __init__(self, rules: Sequence[LinkRule], random: Random) -> None:
        assert all(each.action in ACTIONS for each in rules), "a rule has one of the known actions"
        self._rules = tuple(rules)
        self._random = random

    def decide(self, message: object) -> list[Delivery]:
        """What arrives of a message, in this order; nothing if it is lost."""
        deliveries = [Delivery(message)]
        for rule in self._rules:
            if rule.messages and type(message).__name__ not in rule.messages:
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            if rule.action == DROP:
                return []
            if rule.action == DUPLICATE:
                deliveries += [Delivery(each.message, each.late_ns, each.in_order) for each in deliveries]
            for each in deliveries:
                self._apply(rule, each)
        return deliveries

    def _apply(self, rule: LinkRule, delivery: Delivery) -> None:
        if rule.action in {DELAY, REORDER}:
            delivery.late_ns += rule.delay_ns
            if rule.jitter_ns:
                delivery.late_ns += self._random.randrange(rule.jitter_ns + 1)
            delivery.in_order = delivery.in_order and rule.action == DELAY
        elif rule.action == ALTER:
            delivery.message = replace(delivery.message, **rule.fields)
        elif rule.action == CORRUPT:
            delivery.message = self._corrupt(delivery.message)

    def _corrupt(self, message: Any) -> object:  # noqa: ANN401 (any message)
        """The message with one bit turned over; one without data as it is."""
        data = bytearray(getattr(message, "data", b""))
        if not data:
            return message
        place = self._random.randrange(len(data) * 8)
        data[place >> 3] ^= 1 << (place & 7)
        return replace(message, data=bytes(data))
