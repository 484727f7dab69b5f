"""Container registries on a local socket: Debian's, and a scripted one where that is not installed."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONFIG = """version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}
http:
  addr: 127.0.0.1:{port}
"""


@contextmanager
def real_registry(folder: Path) -> Iterator[str]:
    """Debian's `docker-registry`; the test is skipped where that is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no docker-registry on PATH (a package of Debian)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "registry.yml"
    config.write_text(CONFIG.format(folder=folder / "registry", port=port))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
        try:
            for _ in range(100):
                with socket.socket() as asked:
                    if asked.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


class _Registry(ThreadingHTTPServer):
    """A registry on a free port, and what was pushed to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.uploads: dict[str, bytes] = {}


class _Handler(BaseHTTPRequestHandler):
    """Answers for the registry that its server holds."""

    server: _Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._find(with_body=True)

    def do_HEAD(self) -> None:
        self._find(with_body=False)

    def do_POST(self) -> None:
        self._body()
        name = str(len(self.server.uploads))
        self.server.uploads[name] = b""
        self._answer(202, Location=f"{self.path.partition('?')[0].rstrip('/')}/{name}")

    def do_PATCH(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.uploads[name] += self._body()
        self._answer(202, Location=self.path, Range=f"0-{len(self.server.uploads[name]) - 1}")

    def do_PUT(self) -> None:
        data = self._body()
        if "/manifests/" in self.path:
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            for name in (self.path.rpartition("/")[2], digest):
                self.server.manifests[name] = self.headers["Content-Type"], data
        else:
            path, _, query = self.path.partition("?")
            data = self.server.uploads.pop(path.rpartition("/")[2]) + data
            digest = query.partition("digest=")[2].replace("%3A", ":")
            assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
            self.server.blobs[digest] = data
        self._answer(201, Digest=digest, Location=self.path)

    def _find(self, *, with_body: bool) -> None:
        found = re.fullmatch(r"/v2/.+/(blobs|manifests)/([^/]+)", self.path)
        if self.path == "/v2/":
            self._answer(200)
        elif found and found[1] == "blobs" and found[2] in self.server.blobs:
            self._answer(200, self.server.blobs[found[2]], with_body=with_body, Digest=found[2])
        elif found and found[1] == "manifests" and found[2] in self.server.manifests:
            kind, data = self.server.manifests[found[2]]
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            self._answer(200, data, with_body=with_body, Digest=digest, Type=kind)
        else:
            self._answer(404)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().strip(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _answer(self, status: int, data: bytes = b"", *, with_body: bool = True, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header({"Digest": "Docker-Content-Digest", "Type": "Content-Type"}.get(name, name), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def scripted_registry(folder: Path) -> Iterator[str]:
    """As much of the distribution protocol as an engine needs to push and pull."""
    server = _Registry()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
