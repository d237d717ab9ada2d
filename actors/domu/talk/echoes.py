"""Who gets the replies to the ICMP echoes of a stack: its users, by identifier."""

from collections.abc import Callable

from actors.inet.control_messages import EchoReply
from actors.inet.stack import Stack

Replied = Callable[[EchoReply, int], None]


class Echoes:
    """Those of one stack; replies with an identifier that nobody has are counted as `unexpected`."""

    def __init__(self, stack: Stack) -> None:
        self.unexpected = 0
        self._users: dict[int, Replied] = {}
        stack.icmp.replied = self._replied

    def use(self, identifier: int, replied: Replied) -> None:
        """Replies with this identifier go here, with the time."""
        self._users[identifier] = replied

    def _replied(self, reply: EchoReply, now_ns: int) -> None:
        user = self._users.get(reply.identifier)
        if user is None:
            self.unexpected += 1
        else:
            user(reply, now_ns)
