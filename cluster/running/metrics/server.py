"""The HTTP endpoint of one host: `/metrics` for Prometheus, `/targets` for its http_sd.

Rules: 127.0.0.1 only; a request is answered in a thread of its own and changes nothing.
"""

import json
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from cluster.running.control.preflight import LOCALHOST
from cluster.running.metrics.families import CONTENT_TYPE
from cluster.running.metrics.host_metrics import HostCollector

INDEX: Final = b"/metrics: what Prometheus scrapes\n/targets: all hosts of this cluster, for http_sd\n"
PLAIN: Final = "text/plain; charset=utf-8"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: standard error is the progress display's."""


class MetricsServer:
    """Serves one host. `find_targets` gives what `/targets` answers. OSError if the port is in use."""

    def __init__(
        self, collector: HostCollector, port: int, find_targets: Callable[[], list[dict[str, object]]]
    ) -> None:
        self._collector = collector
        self._find_targets = find_targets
        self._server = make_server(LOCALHOST, port, self._answer, server_class=_Server, handler_class=_Silent)
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"{LOCALHOST}:{self._server.server_port}"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            status, kind, body = "405 Method Not Allowed", PLAIN, b"only GET\n"
        elif path == "/metrics":
            status, kind, body = "200 OK", CONTENT_TYPE, self._collector.text()
        elif path == "/targets":
            status, kind, body = "200 OK", "application/json", json.dumps(self._find_targets()).encode()
        elif path == "/":
            status, kind, body = "200 OK", PLAIN, INDEX
        else:
            status, kind, body = "404 Not Found", PLAIN, INDEX
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]
