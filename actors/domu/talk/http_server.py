"""A small HTTP/1.1 server of documents whose bytes follow from their names, for guests and real clients."""

from actors.domu.talk.http_serving import HttpServing
from actors.domu.talk.tcp_server import TcpServer
from actors.inet.connection import Connection


class HttpServer(TcpServer):
    """The end that listens, until it is stopped."""

    def serve(self, connection: Connection) -> HttpServing:
        """One connection."""
        return HttpServing(self._seat, connection, self.ended)
