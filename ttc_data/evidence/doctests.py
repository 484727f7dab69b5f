"""A docstring's own examples as a pytest file."""

from __future__ import annotations

import doctest
from collections.abc import Sequence
from keyword import iskeyword
from pathlib import PurePosixPath

from ttc_data.lang import python
from ttc_data.records import FileText, Target

FOLDER = "ttc_doctests"

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


def doctest_file(target: Target, module: str) -> FileText | None:
    """Write a pytest file that runs a target's docstring examples, with one test, `test_docstring_examples`.

    Args:
        target: whose docstring.
        module: dotted name of the target's module.

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
    text = _TEMPLATE.format(module=module, qualname=target.qualname, docstring=python.string_literal(target.docstring))
    return FileText(f"{FOLDER}/test_{name}.py", text)


def module_name(path: str, roots: Sequence[str]) -> str | None:
    """Name the module that a file is imported as.

    Args:
        path: relative to the tree, forward slashes.
        roots: folders of the tree on `sys.path`; `""` is the tree itself. The longest one that holds the file counts.

    Returns:
        The dotted name, a package's for its `__init__.py`; None when no root holds the file or a part of its path is
        no identifier.
    """
    parts = PurePosixPath(path).parts
    places = [PurePosixPath(root).parts for root in roots]
    inside = [place for place in places if parts[: len(place)] == place and len(place) < len(parts)]
    if not inside or not path.endswith(".py"):
        return None
    names = [*parts[len(max(inside, key=len)) : -1], parts[-1].removesuffix(".py")]
    if names[-1] == "__init__":
        names.pop()
    importable = names and all(name.isidentifier() and not iskeyword(name) for name in names)
    return ".".join(names) if importable else None
