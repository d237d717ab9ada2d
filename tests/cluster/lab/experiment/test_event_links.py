"""When two domains have a link: the hypervisor has asked, both run, and nothing is broken there."""

import pytest

from actors.runtime.machine import Connect, Disconnect, Effect
from cluster.lab.experiment.event_links import EventLinks

MADE = Connect("h/dom0", "events/3", "h/dom3", "events/0")
CUT = [Disconnect("h/dom0", "events/3"), Disconnect("h/dom3", "events/0")]


@pytest.fixture
def effects() -> list[Effect]:
    return []


@pytest.fixture
def links(effects: list[Effect]) -> EventLinks:
    links = EventLinks("h", effects.append)
    links.join(3, 0)
    assert effects == [MADE]
    effects.clear()
    return links


@pytest.mark.parametrize("kept", [{"domids": frozenset({0})}, {"domids": frozenset(), "everybody": True}])
def test_a_link_is_cut_at_both_ends_while_events_are_kept_to_the_hypervisor(links, effects, kept):
    links.keep(**kept)
    assert effects == CUT
    links.keep(**kept)
    assert effects == CUT, "once"
    links.keep(frozenset())
    assert effects == [*CUT, MADE]


def test_events_of_others_do_not_matter(links, effects):
    links.keep(frozenset({1, 2}))
    assert effects == []


def test_a_link_that_is_asked_for_while_events_are_kept_is_made_later(links, effects):
    links.keep(frozenset({4}))
    links.join(4, 0)
    assert effects == []
    links.keep(frozenset())
    assert effects == [Connect("h/dom0", "events/4", "h/dom4", "events/0")]


def test_who_has_ended_has_no_links_and_gets_new_ones_when_asked_again(links, effects):
    links.ended(0)
    links.keep(frozenset({3}))
    links.keep(frozenset())
    assert effects == []
    links.join(0, 3)
    assert effects == [MADE]


def test_a_host_that_boots_has_none(links, effects):
    links.clear()
    links.keep(frozenset({3}))
    assert effects == []
