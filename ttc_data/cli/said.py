"""What libraries and Python itself say on their own: shown as everything foreign is."""

from __future__ import annotations

import io
import logging
import sys
import traceback
from types import TracebackType
from typing import Any

from ttc_data.plain import plain


def _said(*arguments: Any, **named: Any) -> logging.LogRecord:
    """What a library logs, whatever handler it has for that."""
    record = logging.LogRecord(*arguments, **named)
    record.msg, record.args = plain(record.getMessage()), None
    return record


class _Shown(logging.Handler):
    """Warnings and worse of libraries, which may quote what they were given."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        print(plain(self.format(record)), file=sys.stderr)


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    print(plain("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def show_what_others_say() -> None:
    """Let logged lines, warnings and tracebacks through the escape, and print what the terminal's encoding lacks as its number."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Shown) for handler in root.handlers):
        root.addHandler(_Shown(logging.WARNING))
    logging.setLogRecordFactory(_said)
    logging.captureWarnings(True)
    sys.excepthook = _show
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
