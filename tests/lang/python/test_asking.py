"""A model that is asked for calls: what is none is dropped and counted, what it refuses costs nothing but itself."""

from __future__ import annotations

from tests.lang.python.place import target_of
from tests.lang.python.shapes import SHAPES
from ttc_data.errors import PromptRefused
from ttc_data.lang.python.generated.asking import CallAsker
from ttc_data.llm.request import Reply, Request, Sampling

ASKED: list[Request] = []


def asker(text: str) -> CallAsker:
    def ask(request: Request) -> Reply:
        ASKED.append(request)
        if text == "refused":
            raise PromptRefused("too long")
        return Reply(request.key, text, "stop", 10, 10, 0.1)

    return CallAsker(ask, Sampling("tiny"), 12)


def test_lines_that_are_no_python_or_call_something_else_are_dropped_and_counted() -> None:
    answer = "Sure!\n```python\nclamp(3, 1, 5)\nclamp(3,\nprint('x')\n# a comment\nclamp(3, 1, 5)\n```\nDone."
    cases, dropped = asker(answer)(target_of("clamp"), SHAPES, "shapes", {})
    assert [(case.call, case.origin) for case in cases] == [("clamp(3, 1, 5)", "model")]
    assert dropped == 2
    (prompt,) = ASKED[-1].messages
    assert "12 different calls" in prompt[1]
    assert "def clamp(value" in prompt[1]


def test_an_answer_without_code_gives_nothing() -> None:
    assert asker("I cannot do that.")(target_of("clamp"), SHAPES, "shapes", {}) == ([], 0)


def test_a_prompt_that_the_server_refuses_gives_nothing() -> None:
    assert asker("refused")(target_of("Point.moved"), SHAPES, "shapes", {}) == ((), 0)
    assert "Point(...).moved(...)" in ASKED[-1].messages[0][1]
