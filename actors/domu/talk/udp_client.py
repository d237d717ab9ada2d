"""UDP requests at a rate."""

from actors.domu.talk.requests import Requests
from actors.domu.talk.seat import Seat
from actors.inet.address import Endpoint


class UdpClient:
    """The end that asks."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._requests = Requests(seat, self._transmit)
        self._socket = seat.stack.udp.bind(0, self._received)
        self._remote = Endpoint(seat.spec.address, seat.spec.port)

    def start(self) -> None:
        """Begin."""
        self._requests.start()

    def stop(self) -> None:
        """Ask no more."""
        self._requests.stop()

    def _transmit(self, data: bytes, _number: int, now_ns: int) -> bool:
        try:
            self._seat.stack.udp.send(self._socket, data, self._remote, now_ns)
        except OSError:
            return False
        return True

    def _received(self, remote: Endpoint, data: bytes, now_ns: int) -> None:
        self._requests.answered(remote, data, now_ns, by_peer=True)
