"""Right answers in every form that a model may give them: each becomes a file that works when it is run."""

from __future__ import annotations

import pytest

from tests.solve.toys import (
    BARE,
    BODY,
    DIFF,
    FILE,
    FIRST,
    PATH,
    PLAIN,
    RIGHT,
    SOLVED,
    block,
    changed,
    code,
    fenced,
    holds,
    indented,
)
from ttc_data.edits import unified_diff

FENCES = {
    "a fence": fenced(PLAIN),
    "a fence without a language": fenced(PLAIN, ""),
    "a fence of tildes": f"~~~python\n{PLAIN}~~~\n",
    "a fence of four backticks": f"````python\n{PLAIN}````\n",
    "a fence closed by a longer one": f"```python\n{PLAIN}`````\n",
    "a fence with attributes": fenced(PLAIN, 'python title="core.py" linenums=1'),
    "a fence with the path behind the language": fenced(PLAIN, f"python {PATH}"),
    "a fence with the path behind a colon": fenced(PLAIN, f"python:{PATH}"),
    "prose before and after": f"Sure, here it is.\n\n{fenced(PLAIN)}\nIt splits the text.",
    "a fence in a list": "1. Split it:\n\n" + indented(fenced(PLAIN), "   ") + "\n2. Done.\n",
    "a fence in a bullet, on its line": "- " + indented(fenced(PLAIN), "  ").lstrip(),
    "a fence in a nested list": "- so\n  - and\n\n" + indented(fenced(PLAIN), "    "),
    "a fence in a list, indented by a tab": "* so:\n\n" + indented(fenced(PLAIN), "\t"),
    "a fence inside a longer fence": f"````markdown\nHere:\n\n{fenced(PLAIN)}````\n",
    "a bare fence inside a longer fence": f"````\n```\n{PLAIN}```\n````\n",
    "a fence inside a fence of tildes": f"~~~\n{fenced(PLAIN)}~~~\n",
    "a fence inside a fence as long": f"```markdown\n{fenced(PLAIN)}```\n",
    "a fence that is never closed": f"```python\n{PLAIN}",
    "a fence that is cut off behind the definition": f"```python\n{PLAIN}\n\ndef last_part(text):\n    return (text.",
    "a fence that the prompt has opened": f"{PLAIN}```\n\nIt splits the text.\n",
    "line ends of Windows": fenced(PLAIN).replace("\n", "\r\n"),
    "line ends of an old Macintosh": fenced(PLAIN).replace("\n", "\r"),
    "no fence at all": PLAIN,
    "an example before the definition": fenced('first_part("a-b")') + "\nand\n\n" + fenced(PLAIN),
    "an example and its output after it": fenced(PLAIN) + "\n```\n>>> first_part(\"a-b\")\n'a'\n```\n",
    "a first attempt and a better one": fenced("def first_part(text):\n    return text")
    + "\nBetter:\n\n"
    + fenced(PLAIN),
    "the file as it was, and then the answer": fenced(FILE) + "\nbecomes\n\n" + fenced(PLAIN),
    "the answer, and then what it replaces": fenced(PLAIN)
    + "\nin place of\n\n"
    + fenced(FILE[FILE.index("def first") :][:130]),
    "a broken piece before the answer": "```python\ndef first_part(text:\n```\nI mean\n\n" + fenced(PLAIN),
    "a shell session beside it": "```bash\npip install shop\n```\n\n" + fenced(PLAIN),
    "a docstring that holds a fence": fenced('''
        def first_part(text):
            """The part before the first separator.

            ```python
            first_part("a-b")
            ```
            """
            return text.split("-")[0]
    '''),
    "a docstring with a fence at the margin": '```python\ndef first_part(text):\n    """As in\n\n```\nfirst_part("a-b")\n```\n    """\n    return text.split("-")[0]\n```\n',
    "the definition indented as in a class": f"```python\n{indented(PLAIN, '    ')}```\n",
    "a comment at the margin above an indented definition": f"```python\n# ... 9 lines left out ...\n{indented(PLAIN, '    ')}```\n",
    "an excerpt that begins in the middle of a docstring": f'```python\n    of what it is.\n    """\n    return x\n\n\n{PLAIN}```\n',
    "a path in bold above": f"**{PATH}**\n\n{fenced(PLAIN)}",
    "a path after File: above": f"File: {PATH}\n{fenced(PLAIN)}",
}
THOUGHTS = {
    "thoughts": f"<think>\nSplit it.\n</think>\n\n{fenced(PLAIN)}",
    "thoughts that the prompt has begun": f"Split it.\n</think>\n{fenced(PLAIN)}",
    "thoughts with a draft": f"<think>\n```python\ndef first_part(text):\n    return 1\n```\n</think>\n{fenced(PLAIN)}",
    "thoughts with a draft that is never closed": f"<think>\n```python\ndef first_part(text):\n</think>\n{fenced(PLAIN)}",
    "thoughts with a block": "<think>\n" + block("nothing", "at all") + "</think>\n" + block(BODY, RIGHT),
    "</think> in a comment": fenced(PLAIN.replace("return", "# </think> ends it\n    return")),
    "</think> in a text": fenced(PLAIN.replace('split("-")', 'replace("</think>", "").split("-")')),
    "</think> in a docstring, on a line of its own": fenced(PLAIN.replace("separator.", "separator.\n\n    </think>\n    ")),
    "</think> in a comment, after thoughts": f"<think>so</think>\n{fenced(PLAIN.replace('return', '# </think>' + chr(10) + '    return'))}",
    "</think> in a comment, without a fence": PLAIN.replace("return", "# </think>\n    return"),
    "</think> in a block": block(BODY, RIGHT.replace("return", "# </think>\n    return")),
    "</think> in a diff": unified_diff({PATH: FILE}, {PATH: SOLVED.replace("    return _parts(text)[0]", "    # </think>\n    return _parts(text)[0]")}),
    "thoughts that speak of </think>": f"<think>I close with </think> when I am done.\n</think>\n{fenced(PLAIN)}",
}  # fmt: skip
SEVERAL = {
    "imports in a piece of their own": fenced("import re") + "\nthen\n\n" + fenced('def first_part(text):\n    return re.split("-", text)[0]'),
    "a helper in a piece of its own": fenced("def _cut(text):\n    return text.split('-')") + "\n" + fenced("def first_part(text):\n    return _cut(text)[0]"),
    "a helper after it, in a piece of its own": fenced("def first_part(text):\n    return _cut(text)[0]") + "\nwith\n\n" + fenced("def _cut(text):\n    return text.split('-')"),
    "a helper's helper in a third piece": fenced("MARK = '-'") + fenced("def _cut(text):\n    return text.split(MARK)") + fenced("def first_part(text):\n    return _cut(text)[0]"),
    "another file beside it": f"tests/test_core.py\n{fenced('def test_it():' + chr(10) + '    assert 1')}\n{PATH}\n{fenced(PLAIN)}",
}  # fmt: skip
BLOCKS = {
    "a block": block(BODY, RIGHT),
    "a block in a fence": f"```python\n{block(BODY, RIGHT)}```\n",
    "a block in a fence under its path": f"{PATH}\n```python\n" + block(BODY, RIGHT).partition("\n")[2] + "```\n",
    "a block in a list": "1. Change it:\n\n" + indented(block(BODY, RIGHT), "   "),
    "a block under ./path": block(BODY, RIGHT, f"./{PATH}"),
    "a block under a/path": block(BODY, RIGHT, f"a/{PATH}"),
    "a block under a path in bold": block(BODY, RIGHT, f"**{PATH}**"),
    "a block under a path in backticks": block(BODY, RIGHT, f"`{PATH}`:"),
    "a block under File: path": block(BODY, RIGHT, f"File: `{PATH}`"),
    "a block under a heading": block(BODY, RIGHT, f"### {PATH}"),
    "a block under a comment": block(BODY, RIGHT, f"# {PATH}"),
    "a block under a numbered path": block(BODY, RIGHT, f"1. {PATH}"),
    "a block under a path with backslashes": block(BODY, RIGHT, PATH.replace("/", "\\")),
    "a block under the path in the container": block(BODY, RIGHT, f"/testbed/{PATH}"),
    "a block under the file's name alone": block(BODY, RIGHT, "core.py"),
    "a block under prose": block(BODY, RIGHT, "I change the function."),
    "a block under nothing": block(BODY, RIGHT, ""),
    "a block with line ends of Windows": block(BODY, RIGHT).replace("\n", "\r\n"),
    "a block whose search part has blanks at its ends of lines": block(BODY.replace("\n", "  \n"), RIGHT),
    "a block without the common indent": block(code(BODY).rstrip(), code(RIGHT).rstrip()),
    "a block with the whole definition": block(f"def first_part(text):\n{BODY}", f"def first_part(text):\n{RIGHT}"),
    "a block marked ORIGINAL and UPDATED": block(BODY, RIGHT).replace("SEARCH", "ORIGINAL").replace("REPLACE", "UPDATED"),
    "a block with shorter marks": block(BODY, RIGHT).replace("<<<<<<<", "<<<<<").replace("=======", "=====").replace(">>>>>>>", ">>>>>"),
    "two blocks in turn": block(BODY, RIGHT.replace("[0]", "[1]")) + block("    return _parts(text)[1]", "    return _parts(text)[0]"),
    "a block for a test file beside it": block("x = 1", "x = 2", "tests/test_core.py") + block(BODY, RIGHT),
    "a block that does not fit, and the definition": block("def first_part(text):\n    pass", "x") + fenced(PLAIN),
}  # fmt: skip
HEAD, HUNK = BARE[: BARE.index("@@")], BARE[BARE.index("\n", BARE.index("@@")) + 1 :]
DIFFS = {
    "a git diff in a fence": fenced(DIFF, "diff"),
    "a git diff in a fence without a language": f"```\n{DIFF}```\n",
    "a git diff without a fence": DIFF,
    "a git diff between prose": f"Here:\n\n{DIFF}\nThat is all.\n",
    "a unified diff": f"```diff\n{BARE}```\n",
    "a diff without a/ and b/": f"```diff\n{BARE.replace('a/shop', 'shop').replace('b/shop', 'shop')}```\n",
    "a git diff without a/ and b/": f"```diff\n{DIFF.replace('a/shop', 'shop').replace('b/shop', 'shop')}```\n",
    "a diff under ./": f"```diff\n{BARE.replace('a/shop', './shop').replace('b/shop', './shop')}```\n",
    "a hunk that starts at 0": f"```diff\n{HEAD}@@ -0,7 +0,7 @@\n{HUNK}```\n",
    "a hunk that starts at 1": f"```diff\n{HEAD}@@ -1,7 +1,7 @@\n{HUNK}```\n",
    "a hunk with wrong counts": f"```diff\n{HEAD}@@ -14,70 +14,2 @@\n{HUNK}```\n",
    "a hunk that starts anywhere, with wrong counts": f"```diff\n{HEAD}@@ -1,3 +1,99 @@\n{HUNK}```\n",
    "a hunk without numbers": f"```diff\n{HEAD}@@ @@\n{HUNK}```\n",
    "a hunk with three dots": f"```diff\n{HEAD}@@ ... @@\n{HUNK}```\n",
    "a hunk with a name only": f"```diff\n{HEAD}@@ def first_part(text):\n{HUNK}```\n",
    "a hunk without lines behind the change": f"```diff\n{HEAD}@@ -15,2 +15,2 @@\n" + ' """The part before the first separator."""\n'.replace(" ", "     ", 1) + "-    raise NotImplementedError\n+    return _parts(text)[0]\n```\n",
    "blank lines of a hunk without their blank": f"```diff\n{HEAD}@@ -1,7 +1,7 @@\n{HUNK.replace(chr(10) + ' ' + chr(10), chr(10) * 2)}```\n",
    "a diff without the lines that name the file": f"```diff\n@@ -14,7 +14,7 @@\n{HUNK}```\n",
    "a diff that is nothing but signs": f"```diff\n{HUNK}```\n",
    "a diff with an index line": fenced(DIFF.replace("--- a", "index 1234567..89abcde 100644\n--- a"), "diff"),
    "a diff with line ends of Windows": fenced(DIFF, "diff").replace("\n", "\r\n"),
    "a diff beside a binary file": fenced(DIFF + "diff --git a/shop/logo.png b/shop/logo.png\nindex 1234567..89abcde 100644\nBinary files a/shop/logo.png and b/shop/logo.png differ\n", "diff"),
    "a diff behind a binary file": fenced("diff --git a/shop/logo.png b/shop/logo.png\nindex 1234567..89abcde 100644\nBinary files a/shop/logo.png and b/shop/logo.png differ\n" + DIFF, "diff"),
    "a diff of a test file beside it": fenced(DIFF + "diff --git a/tests/test_core.py b/tests/test_core.py\n--- a/tests/test_core.py\n+++ b/tests/test_core.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n", "diff"),
    "a new test file beside it": fenced(DIFF + "diff --git a/tests/test_new.py b/tests/test_new.py\nnew file mode 100644\n--- /dev/null\n+++ b/tests/test_new.py\n@@ -0,0 +1 @@\n+x = 2\n", "diff"),
    "a mailed patch": "From 1234567 Mon Sep 17 00:00:00 2001\nFrom: Somebody <somebody@example.org>\nSubject: [PATCH] first_part\n\n---\n shop/core.py | 2 +-\n\n" + DIFF + "-- \n2.39.5\n",
    "a mailed patch with a wrong hunk": DIFF.replace("@@ -1", "@@ -0").replace("@@ -01", "@@ -0") + "-- \n2.39.5\n",
    "a patch between Begin and End": f"*** Begin Patch\n*** Update File: {PATH}\n@@ def first_part(text):\n{HUNK}*** End Patch\n",
    "two hunks, the second with a wrong start": fenced(unified_diff({PATH: FILE}, {PATH: SOLVED.replace("import math\n", "import math\nimport os\n")}).replace("@@ -13", "@@ -1"), "diff"),
}  # fmt: skip


@pytest.mark.parametrize("form", FENCES)
def test_a_definition_is_found_in(form: str) -> None:
    assert holds(changed(FENCES[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", THOUGHTS)
def test_what_was_thought_before_is_no_answer(form: str) -> None:
    assert holds(changed(THOUGHTS[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", SEVERAL)
def test_several_pieces_of_code_are_one_answer(form: str) -> None:
    assert holds(changed(SEVERAL[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", BLOCKS)
def test_blocks_are_applied(form: str) -> None:
    assert holds(changed(BLOCKS[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", DIFFS)
def test_diffs_are_applied(form: str) -> None:
    text = changed(DIFFS[form], "first_part")
    assert holds(text, FIRST)
    assert text.replace("import os\n", "").replace("    # </think>\n", "") == SOLVED
