"""A stand-in for the Hub on a real socket: one dataset, served the way `huggingface_hub` asks for it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serving(name: str, folder: Path) -> Iterator[str]:
    """Serve a folder as the dataset `name`; gives the endpoint's URL."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    about = {"id": name, "sha": REVISION, "siblings": [{"rfilename": file} for file in sorted(files)], "private": False}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            prefix = f"/datasets/{name}/resolve/{REVISION}/"
            path = self.path.partition("?")[0]
            if path in (f"/api/datasets/{name}/revision/main", f"/api/datasets/{name}"):
                self._send(json.dumps(about).encode(), "application/json", with_body=with_body)
            elif path.startswith(f"/api/datasets/{name}/tree/"):
                tree = [
                    {"type": "file", "path": file, "size": len(data), "oid": "0" * 40} for file, data in files.items()
                ]
                self._send(json.dumps(tree).encode(), "application/json", with_body=with_body)
            elif path.startswith(prefix) and path.removeprefix(prefix) in files:
                self._send(files[path.removeprefix(prefix)], "application/octet-stream", with_body=with_body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, data: bytes, kind: str, *, with_body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if with_body:
                self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
