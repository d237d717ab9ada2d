"""Vcpus that wait inside the hypervisor: SCHEDOP_block and SCHEDOP_poll.

Rules: whoever waits is answered by the first event for it or by its timeout. An event on a port that
is polled counts even if the guest has that port masked; so does any event on a port of vcpu 0, which
here is the one that waits, and for a poll of several ports (or none) any event at all.
Source: xen/common/sched/core.c (do_poll, vcpu_block), xen/common/event_channel.c (evtchn_check_pollers).
"""

from actors.hypervisor.agenda import Agenda
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.ports import Channel, Poll, PortTable


class Pollers:
    """Who waits, in the table of each domain's ports."""

    def __init__(self, outbox: Outbox, agenda: Agenda) -> None:
        self._outbox = outbox
        self._agenda = agenda

    def wait(self, table: PortTable, sequence: int, ports: tuple[int, ...] | None, until_ns: int) -> None:
        """Answer call `sequence` of a domain later. `ports` None is a block; `until_ns` 0 is without end.

        A domain has as many waiting calls as vcpus: one more ends the oldest, as an event might.
        """
        polls = table.polls
        while len(polls) >= max(1, table.nr_vcpus):
            self._answer(table, polls[0])
        if not polls:
            table.blocked_since_ns = self._outbox.now_ns
        poll = Poll(sequence, None if ports is None else frozenset(ports))
        polls.append(poll)
        if until_ns:
            self._agenda.set(poll, until_ns, lambda: self._answer(table, poll))

    def event(self, channel: Channel) -> None:
        """An event has become pending on a port of a domain in which somebody waits."""
        table = channel.table
        for poll in list(table.polls):
            if (
                channel.vcpu == 0
                or (poll.ports is not None and len(poll.ports) != 1)
                or (poll.ports is not None and channel.port in poll.ports)
            ):
                self._answer(table, poll)

    def release(self, table: PortTable) -> None:
        """The domain stops: nobody in it waits any longer."""
        for poll in list(table.polls):
            self._answer(table, poll)

    def _answer(self, table: PortTable, poll: Poll) -> None:
        table.polls.remove(poll)
        self._agenda.cancel(poll)
        if not table.polls:
            table.blocked_ns += self._outbox.now_ns - table.blocked_since_ns
        if table.link is not None:
            self._outbox.answer(table.link, poll.sequence, 0)
