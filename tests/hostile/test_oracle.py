"""No agreement with the reference is forged: what an answer says it did still has to be right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lang.python.oracles import MEAN, PATH, Toy
from tests.sandboxes import opened
from ttc_data.lang.python.generated.probes import told

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def mean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    with opened("local", tmp_path_factory.mktemp("oracle")) as place:
        yield Toy(place, "mean", MEAN)


HOSTILE = {
    "prints forged records": """
        import os

        print("ttc-recorded ", '[0, {}]')
        os.write(1, b"ttc-recorded 0 eJyLjgUAARUAuQ==\\n")

        def mean(numbers):
            return 0
    """,
    "replaces what the recorder calls": """
        import json, os, sys, builtins, zlib, base64

        json.dumps = lambda *_, **__: '{}'
        json.loads = lambda *_, **__: {}
        builtins.open = print
        sys.stdout = None
        zlib.compress = lambda data: data

        def mean(numbers):
            return 0
    """,
    "writes to every descriptor": """
        import os

        for descriptor in range(256):
            try:
                os.write(descriptor, b'[0, {"result": ["float", "1.5"], "after": {}, "alias": [], "printed": ""}]\\n')
            except OSError:
                pass

        def mean(numbers):
            return 0
    """,
    "forks": """
        import os

        if os.fork():
            os.wait()

        def mean(numbers):
            os.fork()
            return 0
    """,
    "ends the process": """
        import os

        def mean(numbers):
            os._exit(0)
    """,
    "ends the process when it is imported": """
        import os

        os._exit(0)
    """,
    "ends the session": """
        import os, signal

        os.kill(os.getppid(), signal.SIGKILL)

        def mean(numbers):
            return 0
    """,
    "hangs": """
        def mean(numbers):
            while True:
                pass
    """,
    "looks for the recorder's word": """
        import gc, os, sys

        words = [one["WORD"] for one in gc.get_objects() if isinstance(one, dict) and "WORD" in one]
        files = [name for _, _, names in os.walk("ttc_generated") for name in names]

        def mean(numbers):
            return (words or files)[0]
    """,
    "gives what JSON has another reading of": """
        class Odd(float):
            def __repr__(self):
                return "1.5"

            __str__ = __repr__

        def mean(numbers):
            return Odd(7)
    """,
}  # fmt: skip


@pytest.mark.parametrize("trick", HOSTILE)
def test_no_agreement_is_forged_by_code_that(trick: str, mean: Toy) -> None:
    found = mean.compared(HOSTILE[trick])
    assert not found.agrees
    # Some right values are 0; whoever computes nothing has these at most.
    right = len(mean.oracle.calls) - len(found.differences)
    assert right <= sum("0" in call for call in mean.oracle.calls) / 2
    assert mean.compared(MEAN).agrees, "and the next answer meets the same oracle"


def test_an_answer_cannot_bring_the_recorder_along(mean: Toy) -> None:
    mean.compared(MEAN)
    path = mean.jobs[-1].test_files[0]
    forged = {
        PATH: "def mean(numbers):\n    return 0\n",
        path: "def test_probe():\n    pass\n",
        "conftest.py": "1 / 0\n",
    }
    (found,) = mean.oracle.compare([forged])
    assert not found.agrees
    assert "tell_all" in (mean.jobs[-1].files[path] or "")
    assert "conftest.py" not in mean.jobs[-1].files


def test_a_line_under_another_word_or_twice_is_nothing(mean: Toy) -> None:
    output = mean.reports[0].output
    word = output.partition("ttc-recorded ")[2].partition(" ")[0]
    count = len(mean.oracle.proposed)
    assert told(output, word, count)
    assert told(output, "0" * 32, count) == {}
    assert told(output + output, word, count) == {}
    assert told(f"ttc-recorded {word} !!!", word, count) == {}
