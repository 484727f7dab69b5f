"""The socket of the stand-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.hub.api import answer
from tests.hub.state import Answer, Hub, Logged, Request

CHUNK = 64 * 1024


@contextmanager
def running(hub: Hub) -> Iterator[str]:
    """Answer on a free port; gives the endpoint's URL."""
    server = _Server(hub)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub.endpoint
    finally:
        for fault in hub.faults:
            fault.release.set()
        server.shutdown()
        server.server_close()


@contextmanager
def serving(name: str, folder: Path) -> Iterator[str]:
    """Serve a folder as the public dataset `name`; gives the endpoint's URL."""
    hub = Hub()
    hub.put(name, {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    with running(hub) as endpoint:
        yield endpoint


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no news."""


class _Cut(ConnectionError):
    """The connection is to be closed without an answer."""


class _Handler(BaseHTTPRequestHandler):
    """Answers for the hub that its server stands for, with the faults that a test has switched on."""

    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_any(self) -> None:
        hub = self.server.hub
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        fault = hub.fault(self.command, path)
        body = b""
        status = 0
        try:
            body = self._body(half=fault is not None and fault.kind == "cut")
            if fault and fault.kind == "cut":
                raise _Cut
            if fault and fault.kind == "hold":
                fault.reached.set()
                fault.release.wait(60)
                raise _Cut
            query = dict(parse_qsl(parts.query))
            headers = {name.lower(): value for name, value in self.headers.items()}
            token = headers.get("authorization", "").removeprefix("Bearer ")
            request = Request(self.command, parts.path, query, headers, body, hub.endpoint, hub.accounts.get(token))
            if fault and fault.kind == "status":
                given = Answer(fault.status, b'{"error": "switched on by a test"}', fault.headers)
            else:
                given = answer(hub, request)
            if fault and fault.kind == "lost":
                raise _Cut
            status = given.status
        finally:
            with hub.lock:
                hub.log.append(Logged(self.command, path, status, len(body)))
        self._send(given)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_any

    def _body(self, *, half: bool) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks(half=half)
        length = int(self.headers.get("Content-Length") or 0)
        return self._exactly(length // 2 if half else length)

    def _exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            came = self.rfile.read(min(CHUNK, length - len(data)))
            if not came:
                raise _Cut
            data += came
        return bytes(data)

    def _chunks(self, *, half: bool) -> bytes:
        data = bytearray()
        while size := int(self.rfile.readline().strip() or b"0", 16):
            data += self._exactly(size)
            self.rfile.readline()
            if half:
                return bytes(data)
        self.rfile.readline()
        return bytes(data)

    def _send(self, given: Answer) -> None:
        self.send_response(given.status)
        for name, value in given.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in given.headers:
            self.send_header("Content-Length", str(len(given.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(given.body)
        self.wfile.flush()

    def log_message(self, *words: object) -> None:
        """Say nothing."""
