"""ICMP echoes at a rate. Whoever is pinged answers in its kernel, so there is no server."""

from actors.domu.talk.requests import Requests
from actors.domu.talk.seat import Seat
from actors.inet.address import Endpoint
from actors.inet.control_messages import EchoReply


class Ping:
    """The client."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._identifier = (seat.guest_id << 8 | seat.spec.number & 0xFF) & 0xFFFF
        self._requests = Requests(seat, self._transmit)
        seat.echoes.use(self._identifier, self._replied)

    def start(self) -> None:
        """Begin."""
        self._requests.start()

    def stop(self) -> None:
        """Ask no more."""
        self._requests.stop()

    def _transmit(self, data: bytes, number: int, now_ns: int) -> bool:
        address = self._seat.spec.address
        return self._seat.stack.icmp.echo(address, self._identifier, number & 0xFFFF, data, now_ns)

    def _replied(self, reply: EchoReply, now_ns: int) -> None:
        self._requests.answered(Endpoint(reply.source, 0), reply.data, now_ns, by_peer=False)
