"""What is no answer, what of an answer stays out of the file, and what no answer can change."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solve.toys import BARE, BODY, DIFF, FILE, PATH, RIGHT, SOLVED, block, changed, fenced, holds, read
from ttc_data.edits import apply_patch
from ttc_data.errors import PatchRejected
from ttc_data.solve.answer import read_answer
from ttc_data.solve.chat import MAX_ANSWER

REFUSED = {
    "nothing": ("", "no code in the answer"),
    "prose": ("I cannot do that.", "no code in the answer"),
    "one word": ("No", "no code in the answer"),
    "thoughts without an end": (f"<think>\n{fenced('def first_part(text):' + chr(10) + '    return text')}", "ends inside <think>"),
    "code in the thoughts alone": (f"<think>\n{fenced('def first_part(text):' + chr(10) + '    return text')}</think>\nThat is it.", "no code in the answer"),
    "another function": (fenced("def other(text):\n    return text"), "the code does not define first_part"),
    "another class": (fenced("class Parts:\n    def first_part(self, text):\n        return text"), "the code does not define first_part"),
    "code that is no Python": (fenced("def first_part(text:\n    return"), "no Python"),
    "another language": (fenced("function first_part(text) { return text; }", "js"), "no Python"),
    "braces": (fenced("}{"), "no Python"),
    "an empty fence": ("```python\n```", "no statement"),
    "a fence of comments": (fenced("# as it was"), "no statement"),
    "a search part that is not there": (block("    return None", "    return text"), "is found 0 times"),
    "a search part that is there twice": (block("raise NotImplementedError", "pass"), "times"),
    "an empty search part": (block("", "pass"), "a search part is empty"),
    "a block without its middle": (block(BODY, RIGHT).replace("=======\n", ""), "no ======="),
    "a block for a file that is not given": (block(BODY, RIGHT, "shop/absent.py"), "shop/absent.py: not one of the files"),
    "a diff for a file that is not given": (fenced(DIFF.replace("shop/core", "shop/absent"), "diff"), "absent"),
    "a diff whose lines are not there": (fenced(DIFF.replace("-    raise NotImplementedError", "-    return None"), "diff"), "does not apply"),
    "a diff that leaves the tree": (fenced(BARE.replace("a/shop/core.py", "a/../core.py").replace("b/shop/core.py", "b/../core.py"), "diff"), "outside the tree"),
    "a diff of a binary file alone": (fenced("diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n", "diff"), "does not apply|changes nothing|patch"),
    "a diff with lines outside a hunk": (fenced(BARE.replace("@@ -1", "@@ -0") .replace(" \n", "so\n", 1) , "diff"), "does not apply"),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_no_answer_is_refused_in_one_line(form: str) -> None:
    answer, why = REFUSED[form]
    with pytest.raises(PatchRejected, match=why) as caught:
        read(answer, "first_part")
    assert "\n" not in str(caught.value)


STUB = 'def first_part(text):\n    """The part before the first separator."""\n    raise NotImplementedError'
UNCHANGED = {
    "the stub again": fenced(STUB),
    "the stub without its docstring": fenced("def first_part(text):\n    raise NotImplementedError"),
    "the stub with types": fenced("def first_part(text: str) -> str:\n    raise NotImplementedError"),
    "the stub as a body": fenced("raise NotImplementedError"),
    "the whole file as it was": fenced(FILE),
    "the whole file as it was, with other blank lines": fenced(FILE.replace("\n\n\n", "\n\n")),
    "a block that changes nothing": block(BODY, BODY),
    "the stub, with a comment": fenced(STUB.replace("    raise", "    # TODO\n    raise")),
}


@pytest.mark.parametrize("form", UNCHANGED)
def test_an_answer_that_says_nothing_new_changes_no_file(form: str) -> None:
    assert read(UNCHANGED[form], "first_part").files == {}


LEFT_OUT = {
    "a print": ("def first_part(text):\n    return text\n\nprint(first_part('a'))", "`print(first_part('a'))`: it runs and defines nothing"),
    "a main part": ("def first_part(text):\n    return text\n\nif __name__ == '__main__':\n    first_part('')", "`if __name__ == '__main__':`: it runs and defines nothing"),
    "an assertion": ("def first_part(text):\n    return text\n\nassert first_part('a') == 'a'", "`assert first_part('a') == 'a'`: it runs and defines nothing"),
    "a neighbour of another text": ("def first_part(text):\n    return text\n\ndef last_part(text):\n    return 1", "`def last_part(text):`: the file has another of that name, and the target does not need this one"),
    "an import of a name that the file has": ("from os.path import join\n\ndef first_part(text):\n    return text", "`from os.path import join`: the file has another join"),
    "another definition of the name": ("def first_part(text):\n    return 1\n\ndef first_part(text):\n    return text", "`def first_part(text):`: another one takes the target's place"),
    "what is no Python round it": ("    x = (\n\n\ndef first_part(text):\n    return text\n\n\ndef last_part(te", "what stands round first_part in the code"),
}  # fmt: skip


@pytest.mark.parametrize("form", LEFT_OUT)
def test_what_is_left_out_is_said(form: str) -> None:
    code, said = LEFT_OUT[form]
    answer = read(f"```python\n{code}\n```", "first_part")
    assert holds(answer.files[PATH] or "", "first_part('a') == 'a' and last_part('a-b') == 'b'")
    assert any(words.startswith(said) for words in answer.left_out), answer.left_out


def test_blocks_and_diffs_for_other_files_are_said_to_be_left_out() -> None:
    answer = read(block("x = 1", "x = 2", "tests/test_core.py") + block(BODY, RIGHT), "first_part")
    assert answer.left_out == (f"tests/test_core.py: not one of the files that were given ({PATH})",)
    binary = "diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n"
    answer = read(fenced(DIFF + binary, "diff"), "first_part")
    assert answer.files == {PATH: SOLVED}
    assert answer.left_out == ("x.png: a binary file",)


def test_a_wrong_neighbour_of_a_whole_file_neither_breaks_nor_mends_the_answer() -> None:
    """A reply that holds the whole file is taken by its definition."""
    broken = SOLVED.replace("_parts(text)[-1]", "undefined").replace("RATE = 3", "RATE = 0")
    assert holds(
        changed(fenced(broken), "first_part"), "RATE == 3 and last_part('a-b') == 'b' and first_part('a-b') == 'a'"
    )


def test_a_wrong_helper_that_the_answer_needs_stays_wrong() -> None:
    answer = fenced("def _parts(text):\n    return [1]\n\ndef first_part(text):\n    return _parts(text)[0]")
    assert holds(changed(answer, "first_part"), "first_part('a-b') == 1")


def test_a_docstring_alone_is_no_right_answer() -> None:
    text = changed(fenced('def first_part(text):\n    """The part."""'), "first_part")
    assert holds(text, "first_part('a-b') is None")


SLOW = {
    "fences that never close": "```python\n" * 60_000,
    "fences of every length": "\n".join("`" * (3 + number % 40) for number in range(20_000)),
    "blocks that never end": "<<<<<<< SEARCH\n" * 60_000,
    "blocks without a middle": "<<<<<<< SEARCH\nx\n>>>>>>> REPLACE\n" * 20_000,
    "dividers": "<<<<<<< SEARCH\n" + "=======\n" * 100_000 + ">>>>>>> REPLACE\n",
    "thoughts that never begin": "</think>\n" * 100_000,
    "deep parentheses": "```python\ndef first_part(text):\n    return " + "(" * 100_000 + "\n```",
    "deep lists": "```python\ndef first_part(text):\n    return " + "[" * 150 + "]" * 150 + "\n```",
    "deep negations": "```python\ndef first_part(text):\n    return " + "-" * 200_000 + "1\n```",
    "deep attributes": "```python\ndef first_part(text):\n    return text" + ".a" * 100_000 + "\n```",
    "a long sum": "```python\ndef first_part(text):\n    return 1" + " + 1" * 100_000 + "\n```",
    "deep blocks": "```python\n" + "".join(" " * depth + "if 1:\n" for depth in range(500)) + "\n```",
    "a chain of elif": "```python\ndef first_part(text):\n    if 1: pass\n" + "    elif 1: pass\n" * 20_000 + "```",
    "a chain of elif beside it": "```python\nif 1: x = 1\n"
    + "elif 1: x = 1\n" * 20_000
    + "def first_part(text):\n    return x\n```",
    "definitions without number": "```python\n" + "def first_part(text):\n    return (\n" * 20_000 + "\n```",
    "hunks without number": f"```diff\n--- a/{PATH}\n+++ b/{PATH}\n" + "@@ -1 +1 @@\n-x\n+y\n" * 30_000 + "```",
    "decorators": "```python\n" + "@a\n" * 50_000 + "def first_part(text):\n    return 1\n```",
    "texts": "```python\ndef first_part(text):\n    return " + '"" ' * 100_000 + "\n```",
    "null bytes": "```python\ndef first_part(text):\n    return '\0'\n```",
    "too much": "x" * (MAX_ANSWER + 1),
}


@pytest.mark.parametrize("form", SLOW)
def test_no_text_takes_long_to_read(form: str) -> None:
    began = time.process_time()
    with suppress(PatchRejected):
        read(SLOW[form], "first_part")
    assert time.process_time() - began < 10


words = st.sampled_from(
    [
        "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "```python\n", "```\n", "````\n", "  ```diff\n", "~~~\n", "<think>", "</think>\n",
        "def first_part(text):\n", "    return text\n", f"{PATH}\n", "class Box:\n", "    def area(self):\n", "        return 1\n", "\n", "\r\n",
        "\r", "\x0c", "\u2028", "\ud800", "\0", "\tx", '"""', "@property\n", "if 1:\n", "else:\n", "first_part = 1\n", "import os; import re\n",
        f"--- a/{PATH}\n", f"+++ b/{PATH}\n", "@@ -1,2 +1,2 @@\n", "@@\n", " import math\n", "-import math\n", "+import os\n", "\\\n", "(", "'''", "\ufeff",
        "\\ No newline at end of file\n", "from __future__ import annotations\n", "try:\n", "except ImportError:\n", "    pass\n", "x = 1\n",
    ]
)  # fmt: skip
targets = st.sampled_from(["first_part", "Box.area", "Box", "gone", "Box.gone", "first_part.<locals>.gone"])


