"""Takes streams from whoever opens a connection."""

from actors.domu.talk.stream_receiver import StreamReceiver
from actors.domu.talk.tcp_server import TcpServer
from actors.inet.connection import Connection


class StreamServer(TcpServer):
    """The end that listens, until it is stopped."""

    def serve(self, connection: Connection) -> StreamReceiver:
        """One connection."""
        return StreamReceiver(self._seat, connection, self.ended)
