"""Files are parsed in many threads, and libraries parse in others."""

import ast
import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ttc_data.lang.python.syntax import compiled, parse

SOURCE = ("x = " + "(" * 30 + "1" + ", 2)" * 30 + "\n").encode() * 4


@pytest.fixture
def collector_that_gives_other_threads_a_turn() -> Iterator[None]:
    def pause(phase: str, info: dict[str, int]) -> None:
        time.sleep(0.001)

    before = gc.get_threshold()
    gc.callbacks.append(pause)
    gc.set_threshold(50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(pause)


@pytest.mark.usefixtures("collector_that_gives_other_threads_a_turn")
def test_a_file_is_parsed_while_a_library_parses_in_another_thread() -> None:
    """Seen in a build: `SystemError: AST constructor recursion depth mismatch`; without the lock or with the collector this fails."""

    def library(depth: int) -> None:
        if depth:  # the count starts at the depth of the caller's stack, which differs between threads
            library(depth - 1)
            return
        while not all(future.done() for future in ours):
            ast.literal_eval("'linux'")

    def read() -> None:
        for _ in range(3):
            compiled(parse(SOURCE))

    with ThreadPoolExecutor(4) as pool:
        ours = [pool.submit(read) for _ in range(2)]
        pool.submit(library, 30)
        errors = [future.exception() for future in ours]
    assert errors == [None, None]


def test_the_collector_is_left_as_it_was() -> None:
    gc.disable()
    try:
        parse(b"x = 1\n")
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(SyntaxError):
        parse(b"x = (\n")
    assert gc.isenabled()
