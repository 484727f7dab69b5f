"""Right answers whose code stands in something else: a field of JSON, a span of backticks, under its class's name."""

from __future__ import annotations

import json

import pytest

from tests.solve.toys import BODY, FILE, FIRST, PATH, RIGHT, block, changed, fenced, holds, read
from ttc_data.errors import PatchRejected

PLAIN = 'def first_part(text):\n    return text.split("-")[0]\n'
LINE = 'def first_part(text): return text.split("-")[0]'
METHOD = "def area(self):\n    return self._width * self.height\n"
MERGED = f"{BODY}\n=======\n{RIGHT}\n>>>>>>> REPLACE\n"

JSON = {
    "a fence of JSON": fenced(json.dumps({"code": PLAIN}), "json"),
    "a fence of JSON without a language": fenced(json.dumps({"code": PLAIN}), ""),
    "JSON over several lines, with an explanation": fenced(
        json.dumps({"why": "It splits.", "code": PLAIN}, indent=2), "json"
    ),
    "JSON between prose": f"Here it is:\n\n{fenced(json.dumps({'code': PLAIN}), 'json')}\nIt splits the text.",
    "a call of a tool": fenced(json.dumps({"name": "write", "arguments": {"content": PLAIN}}), "json"),
    "JSON and nothing else": json.dumps({"answer": PLAIN}),
    "JSON with a fence in it": json.dumps({"answer": f"So:\n{fenced(PLAIN)}"}),
    "JSON with a block in it": json.dumps({"answer": block(BODY, RIGHT)}),
    "JSON with a body in it": json.dumps({"body": 'return text.split("-")[0]'}),
    "JSON with line ends that are not escaped": '{"code": "' + PLAIN.replace('"', "'") + '"}',
    "a list of objects": json.dumps([{"path": PATH, "code": PLAIN}]),
}
LINES = {
    "one span of backticks": f"`{LINE}`",
    "one span of backticks in a sentence": f"Use `{LINE}` and that is it.",
    "a lambda in backticks": '`first_part = lambda text: text.split("-")[0]`',
    "the stub in backticks, and then the answer": f"Not `def first_part(text): pass` but `{LINE}`.",
    "Answer: on the line": f"Answer: {LINE}",
    "**Answer:** on the line": f"**Answer:** {LINE}",
    "Answer: above the rest of it": f"Answer: {PLAIN}",
}
FEEDS = {
    "a form feed before it": f"\f{PLAIN}",
    "a form feed before it in a fence": fenced(f"\f{PLAIN}"),
    "a form feed between an import and it": fenced(
        'import re\n\fdef first_part(text):\n    return re.split("-", text)[0]\n'
    ),
    "a form feed inside it": fenced('def first_part(text):\n\f    return text.split("-")[0]\n'),
}
NUMBERED = {
    "a line's number": f"{PATH}\n<<<<<<< SEARCH\n:start_line:14\n-------\n{MERGED}",
    "a line's number and nothing under it": f"{PATH}\n<<<<<<< SEARCH\n:start_line:14\n{MERGED}",
    "two lines' numbers in a fence": f"```\n<<<<<<< SEARCH\n:start_line:14\n:end_line:15\n-------\n{MERGED}```\n",
    "a line's number in a tool's tags": f"<apply_diff>\n<path>{PATH}</path>\n<diff>\n<<<<<<< SEARCH\n:start_line: 14\n-------\n{MERGED}</diff>\n</apply_diff>\n",
}
QUALIFIED = {
    "Class.method = lambda": "Box.area = lambda self: self._width * self.height\n",
    "Class.method = lambda in a fence": fenced("Box.area = lambda self: self._width * self.height"),
    "Class.method = a function beside it": fenced(f"{METHOD.replace('area', '_area')}\nBox.area = _area"),
    "def Class.method": METHOD.replace("area", "Box.area"),
    "def Class.method in a fence": fenced(METHOD.replace("area", "Box.area")),
    "def Class.method behind an import": fenced(
        "import math\n\ndef Box.area(self):\n    return math.prod([self._width, self.height])"
    ),
    "def Class.method between prose": f"Here it is:\n\n{METHOD.replace('area', 'Box.area')}\nDone, isn't it.\n",
}


@pytest.mark.parametrize("form", JSON)
def test_a_field_of_json_is_read_as_an_answer(form: str) -> None:
    assert holds(changed(JSON[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", LINES)
def test_code_inside_a_line_is_read(form: str) -> None:
    assert holds(changed(LINES[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", FEEDS)
def test_a_form_feed_is_no_indent(form: str) -> None:
    assert holds(changed(FEEDS[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", NUMBERED)
def test_a_block_that_says_where_it_stands_is_found(form: str) -> None:
    assert holds(changed(NUMBERED[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", QUALIFIED)
def test_a_method_under_its_class_s_name_is_read(form: str) -> None:
    assert holds(changed(QUALIFIED[form], "Box.area"), "Box(2, 3).area() == 6")


def test_a_fence_with_the_definition_counts_before_one_of_json() -> None:
    example = fenced(json.dumps({"code": "def first_part(text):\n    return text\n"}), "json")
    assert holds(changed(fenced(PLAIN) + example, "first_part"), FIRST)


def test_a_form_feed_inside_a_text_literal_stays() -> None:
    answer = fenced('def first_part(text):\n    marks = """\n\f"""\n    return len(marks)')
    assert holds(changed(answer, "first_part"), 'first_part("") == 2')


def test_a_value_that_is_set_on_another_class_is_not_the_method() -> None:
    with pytest.raises(PatchRejected):
        read(fenced("def _area(self):\n    return 1\n\nLid.area = _area"), "Box.area")


def test_what_a_class_of_the_answer_binds_stays_as_it_is() -> None:
    answer = fenced(f"class Box:\n    {METHOD.replace(chr(10), chr(10) + '    ')}\n\nBox.area = property(Box.area)")
    assert "\nBox.area = property(Box.area)\n" in changed(answer, "Box.area", FILE)
