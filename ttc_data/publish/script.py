"""The shell script that runs a row's tests in its image, as SWE-bench's harness and others start it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from ttc_data.keys import content_key
from ttc_data.lang.python.trust import trusted_pathspecs
from ttc_data.pytest_options import is_own, selects
from ttc_data.records import Environment, FileText
from ttc_data.rules import TestRules

START, END = ">>>>> Start Test Output", ">>>>> End Test Output"
# Whoever runs it may have a slower or a busier machine than the one that proved the row.
PATIENCE = 5
OPTIONS = (
    "-p", "no:cacheprovider", "-o", "addopts=", "-o", "required_plugins=", "-o", "xfail_strict=false", "--rootdir=/testbed",
    # A line a test at the end, and nothing of what passing tests print: it could read like such a line.
    "-rpfEsxX", "--color=no", "--tb=short",
)  # fmt: skip
CACHE = "-pcacheprovider"
SITE = "/environment/site"
# Options of plugins and of `conftest.py` files are there only where those are: a session of other tests leaves them out.
KNOWN = """
class Known:
    @pytest.hookimpl(hookwrapper=True)
    def pytest_load_initial_conftests(self, parser, args):
        yield
        args[:] = [one for one in args if not one.startswith("--") or not parser.parse_known_and_unknown_args([one])[1]]

sys.exit(pytest.main(plugins=[Known()]))
"""
# As in our own sandboxes: the tree is let in when pytest is there, so that no `pytest.py` in it is what runs the tests.
PYTEST = (
    'import os, sys; sys.path.remove(""); import pytest; sys.argv[0] = "pytest"; roots = sys.argv.pop(1); '
    f'sys.path[:0] = roots.split(":"); os.environ["PYTHONPATH"] = roots + ":{SITE}"; sys.exit(pytest.main())'
)


def eval_script(environment: Environment, tests: Sequence[str], added: Sequence[FileText], rules: TestRules) -> str:
    """Write the script that runs a row's tests between SWE-bench's markers.

    Whatever an answer made of test files, and of files that configure them, is undone first: those of the first commit are
    put back, those that it does not have are removed, and the row's own are written. It exits as pytest does.

    Args:
        environment: of the row; says what `sys.path` and pytest are given.
        tests: ids to run, FAIL_TO_PASS first.
        added: test files that the repository does not have.
        rules: say how long the tests may take.
    """
    return "\n".join([*_head(), *_restoring(environment, added), *_running(environment, tests, added, rules)]) + "\n"


def roots_of(environment: Environment) -> str:
    """The folders of the project on `sys.path` in a row's image, as `PYTHONPATH` has them."""
    return ":".join(f"/testbed/{root}" if root else "/testbed" for root in environment.roots)


def _head() -> list[str]:
    settings = (f"PYTHONPATH={SITE}", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "TZ=UTC", "LC_ALL=C.UTF-8")
    # The harness traces the script (`set -x`), and a marker that is traced as well would be there twice.
    return [
        "#!/bin/bash",
        "set -uxo pipefail",
        "exec 2>&1",
        "set +x",
        "cd /testbed || exit 1",
        f"export {shlex.join(settings)}",
    ]


def _restoring(environment: Environment, added: Sequence[FileText]) -> Iterator[str]:
    yield f"trusted=({shlex.join(trusted_pathspecs(environment.test_files))})"
    yield "rm -f .git/index.lock"
    # The first commit, not HEAD: whoever answers from inside the image may have committed.
    yield 'git read-tree "$(git rev-list --max-parents=0 HEAD | tail -n 1)"'
    yield 'git ls-files -z -- "${trusted[@]}" | git checkout-index --force -z --stdin'
    yield 'git clean -ffdxq -- "${trusted[@]}"'
    for file in added:
        path = shlex.quote(file.path)
        end = f"end-{content_key(file)}"
        yield f"mkdir -p $(dirname {path}) && rm -rf {path} && cat > {path} <<'{end}'"
        yield f"{file.text.removesuffix(chr(10))}\n{end}"


def _running(
    environment: Environment, tests: Sequence[str], added: Sequence[FileText], rules: TestRules
) -> Iterator[str]:
    limit = f"--kill-after=10 {PATIENCE * rules.sample_timeout_s:g}"
    yield f"echo '{START}'"
    options = [option for option in environment.pytest_args if not (added and selects(option))]
    ours = list(OPTIONS)
    if CACHE in options:  # as if it had never been kept out: to let it in again is a warning, which may be an error
        ours, options = ours[2:], [option for option in options if option != CACHE]
    program = PYTEST if all(map(is_own, options)) else PYTEST.replace("sys.exit(pytest.main())", KNOWN)
    arguments = (program, roots_of(environment), *ours, *options, *tests)
    yield f"timeout {limit} python3 -c {shlex.join(arguments)}"
    # The harness keeps what `$?` is before the line of the marker.
    yield "status=$?; (exit $status)"
    yield f"echo '{END}'"
    yield "exit $status"
