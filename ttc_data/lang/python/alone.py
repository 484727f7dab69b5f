"""Python's own parser, used by one thread at a time."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def alone() -> Iterator[None]:
    """Parse or compile in this block: no other thread does, and warnings about the text are the author's business.

    CPython 3.11 counts the depth of the tree that it makes in a place that all threads share, so two threads in `ast.parse`
    end in "SystemError: AST constructor recursion depth mismatch" (python/cpython#106905). A lock keeps our own threads
    apart. Libraries parse too: `packaging` reads markers with `ast.literal_eval`. Another thread gets its turn in the middle
    of a tree only where the garbage collector runs Python code there, so the collector waits. Warning filters are shared as well.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collects = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collects:
                gc.enable()
