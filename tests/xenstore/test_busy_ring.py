"""A guest that fills its ring as fast as the daemon empties it, as from another processor."""

from actors.abi.xs_wire import XsType, pack_message
from actors.xenstore.daemon import Xenstored
from actors.xenstore.turn_end import SETTLE_ROUNDS

WORK = 100
"""How many requests the guest has; far more than one turn may take."""


def test_a_ring_that_is_never_empty_is_served_in_bounded_turns(xen):
    kernel = xen.kernels[0]
    daemon = Xenstored(kernel)
    xen.do(0, daemon.start())
    port = xen.build(5)
    xen.unpause(5)
    introduced = daemon.introduce(5, port)
    xen.run()
    introduced.result()
    ring = xen.ring(5)
    ring.responses.read()
    asked, answers = [], bytearray()

    def ask():
        asked.append(pack_message(XsType.READ, len(asked), 0, b"/\0"))
        ring.requests.write(asked[-1])

    def notified(port):
        answers.extend(ring.responses.read())
        if len(asked) < WORK:
            ask()

    kernel.irq.notify = notified
    ask()
    assert xen.ret(5, "event_channel_op.send", port=port) == 0
    xen.turn(0)
    assert 1 < len(asked) <= 2 * SETTLE_ROUNDS + 2
    turns = 0
    while (deadline := kernel.next_deadline_ns()) is not None:
        before, xen.now_ns, turns = len(asked), max(xen.now_ns, deadline), turns + 1
        xen.turn(0)
        assert len(asked) - before <= 2 * SETTLE_ROUNDS + 2
    assert turns > 1
    assert len(asked) == WORK
    assert len(answers) % WORK == 0
    assert answers
    assert not daemon.check_turn()
