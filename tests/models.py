"""A model server on a real socket that answers as a test says; it refuses a prompt whose answer is None."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "scripted"


class Server(ThreadingHTTPServer):
    """Remembers the prompts."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str, dict[str, Any]], str | None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.prompts: list[str] = []
        self.tokens: Callable[[list[dict[str, str]]], int] | None = None
        """What `/tokenize` counts, as vLLM has it; without it there is no such place, as at most servers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            count = self.server.tokens(asked["messages"]) if self.server.tokens else 0
            self._send(
                {"count": count, "max_model_len": 4096} if count else {"detail": "Not Found"}, 200 if count else 404
            )
            return
        prompt = asked["messages"][-1]["content"]
        self.server.prompts.append(prompt)
        text = self.server.answer(prompt, asked)
        if text is None:
            self._send({"error": {"message": "longer than the model's context"}}, 400)
            return
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
        self._send({"id": "1", "object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage})

    def _send(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *said: object) -> None:
        """Nothing."""


@contextmanager
def serving(answer: Callable[[str, dict[str, Any]], str | None]) -> Iterator[Server]:
    """Serve for as long as the block runs."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
