"""What stands around a right answer, as models write it, and files that begin or import in their own way: none of it changes the verdict."""

from __future__ import annotations

import pytest

from tests.solve.toys import FILE, PATH, changed, fenced, holds, read
from ttc_data.edits import unified_diff

RIGHT = """
def first_part(text):
    return text.split("-")[0]
"""
AROUND = {
    "an example of its use": fenced(RIGHT) + "For example:\n" + fenced("from shop.core import first_part\nprint(first_part('a-b'))"),
    "a test of it": fenced(RIGHT) + "A test:\n" + fenced("from shop.core import first_part\n\ndef test_it():\n    assert first_part('a-b') == 'a'"),
    "an example before it": fenced("from shop.core import first_part") + fenced(RIGHT),
    "what it was": fenced(RIGHT) + "Before:\n" + fenced("def first_part(text):\n    raise NotImplementedError('first_part')"),
    "a token behind the fence": fenced(RIGHT).rstrip("\n") + "<|im_end|>\n",
    "a token behind code without a fence": "import math\n" + RIGHT.strip("\n") + "<|endoftext|>",
    "a helper and tokens without a fence": "def _cut(text):\n    return text.split('-')\n\n\ndef first_part(text):\n    return _cut(text)[0]\n</s><|eot_id|>",
    "tags around it": "<answer>\nimport math\n" + RIGHT + "</answer>\n",
    "another name for it": fenced(RIGHT) + fenced("from shop import core\nfirst_part = core.first_part"),
}  # fmt: skip


@pytest.mark.parametrize("form", AROUND)
def test_an_answer_is_taken_and_not_what_stands_around_it(form: str) -> None:
    assert holds(changed(AROUND[form], "first_part"), "first_part('a-b') == 'a'")


def test_a_draft_is_not_taken_for_what_follows_it() -> None:
    """Of two whole definitions the last one counts, as ever."""
    draft = fenced("def first_part(text):\n    return text") + "No, rather:\n" + fenced(RIGHT)
    assert holds(changed(draft, "first_part"), "first_part('a-b') == 'a'")


@pytest.mark.parametrize("order", [1, -1])
def test_a_fenced_diff_of_a_test_file_stands_beside_one_of_the_file(order: int) -> None:
    new = FILE.replace("    raise NotImplementedError\n\n\ndef last", "    return text.split('-')[0]\n\n\ndef last")
    mine = unified_diff({PATH: FILE}, {PATH: new})
    tests = unified_diff({"tests/test_core.py": ""}, {"tests/test_core.py": "def test_it():\n    pass\n"})
    both = [f"```diff\n{diff}```\n" for diff in (mine, tests)][::order]
    answer = read("First this, then that:\n" + "And:\n".join(both), "first_part")
    assert answer.files == {PATH: new}
    assert any("tests/test_core.py" in said for said in answer.left_out)


def test_a_future_import_goes_before_a_file_that_begins_with_code() -> None:
    bare = FILE.partition("\n")[2]
    assert bare.startswith("import math")
    new = changed(fenced("from __future__ import annotations\n" + RIGHT), "first_part", bare)
    assert new.startswith("from __future__ import annotations\n")
    assert holds(new, "first_part('a-b') == 'a'")


def test_an_import_for_type_checkers_alone_is_none_at_run_time() -> None:
    typed = FILE.replace(
        "RATE = 3", "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from collections.abc import Sequence\nRATE = 3"
    )
    answer = """
    from collections.abc import Sequence

    def first_part(text):
        return text.split("-")[0] if isinstance(text, Sequence) else ""
    """
    assert holds(changed(fenced(answer), "first_part", typed), "first_part('a-b') == 'a'")
    whole = """
    from collections.abc import Sequence

    class Box:
        def __init__(self, width, height=1):
            self.wide = isinstance(width, Sequence)
    """
    assert holds(changed(fenced(whole), "Box", typed), "Box('ab').wide and not Box(1).wide")


def test_tags_in_a_text_of_the_answers_own_stay() -> None:
    answer = '''
    def first_part(text):
        return """
    <answer>
    </answer>
    """
    '''
    assert holds(
        changed(fenced(answer), "first_part"), "'<answer>' in first_part('') and '</answer>' in first_part('')"
    )
