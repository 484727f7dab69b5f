"""Right answers as chats wrap them: with prose round code, in tags and channels, quoted, numbered, behind prompts."""

from __future__ import annotations

import pytest

from tests.solve.toys import BODY, FILE, FIRST, PATH, RIGHT, changed, fenced, holds, read
from ttc_data.errors import PatchRejected

PLAIN = 'def first_part(text):\n    return text.split("-")[0]\n'
WITH_IMPORT = 'import re\n\ndef first_part(text):\n    return re.split("-", text)[0]\n'
HELPED = 'import re\n\nMARK = "-"\n\ndef _cut(text):\n    return re.split(MARK, text)\n\ndef first_part(text):\n    return _cut(text)[0]\n'
QUOTED = "".join(f"> {line}" for line in fenced(WITH_IMPORT).splitlines(keepends=True))
MERGED = f"{BODY}\n=======\n{RIGHT}\n"
CHANNEL = "<|channel|>analysis<|message|>A draft:\n```python\ndef first_part(text):\n    return 3\n```\n<|end|><|start|>assistant<|channel|>final<|message|>"

PROSE = {
    "prose, import, constant and helper without a fence": f"Here is the function:\n\n{HELPED}\nThis splits the text.\n",
    "prose that is no Python for an apostrophe": f"Sure! Here's it.\n\n{HELPED}\nThat's it, isn't it?\n",
    "prose and a helper after the definition": "Sure!\n\ndef first_part(text):\n    return _cut(text)[0]\n\n\ndef _cut(text):\n    return text.split('-')\n\nHope it helps!\n",
    "prose and a decorator with its import": f"OK:\n\nfrom functools import lru_cache\n\n@lru_cache\n{PLAIN}\nDone deal.\n",
    "prose inside the fence": fenced(f"Here is the code:\n\n{WITH_IMPORT}\nThis is it, isn't it?"),
    "code indented as Markdown shows it": "Use this:\n\n    import re\n\n    def first_part(text):\n        return re.split('-', text)[0]\n\nThat is it.\n",
    "a shell session after it, inside the fence": fenced(f"{WITH_IMPORT}\n>>> first_part('a-b')\n'a'"),
    "an excerpt that begins inside another function": f"```python\n# ...\n    return x\n\n{HELPED}```\n",
    "a fence that is cut off behind the definition": f'```python\n{HELPED}\nprint(first_part("a-b"\n```',
    "commands of a notebook": fenced(f"%%time\n!pip install regex\n{WITH_IMPORT}"),
    "a cell's marks": fenced(f"# %%\n{WITH_IMPORT}\n# %% [markdown]"),
    "a headline and a list after it": f"### Solution\n\n{fenced(WITH_IMPORT)}\n### Explanation\n\n1. **Split**: with `re.split`.\n",
    "comments of HTML round it": f"<!-- code -->\n{WITH_IMPORT}<!-- end -->\n",
    "half of a character where it is cut off": f"Here \ud83d\ude00:\n\n{WITH_IMPORT.rstrip()}  # it works \ud83d",
    "BEGIN and END": f"<BEGIN SOLUTION>\n{WITH_IMPORT}<END SOLUTION>\n",
}  # fmt: skip
FENCES = {
    "a fence that closes behind the last line": "```python\n" + WITH_IMPORT.rstrip() + "```\n",
    "a fence that closes behind the last line, and prose": "Here:\n```python\n" + WITH_IMPORT.rstrip() + "``` \nThat is it.\n",
    "two fences that close behind their last lines": "```python\nimport re```\nand\n```python\n" + WITH_IMPORT.partition("\n\n")[2].rstrip() + "```\nThat is it.\n",
    "code behind the opening fence": f"```python {WITH_IMPORT}```\n",
    "a definition behind the opening fence": f"```{PLAIN}```\n",
    "all on one line": '```python def first_part(text): return text.split("-")[0]```',
    "a fence behind prose": f"Answer: ```python\n{WITH_IMPORT}```\n",
    "a language written large": fenced(WITH_IMPORT, "Python3"),
    "a language in braces": fenced(WITH_IMPORT, "{.python}"),
    "a button's word behind the language": fenced(WITH_IMPORT, "python copy"),
    "a fence less deep than its code's place": f"   ```python\n{WITH_IMPORT}   ```\n",
    "a fence of quotes": f"\'\'\'python\n{WITH_IMPORT}\'\'\'\n",
    "a quoted fence": QUOTED,
    "a quoted fence between prose": f"So:\n\n{QUOTED.replace('> ' + chr(10), '>' + chr(10))}\nThat is it.\n",
    "lines with numbers": fenced('1 def first_part(text):\n2     return text.split("-")[0]'),
    "lines with numbers and bars": fenced('9  | import re\n10 | def first_part(text):\n11 |     return re.split("-", text)[0]'),
    "prompts of a shell": '```python\n>>> import re\n>>> def first_part(text):\n...     return re.split("-", text)[0]\n...\n>>> first_part("a-b")\n\'a\'\n```',
    "an indent of blanks that do not break": fenced('def first_part(text):\n\u00a0\u00a0\u00a0\u00a0return text.split("-")[0]'),
    "a mark of the byte order before code": f"\ufeff{PLAIN}",
    "a mark of the byte order before a fence": f"\ufeff{fenced(WITH_IMPORT)}",
    "a blank without width": fenced(f"\u200b{PLAIN}"),
}  # fmt: skip
MARKS = {
    "a final channel": f"<|channel|>analysis<|message|>Split it.<|end|><|start|>assistant<|channel|>final<|message|>{fenced(WITH_IMPORT)}<|return|>",
    "a final channel after a draft, without a fence": f"{CHANNEL}{WITH_IMPORT}<|return|>",
    "channels whose tokens were dropped": f"analysisWe split it.assistantfinal{fenced(WITH_IMPORT)}",
    "a token before code": f"<|python_tag|>{WITH_IMPORT}",
    "an assistant's header": f"<|start_header_id|>assistant<|end_header_id|>\n\n{WITH_IMPORT}<|eot_id|>",
    "tokens with wide bars": f"<\uff5cAssistant\uff5c>{WITH_IMPORT}<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<thinking> with a draft": f"<thinking>\n{fenced('def first_part(text):' + chr(10) + '    return 1')}</thinking>\n\n{WITH_IMPORT}",
    "<reasoning> with a draft": f"<reasoning>\n{fenced('def first_part(text):' + chr(10) + '    return 1')}</reasoning>\n\n{fenced(WITH_IMPORT)}",
    "<code>": f"<code>\n{WITH_IMPORT}</code>\n",
    "<code> between prose": f"Here:\n<code>\n{WITH_IMPORT}</code>\nDone, isn't it.\n",
    "<pre><code>": f'<pre><code class="language-python">\n{WITH_IMPORT}</code></pre>\n',
    "<python>": f"<python>\n{WITH_IMPORT}</python>",
    "[PYTHON]": f"[PYTHON]\n{WITH_IMPORT}[/PYTHON]\n",
    "[PYTHON] and [TESTS]": f"[PYTHON]\n{WITH_IMPORT}[/PYTHON]\n[TESTS]\nassert first_part('a-b') == 'a'\n[/TESTS]\n",
    "<answer> after thoughts, and prose": f"<think>hm</think>\n<answer>\n{WITH_IMPORT}</answer>\nHope it helps.",
    "marks of a merge": fenced(f"<<<<<<< HEAD\n{MERGED}>>>>>>> feature/first-part"),
    "marks of a merge inside the definition": fenced(f"def first_part(text):\n<<<<<<< SEARCH\n{MERGED}>>>>>>> REPLACE"),
    "marks of four": f"{PATH}\n<<<<\n{BODY}\n====\n{RIGHT}\n>>>>\n",
    "marks with colons": f"{PATH}\n<<<<<<< SEARCH:\n{MERGED}>>>>>>> REPLACE:\n",
    "marks with the path": f"<<<<<<< SEARCH {PATH}\n{MERGED}>>>>>>> REPLACE\n",
    "a class for it alone": fenced('class Solution:\n    def first_part(self, text):\n        return text.split("-")[0]'),
    "a class for it alone, with a helper": fenced("class Solution:\n    def _cut(self, text):\n        return text.split('-')\n\n    def first_part(self, text):\n        return self._cut(text)[0]"),
    "a class for it alone, without a fence": 'class Solution:\n    @staticmethod\n    def first_part(text):\n        return text.split("-")[0]\n',
    "a body between prose": 'Here is the body:\n\n    parts = text.split("-")\n    return parts[0]\n',
    "a body and then another definition": '    parts = text.split("-")\n    return parts[0]\n\n\ndef other(x):\n    return x\n',
}  # fmt: skip


