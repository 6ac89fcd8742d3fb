"""A worker's small HTTP door: ``/health`` for supervisors, ``/metrics`` for Prometheus."""

import json
import logging
import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

log = logging.getLogger(__name__)

Health = Callable[[], dict[str, Any]]
"""Tells how a room is. Key ``ok`` decides between 200 and 503."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(host: str, port: int, health: Health) -> int:
    """Answer in a daemon thread; a process that hangs still says so.

    Parameters
    ----------
    host : str
    port : int
        0 picks a free one.
    health : callable
        Called for each request.

    Returns
    -------
    int
        The port in use.
    """
    metrics = make_wsgi_app()

    def app(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        if environ["PATH_INFO"] == "/health":
            doc = health()
            status = "200 OK" if doc.get("ok") else "503 Service Unavailable"
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(doc, default=str).encode()]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Only /health and /metrics are here.\n"]

    server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    log.info("health is served", extra={"host": host, "port": server.server_port})
    return server.server_port
