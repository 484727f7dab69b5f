"""A docstring's own examples as a pytest file."""

from __future__ import annotations

import doctest

from ttc_data.lang.python import syntax
from ttc_data.records import FileText, Target

FOLDER = "ttc_doctests"
IMPORTS = "ttc_imports"

# The examples are text of this file, never read from the module under test: an answer must not choose its own exam.
_TEMPLATE = '''\
"""The examples in the docstring of `{module}.{qualname}`, as written."""

import doctest
import importlib

MODULE = "{module}"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
DOCSTRING = """\\
{docstring}
"""


def test_docstring_examples():
    module = importlib.import_module(MODULE)
    examples = doctest.DocTestParser().get_doctest(DOCSTRING, dict(vars(module)), "{qualname}", None, 0)
    report = []
    result = doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(examples, out=report.append)
    assert result.attempted > 0, "no example was run"
    assert result.failed == 0, "".join(report)
'''

# The same under the project's own settings: its flags, pytest's comparisons, and the names that its fixtures give.
_WITH_SETTINGS = '''\
"""The examples in the docstring of `{module}.{qualname}`, as written, under the project's settings of doctests."""

import doctest
import importlib

from _pytest.doctest import _get_checker

MODULE = "{module}"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
DOCSTRING = """\\
{docstring}
"""


def test_docstring_examples(doctest_namespace, pytestconfig):
    module = importlib.import_module(MODULE)
    for name in {flags}:
        doctest.register_optionflag(name)
    flags = FLAGS
    for name in pytestconfig.getini("doctest_optionflags"):
        flags |= doctest.OPTIONFLAGS_BY_NAME[name]
    names = dict(vars(module), **doctest_namespace)
    examples = doctest.DocTestParser().get_doctest(DOCSTRING, names, "{qualname}", None, 0)
    report = []
    runner = doctest.DocTestRunner(checker=_get_checker(), verbose=False, optionflags=flags)
    result = runner.run(examples, out=report.append)
    assert result.attempted > 0, "no example was run"
    assert result.failed == 0, "".join(report)
'''
PYTEST_FLAGS = ("ALLOW_UNICODE", "ALLOW_BYTES", "NUMBER")
"""Flags that pytest adds to those of doctest: examples may name them."""
for _flag in PYTEST_FLAGS:
    doctest.register_optionflag(_flag)


def doctest_file(target: Target, module: str, with_settings: bool = False) -> FileText | None:
    """Write a pytest file that runs a target's docstring examples, with one test, `test_docstring_examples`.

    Args:
        target: whose docstring.
        module: dotted name of the target's module.
        with_settings: the project sets up pytest's doctests, which then holds for these. Where an example names a flag of
            pytest's it does in any case.

    Returns:
        The file, for the folder `ttc_doctests`; None when the docstring holds no example that states its result, or
        cannot be read as a doctest.
    """
    try:
        examples = doctest.DocTestParser().get_examples(target.docstring)
    except ValueError:  # what looks like an example is none: prompts without a blank, uneven margins
        return None
    if not any(example.want and not example.options.get(doctest.SKIP) for example in examples):
        return None
    name = "_".join([*module.split("."), *target.qualname.replace("<locals>.", "").split("."), target.key[:6]])
    ours = {doctest.OPTIONFLAGS_BY_NAME[flag] for flag in PYTEST_FLAGS}
    needs = with_settings or any(not ours.isdisjoint(example.options) for example in examples)
    text = (_WITH_SETTINGS if needs else _TEMPLATE).format(
        module=module, qualname=target.qualname, docstring=syntax.string_literal(target.docstring), flags=PYTEST_FLAGS
    )
    return FileText(f"{FOLDER}/test_{name}.py", text)


_IMPORT = '''\
"""Whether `{module}` can be imported, and is this tree's."""

import importlib
import os


def test_import():
    module = importlib.import_module("{module}")
    assert os.path.samefile(module.__file__, {path!r})
'''


def import_file(path: str, module: str) -> FileText:
    """Write a pytest file that imports a module of a tree, with one test, `test_import`.

    Args:
        path: of the module.
        module: its dotted name.
    """
    name = "_".join(module.split("."))
    return FileText(f"{IMPORTS}/test_{name}.py", _IMPORT.format(module=module, path=path))