@pytest.mark.parametrize("form", PROSE)
def test_code_is_read_between_prose(form: str) -> None:
    assert holds(changed(PROSE[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", FENCES)
def test_a_fence_is_read_as_it_is_meant(form: str) -> None:
    assert holds(changed(FENCES[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", MARKS)
def test_marks_round_an_answer_are_none_of_it(form: str) -> None:
    assert holds(changed(MARKS[form], "first_part"), FIRST)


def test_what_is_passed_over_is_said() -> None:
    (said,) = read(PROSE["prose inside the fence"], "first_part").left_out
    assert said.startswith("what stands round first_part in the code, as 'Here is the code:': the code is no Python")


BODIES = {
    "assignments": "self._items = [self._width]\nself.height = 2\n",
    "assignments as deep as in the file": "        self._items = [self._width]\n        self.height = 2\n",
    "assignments whose first line has no indent": "self._items = [self._width]\n        self.height = 2\n",
    "a call of the object's": "self._items.append(3)",
    "an error": "raise ValueError(self)",
}


@pytest.mark.parametrize("form", BODIES)
def test_a_body_that_returns_nothing_is_read_without_a_fence(form: str) -> None:
    text = changed(BODIES[form], "Box.area")
    assert BODIES[form].split("\n")[0].strip() in text
    assert "raise NotImplementedError" not in text[text.index("def area") : text.index("def volume")]


DEEP = "    def area(self):\n        return operator.mul(self._width, self.height)\n"
ABOVE_DEEP = {
    "an import": f"import operator\n\n{DEEP}",
    "an import of several lines": f"from operator import (\n    mul,\n)\n\n{DEEP.replace('operator.', '')}",
    "a constant and a comment": f"import operator\n\nTIMES = operator.mul  # of two\n\n{DEEP.replace('operator.mul', 'TIMES')}",
    "an import, and a decorator on it": f"import operator\nimport functools\n\n    @functools.lru_cache\n{DEEP}",
    "an import, and a method behind it": f"import operator\n\n{DEEP}\n    def volume(self):\n        return 0\n",
}


@pytest.mark.parametrize("form", ABOVE_DEEP)
def test_what_stands_at_the_margin_above_a_method_as_deep_as_in_its_class_goes_in_too(form: str) -> None:
    assert holds(changed(fenced(ABOVE_DEEP[form]), "Box.area"), "Box(2, 3).area() == 6")


UNREAD = {
    "a lone expression": "text.split('-')",
    "a call of the target": "first_part(text)",
    "thoughts without a final channel": f"<|channel|>analysis<|message|>So:\n{fenced(PLAIN)}",
    "<thinking> without its end": f"<thinking>\n{fenced(PLAIN)}",
    "a helper's class with a method of the name": fenced("class Parts:\n    def first_part(self, text):\n        return text"),
    "quotes that are none to Python": fenced("def first_part(text):\n    return text.split(\u201c-\u201d)[0]"),
    "two codes as JSON": '{"draft": "def first_part(text):\\n    return text\\n", "code": "def first_part(text):\\n    return 1\\n"}',
    "two bodies between prose": "This:\n\n    return text\n\nor that:\n\n    return text[0]\n",
}  # fmt: skip


@pytest.mark.parametrize("form", UNREAD)
def test_what_may_mean_several_things_is_not_read(form: str) -> None:
    with pytest.raises(PatchRejected):
        read(UNREAD[form], "first_part")


def test_a_helper_that_does_not_parse_is_not_mended() -> None:
    answer = "Here:\n\ndef _cut(text):\n    return text.split('-'\n\ndef first_part(text):\n    return _cut(text)[0]\n"
    with pytest.raises(NameError, match="_cut"):
        holds(changed(answer, "first_part"), FIRST)


def test_examples_in_a_docstring_that_is_broken_are_no_body() -> None:
    answer = fenced(
        "def first_part(text:\n    '''Example:\n\n    ```pycon\n    >>> first_part('a-b')\n    'a'\n\n    ```\n    '''"
    )
    with pytest.raises(PatchRejected):
        read(answer, "first_part")


def test_imports_that_a_cut_off_file_needs_elsewhere_stay_out() -> None:
    answer = f"```python\nfrom nowhere import gone\n\n{PLAIN}\n\ndef other():\n    return gone(\n```"
    text = changed(answer, "first_part")
    assert holds(text, FIRST)
    assert "nowhere" not in text
    assert FILE.partition("def first_part")[0] in text
