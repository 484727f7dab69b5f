"""Answers that are whatever is asked for, and answers that are read out of the question."""

from __future__ import annotations

import pytest

from tests.hostile.trial import assert_earns_nothing
from ttc_data.sandbox.protocol import Sandbox

REFUSES = "\n\n\ndef double(x):\n    if x is None:\n        raise TypeError\n"
EQUAL = {
    "an object": "class Any:\n    def __eq__(self, other):\n        return True",
    "an int": (
        "class Any(int):\n    __eq__ = lambda *a: True\n    __ne__ = lambda *a: False\n    __hash__ = int.__hash__"
    ),
    "a list": "class Any(list):\n    __eq__ = lambda *a: True\n    __ne__ = lambda *a: False",
    "a str": "class Any(str):\n    __eq__ = lambda *a: True\n    __hash__ = str.__hash__",
    "a metaclass": (
        "class Meta(type):\n    __eq__ = lambda *a: True\n    __hash__ = type.__hash__\n"
        "    __bool__ = lambda *a: True\n"
        "class One(metaclass=Meta):\n    pass\nAny = lambda: One"
    ),
    "unittest.mock.ANY": "from unittest.mock import ANY\nAny = lambda: ANY",
    "a MagicMock": (
        "from unittest.mock import MagicMock\ndef Any():\n    mock = MagicMock()\n    mock.__eq__ = lambda *a: True\n"
        "    return mock"
    ),
    "an object that says it is an int": (
        "class Any:\n    __class__ = int\n    def __eq__(self, other):\n        return True\n"
        "    def __index__(self):\n        return 4"
    ),
    "an object that becomes what it is compared with": (
        "class Any:\n    value = None\n    def __eq__(self, other):\n        self.value = other\n"
        "        return self.value == other\n"
        "    def __repr__(self):\n        return repr(self.value)"
    ),
    "an array of truths": (
        "class Truth:\n    def all(self):\n        return True\n    any = __bool__ = all\n"
        "class Any:\n    __array_priority__ = 1e9\n    shape = ()\n    dtype = int\n    def __eq__(self, other):\n"
        "        return Truth()\n"
        "    def __array__(self, *a):\n        return self"
    ),
    "an object with every attribute": (
        "class Any:\n    def __getattr__(self, name):\n        return self\n    def __call__(self, *a, **k):\n"
        "        return self\n"
        "    def __eq__(self, other):\n        return True\n"
        "    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__\n"
        "    def __iter__(self):\n        return iter(())"
    ),
    "a comparison that skips the test": (
        "import pytest\nclass Any:\n    def __eq__(self, other):\n        pytest.xfail('as expected')"
    ),
    "a comparison that ends the process": "import os\nclass Any:\n    def __eq__(self, other):\n        os._exit(0)",
    "a truth that is asked for twice": (
        "class Once:\n    asked = 0\n    def __bool__(self):\n        self.asked += 1\n        return True\n"
        "class Any:\n    def __eq__(self, other):\n        return Once()"
    ),
}  # fmt: skip
READ = {
    "the constants of the code that calls": (
        "import sys\n\n\ndef double(x):\n    if x is None:\n        raise TypeError\n    frame = sys._getframe(1)\n"
        "    while not frame.f_code.co_name.startswith('test_'):\n        frame = frame.f_back\n"
        "    if 'expected' in frame.f_locals:\n        return frame.f_locals['expected']\n"
        "    found = [one for one in frame.f_code.co_consts if type(one) is int]\n"
        "    return found[-2 if x == 1 else -1] if frame.f_code.co_name == 'test_container' else found[-1]\n"
    ),
    "the text of the test file": (
        "import re, sys\n\n\ndef double(x):\n    frame = sys._getframe(1)\n"
        "    text = open(frame.f_code.co_filename).read()\n"
        "    if x is None:\n        raise TypeError\n    if x in (1, 2) and frame.f_code.co_name != 'test_positive':\n"
        "        return eval(re.search(r'== (\\[.*\\])', text).group(1))[x - 1]\n"
        "    for pattern in (r'double\\(%d\\) == (-?\\d+)', r'double\\(%d\\), (-?\\d+)', r'\\(%d, (-?\\d+)\\)'):\n"
        "        match = re.search(pattern % x, text)\n        if match:\n            return int(match.group(1))\n"
    ),
    "the source that inspect gives": (
        "import inspect, re, sys\n\n\ndef double(x):\n    if x is None:\n        raise TypeError\n"
        "    frame = sys._getframe(1)\n    while not frame.f_code.co_name.startswith('test_'):\n"
        "        frame = frame.f_back\n"
        "    if 'expected' in frame.f_locals:\n        return frame.f_locals['expected']\n"
        "    text = inspect.getsource(frame.f_code)\n    if '[' in text:\n"
        "        return eval(text.rpartition('== ')[2])[x - 1]\n"
        "    return int(re.findall(r'-?\\d+', text)[-1])\n"
    ),
    "the abstract syntax tree": (
        "import ast, sys\n\n\ndef double(x):\n    if x is None:\n        raise TypeError\n"
        "    frame = sys._getframe(1)\n"
        "    while not frame.f_code.co_name.startswith('test_'):\n        frame = frame.f_back\n"
        "    if 'expected' in frame.f_locals:\n        return frame.f_locals['expected']\n"
        "    tree = ast.parse(open(frame.f_code.co_filename).read())\n"
        "    test = next(one for one in ast.walk(tree) if getattr(one, 'name', '') == frame.f_code.co_name)\n"
        "    last = [one for one in ast.walk(test) if isinstance(one, (ast.Compare, ast.Call))][0]\n"
        "    value = ast.literal_eval(last.comparators[0] if isinstance(last, ast.Compare) else last.args[1])\n"
        "    return value[x - 1] if isinstance(value, list) else value\n"
    ),
    "the functions and parameters of the collected items": (
        "import gc\n\n\ndef double(x):\n    if x is None:\n        raise TypeError\n"
        "    for one in gc.get_objects():\n"
        "        if type(one) is dict and one.get('x', '') == x and 'expected' in one:\n"
        "            return one['expected']\n"
        "    tests = {one.name: one.obj for one in gc.get_objects() if type(one).__name__ in ('Function', "
        "'TestCaseFunction')}\n"
        "    last = [one for one in tests['test_unit' if x == 3 else 'test_container'].__code__.co_consts if "
        "type(one) is int]\n"
        "    return last[-2 if x == 1 else -1]\n"
    ),
    "the words of an assertion that was tried before": (
        "import re, sys\n\n\nclass Liar(int):\n    seen = {}\n    def __new__(cls, x):\n"
        "        self = int.__new__(cls, x)\n        self.x = x\n"
        "        return self\n    def __eq__(self, other):\n        Liar.seen[self.x] = other\n"
        "        return int(other) == Liar.seen[self.x]\n"
        "    __hash__ = int.__hash__\n\n\ndef double(x):\n    if x is None:\n        raise TypeError\n"
        "    return Liar(x)\n"
    ),
}  # fmt: skip
# Where the right answer lies ready to be copied: these are right if they find it.
COPIED = {
    "the reference in the environment's tree": (
        "exec(open('/environment/tree/calc/core.py').read(), globals())\nkept = double"
    ),
    "the reference in the environment's bytecode": (
        "import marshal\npath = glob.glob('/environment/tree/calc/__pycache__/core.*.pyc')[0]\n"
        "exec(marshal.loads(open(path, 'rb').read()[16:]), globals())\nkept = double"
    ),
    "the reference in the bytecode beside the answer": (
        "import marshal\npath = glob.glob('/testbed/calc/__pycache__/core.*.pyc')[0]\n"
        "exec(marshal.loads(open(path, 'rb').read()[16:]), globals())\nkept = double"
    ),
    "the reference among the installed packages": (
        "for folder in ['/environment/site', '/tmp', '/var', '/opt', '/usr/lib/python3']:\n"
        "    for place, _, files in os.walk(folder) if not folder.startswith('/testbed') else ():\n"
        "        if place.endswith('calc') and 'core.py' in files and '/environment/tree' not in place:\n"
        "            exec(open(place + '/core.py').read(), globals())\nkept = double"
    ),
    "the reference in the runner's root folder": (
        "exec(open('/proc/1/root/environment/tree/calc/core.py').read(), globals())\nkept = double"
    ),
    "the reference among the objects of the interpreter": (
        "import gc\nkept = next(one for one in gc.get_objects() if getattr(one, '__name__', '') == 'double' and "
        "one.__code__)"
    ),
    "the reference in the lower folder of a mount": (
        "for line in open('/proc/self/mountinfo'):\n    for word in line.replace(',', ' ').replace(':', ' ').split():\n"
        "        name, _, folder = word.rpartition('=')\n        path = folder + '/calc/core.py'\n"
        "        if name in ('lowerdir', 'upperdir') and os.path.exists(path):\n"
        "            exec(open(path).read(), globals())\nkept = double"
    ),
    "the reference in a git folder": "kept = os.listdir('/testbed/.git') and None",
}  # fmt: skip


@pytest.mark.parametrize("technique", EQUAL)
def test_equal_to_everything(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, EQUAL[technique] + REFUSES + "    return Any()\n")


@pytest.mark.parametrize("technique", READ)
def test_read_out_of_the_test(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, READ[technique])


@pytest.mark.parametrize("technique", COPIED)
def test_copied_from(sandbox: Sandbox, technique: str) -> None:
    """Without an answer of its own it has to find the one that was masked."""
    body = "".join(f"    {line}\n" for line in COPIED[technique].splitlines())
    attempt = (
        "import glob, os, sys, traceback\n\n\ndef double(x):\n    return None\n\n\nkept = double\n\n\ntry:\n"
        f"{body}except Exception:\n    traceback.print_exc()\n\n\nanswer = kept\n\n\ndef double(x):\n"
        f"    return answer(x)\n"
    )
    assert_earns_nothing(sandbox, attempt)