@settings(deadline=None)
@given(st.lists(words | st.text(max_size=6), max_size=16).map("".join), targets)
def test_nothing_but_a_refusal_comes_of_nonsense(answer: str, target: str) -> None:
    try:
        files = read(answer, target, others={"shop/other.py": "A = 1\n"}).files
    except PatchRejected:
        return
    assert set(files) <= {PATH, "shop/other.py"}


odd_lines = st.lists(
    st.sampled_from(["x = 1", "y = '\t\x0c\u2028é'", "\x0c", "", "# \x1c \x85 ü", "if x:\n\ty = 2"]), max_size=6
).map(lambda lines: "".join(f"{line}\n" for line in lines))  # fmt: skip


@settings(deadline=None)
@given(
    odd_lines,
    odd_lines,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from(["    ", "\t", "  "]),
    st.booleans(),
)
def test_all_but_the_definition_survives_byte_for_byte(
    before: str, after: str, newline: str, marked: bool, indent: str, in_class: bool
) -> None:
    before, after = (text.replace("\n", newline) for text in (before, after))
    outer, depth = (f"class Box:{newline}{indent}SIDES = 4{newline}", indent) if in_class else ("", "")
    head = ("\ufeff" if marked else "") + before + outer
    stub = f"{depth}def one(x):{newline}{depth}{indent}raise NotImplementedError{newline}"
    answer = "```python\ndef one(x):\n    return x\n```\n"
    target = "Box.one" if in_class else "one"
    (new,) = read_answer(answer, {PATH: head + stub + after}, PATH, target).files.values()
    assert new == head + f"{depth}def one(x):{newline}{depth}    return x{newline}" + after


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["diff", "block", "fence", "patch"]),
)
def test_a_file_keeps_its_line_ends(of_file: str, of_answer: str, form: str) -> None:
    text, right = FILE.replace("\n", of_file), SOLVED.replace("\n", of_file)
    if form == "patch":
        assert apply_patch({PATH: text.encode()}, DIFF.replace("\n", of_answer)) == {PATH: right.encode()}
        return
    forms = {
        "diff": fenced(DIFF, "diff"),
        "block": block(BODY, RIGHT),
        "fence": fenced(f"def first_part(text):\n{RIGHT}"),
    }
    (new,) = read_answer(forms[form].replace("\n", of_answer), {PATH: text}, PATH, "first_part").files.values()
    assert new == right
