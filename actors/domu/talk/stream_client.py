"""A number of connections that send, each a stream of its own, as fast as they can or at a rate."""

from actors.domu.talk.stream_sender import StreamSender
from actors.domu.talk.tcp_client import TcpClient


class StreamClient(TcpClient[StreamSender]):
    """The end that opens connections. One that died is followed by another, if the talk is to reconnect."""

    def connect(self) -> StreamSender:
        """One more stream."""
        return StreamSender(self._seat, self)

    @property
    def busy(self) -> bool:
        """Whether anything that was sent is waited for."""
        return any(each.outstanding for each in self._connections)

    def ended(self, sender: StreamSender, error: int | None) -> None:
        """A connection is gone."""
        self._connections.pop(sender, None)
        spec = self._seat.spec
        is_done = error is None and spec.bytes > 0
        self._again(None if is_done else spec.retry_ns)
