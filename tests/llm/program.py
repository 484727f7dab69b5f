"""Stands in for vLLM: takes its arguments, starts a process in a session of its own, and answers /health.

The model's name says how it behaves: `good`, `dies`, `stubborn` (ignores SIGTERM, and so does what it started), `silent`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

CHILD = "import signal, sys, time\nif sys.argv[1] == 'stubborn': signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"


class Handler(BaseHTTPRequestHandler):
    """Says that all is well."""

    def do_GET(self) -> None:
        told = {"argv": sys.argv[1:], "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")}
        body = b"{}" if self.path == "/health" else json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Nothing."""


def main() -> None:
    """Behave as the model's name says."""
    arguments = sys.argv[1:]
    model, port = (arguments[arguments.index(name) + 1] for name in ("--model", "--port"))
    child = subprocess.Popen([sys.executable, "-S", "-c", CHILD, model], start_new_session=True)
    print(f"pids {os.getpid()} {child.pid}", flush=True)
    if model == "dies":
        print("Loading weights\nValueError: No available memory for the cache blocks.", file=sys.stderr)
        sys.exit(3)
    if model == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if model == "silent":
        print("still loading", flush=True)
        time.sleep(600)
    HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
