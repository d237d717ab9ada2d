from dataclasses import dataclass
from random import Random

import pytest

from actors.messages import EthernetFrame, Pulse
from actors.runtime.link_rules import (
    ALTER,
    CORRUPT,
    DELAY,
    DROP,
    DUPLICATE,
    REORDER,
    Delivery,
    LinkRule,
    LinkRules,
)


@dataclass(slots=True)
class Note:
    text: str


@dataclass(slots=True)
class Other:
    number: int


def decide(*rules: LinkRule, message: object = None, seed: int = 1) -> list[Delivery]:
    return LinkRules(rules, Random(seed)).decide(message or Note("a"))


def test_without_rules_everything_passes() -> None:
    assert decide() == [Delivery(Note("a"))]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (LinkRule(DROP), []),
        (LinkRule(DELAY, delay_ns=5), [Delivery(Note("a"), 5, in_order=True)]),
        (LinkRule(REORDER, delay_ns=5), [Delivery(Note("a"), 5, in_order=False)]),
        (LinkRule(DUPLICATE), [Delivery(Note("a")), Delivery(Note("a"))]),
        (LinkRule(ALTER, fields={"text": "b"}), [Delivery(Note("b"))]),
    ],
    ids=lambda value: value.action if isinstance(value, LinkRule) else "",
)
def test_a_rule_does_what_it_says(rule: LinkRule, found: list[Delivery]) -> None:
    assert decide(rule) == found


def test_a_rule_leaves_messages_alone_that_it_does_not_name() -> None:
    assert decide(LinkRule(DROP, messages=("Other",))) == [Delivery(Note("a"))]
    assert decide(LinkRule(DROP, messages=("Other",)), message=Other(1)) == []


def test_altering_leaves_the_sender_s_message_as_it_is() -> None:
    sent = Note("a")

    decide(LinkRule(ALTER, fields={"text": "b"}), message=sent)

    assert sent == Note("a")


def test_rules_add_up_and_a_loss_ends_the_matter() -> None:
    late = LinkRule(DELAY, delay_ns=5)

    assert decide(LinkRule(DUPLICATE), late) == [Delivery(Note("a"), 5), Delivery(Note("a"), 5)]
    assert decide(late, LinkRule(DROP), LinkRule(DUPLICATE)) == []


def test_a_probability_strikes_as_often_as_it_says_and_the_same_for_the_same_seed() -> None:
    def lost(seed: int) -> list[bool]:
        rules = LinkRules([LinkRule(DROP, probability=0.25)], Random(seed))
        return [not rules.decide(Note("a")) for _ in range(4000)]

    assert lost(1) == lost(1)
    assert lost(1) != lost(2)
    assert 900 < sum(lost(1)) < 1100


def test_jitter_lies_between_the_delay_and_the_most() -> None:
    rules = LinkRules([LinkRule(DELAY, delay_ns=10, jitter_ns=5)], Random(1))

    late = {rules.decide(Note("a"))[0].late_ns for _ in range(500)}

    assert late == {10, 11, 12, 13, 14, 15}


def test_a_rule_travels_as_plain_data() -> None:
    rule = LinkRule(ALTER, 0.5, ("Note",), 1, 2, {"text": "b"})

    assert LinkRule.from_row(rule.row()) == rule


def test_a_corrupt_message_differs_by_one_bit_in_each_copy_another() -> None:
    frame = EthernetFrame(bytes(range(64)))
    rules = LinkRules([LinkRule(DUPLICATE), LinkRule(CORRUPT)], Random(1))
    places = set()
    for _ in range(50):
        copies = [each.message for each in rules.decide(frame)]
        assert len(copies) == 2
        for each in copies:
            changed = int.from_bytes(each.data) ^ int.from_bytes(frame.data)
            assert changed.bit_count() == 1
            places.add(changed)
    assert len(places) > 50, "anywhere"
    assert frame.data == bytes(range(64))


@pytest.mark.parametrize("message", [EthernetFrame(b""), Pulse()])
def test_what_has_no_data_cannot_be_corrupted(message: object) -> None:
    (delivery,) = LinkRules([LinkRule(CORRUPT)], Random(1)).decide(message)
    assert delivery.message == message
