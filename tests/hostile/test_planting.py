"""Files that an answer brings or writes: what configures pytest or the interpreter, shadows a module, or is a test."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.hostile.trial import NAMES, PATH, TESTS, WRONG, assert_earns_nothing
from ttc_data.sandbox.protocol import Sandbox

# What a planted file does when something imports it: hooks for pytest, and a forged report where one can be written.
HOOKS = (
    "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
    "    given = yield\n"
    "    given.get_result().outcome = 'passed'\n"
)
FORGING = (
    f"import gc, os\n{NAMES}"
    "for one in gc.get_objects():\n    if type(one).__name__ == 'Channel':\n"
    "        for number, name in enumerate(NAMES):\n"
    "            one.say('start', number, name)\n            one.say('test', number, 'passed', 0.1, '')\n"
    "        one.say('end', 0)\n        os._exit(0)\n"
)
PASSING = (
    TESTS.replace("double(2) == 4", "True")
    .replace("double(3), 6", "1, 1")
    .replace("[double(x) for x in (1, 2)]", "[2, 4]")
)
ENTRY: Mapping[str, str | None] = {
    "planted-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n",
    "planted-1.0.dist-info/entry_points.txt": "[pytest11]\nplanted = planted\n",
    "planted.py": HOOKS,
}
# Never taken from an answer: see `ttc_data.lang.python.trust`.
CONFIGURING: Mapping[str, Mapping[str, str | None]] = {
    "conftest.py": {"conftest.py": HOOKS},
    "calc/conftest.py": {"calc/conftest.py": HOOKS},
    "tests/conftest.py": {"tests/conftest.py": HOOKS},
    "pytest.ini": {"pytest.ini": "[pytest]\naddopts = -p planted\n", "planted.py": HOOKS},
    ".pytest.ini": {".pytest.ini": "[pytest]\naddopts = -p planted\n", "planted.py": HOOKS},
    "pyproject.toml": {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p planted"\n', "planted.py": HOOKS},
    "tox.ini": {"tox.ini": "[pytest]\npython_functions = none\n"},
    "setup.cfg": {"setup.cfg": "[tool:pytest]\npython_files = none\n"},
    "sitecustomize.py": {"sitecustomize.py": FORGING},
    "usercustomize.py": {"usercustomize.py": FORGING},
    "planted.pth": {"planted.pth": "import planted\n", "planted.py": FORGING},
    "the hidden test file": {PATH: PASSING},
    "tests/__init__.py": {"tests/__init__.py": FORGING},
    "a package in place of the test file": {"tests/test_hidden/__init__.py": PASSING},
    "a test file of the same name elsewhere": {"test_hidden.py": PASSING},
    "a test beside the code": {"calc/test_hidden.py": PASSING, "calc/test_x.py": "def test_x():\n    pass\n"},
}
# Not configuration by their names, yet found by the interpreter or by pytest if the tree came first.
SHADOWING: Mapping[str, Mapping[str, str | None]] = {
    "sitecustomize/__init__.py": {"sitecustomize/__init__.py": FORGING},
    "usercustomize/__init__.py": {"usercustomize/__init__.py": FORGING},
    "an entry point of a plugin": ENTRY,
    "an egg with an entry point": {
        "planted.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n",
        "planted.egg-info/entry_points.txt": "[pytest11]\nplanted = planted\n",
        "planted.py": HOOKS,
    },
    "an egg's folder": {"EGG-INFO/entry_points.txt": "[pytest11]\nplanted = planted\n", "planted.py": HOOKS},
    "pytest_planted.py": {"pytest_planted.py": HOOKS},
    "noxfile.py and setup.py": {"setup.py": FORGING, "noxfile.py": FORGING},
    "environment files": {
        ".env": "PYTEST_ADDOPTS=-p planted\n",
        "pyvenv.cfg": "home = /testbed\n",
        "planted.py": HOOKS,
    },
    "calc/__main__.py": {"calc/__main__.py": FORGING, "__main__.py": FORGING},
    "a package in place of the module": {"calc/core/__init__.py": FORGING, "calc/core.py": None},
    "calc/__init__.py": {"calc/__init__.py": FORGING},
    "calc.py": {"calc.py": FORGING},
    "test_hidden.pyi and test_hidden.pyc": {"tests_hidden.pyi": PASSING, "test_hidden.pyc": PASSING},
    "a doctest": {"README.txt": ">>> 1\n1\n", "calc/notes.rst": ">>> 1\n1\n"},
}
# Each answer brings all the modules of a group.
MODULES = {
    "pytest": "pytest.py _pytest/__init__.py _pytest/hookspec.py py.py",
    "pytest as a package": "pytest/__init__.py _pytest/__init__.py pluggy/__init__.py",
    "what pytest needs": "pluggy.py iniconfig.py packaging/__init__.py exceptiongroup.py tomllib.py",
    "coverage": "coverage.py",
    "what starts an interpreter": "encodings/__init__.py os.py types.py _collections_abc.py importlib/__init__.py",
    "what pytest imports": "unittest/__init__.py re.py json/__init__.py difflib.py ast.py traceback.py doctest.py",
    "what is imported late": "random.py pdb.py readline.py linecache.py faulthandler.py cProfile.py xml/__init__.py",
    "what the runner imports": "signal.py ctypes/__init__.py atexit.py select.py struct.py resource.py",
}


# The same, done by code while the session runs.
WRITTEN = {
    "the test file, edited": f"pathlib.Path('{PATH}').write_text('def test_positive():\\n    pass\\n')",
    "the test file, removed": f"pathlib.Path('{PATH}').unlink()",
    "the test file, a link to another": (
        f"pathlib.Path('/tmp/other.py').write_text('def test_positive(): pass')\nos.unlink('{PATH}')\n"
        f"os.symlink('/tmp/other.py', '{PATH}')"
    ),
    "the test file, a hard link to the answer": f"os.unlink('{PATH}')\nos.link('calc/core.py', '{PATH}')",
    "the test file, a pipe": f"os.unlink('{PATH}')\nos.mkfifo('{PATH}')",
    "the test file, a folder": f"os.unlink('{PATH}')\nos.mkdir('{PATH}')",
    "the folder of tests, a link to /": "shutil.rmtree('tests', ignore_errors=True)\nos.symlink('/', 'tests')",
    "the folder of tests, read only": "os.chmod('tests', 0)",
    "the code's folder, a link to the host": "shutil.rmtree('calc')\nos.symlink('/etc', 'calc')",
    "the work folder removed": "shutil.rmtree('/testbed', ignore_errors=True)",
    "the work folder left": "os.chdir('/')",
    "a conftest": (
        f"pathlib.Path('conftest.py').write_text({HOOKS!r})\npathlib.Path('tests/conftest.py').write_text({HOOKS!r})"
    ),
    "a pytest.ini": "pathlib.Path('pytest.ini').write_text('[pytest]\\naddopts = --co\\n')",
    "bytecode of other tests": (
        "import py_compile\npathlib.Path('/tmp/x.py').write_text('def test_positive(): pass')\n"
        "for name in ('test_hidden.cpython-311.pyc', 'test_hidden.cpython-311-pytest-8.4.2.pyc'):\n"
        "    py_compile.compile('/tmp/x.py', 'tests/__pycache__/' + name, "
        "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
    ),
    "the packages of the environment": (
        f"pathlib.Path('/environment/site/sitecustomize.py').write_text({FORGING!r})\n"
    ),
    "the environment's tree": (
        "for name in ('tests/test_core.py', 'calc/core.py'):\n    os.chmod('/environment/tree/' + name, 0o777)\n"
        "    pathlib.Path('/environment/tree/' + name).write_text('')"
    ),
    "the home folder": (
        "home = pathlib.Path(os.path.expanduser('~'))\n"
        "(home / '.local/lib/python3.11/site-packages').mkdir(parents=True)\n"
        f"(home / '.local/lib/python3.11/site-packages/usercustomize.py').write_text({FORGING!r})"
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", CONFIGURING)
def test_what_trust_keeps_out(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, {"calc/core.py": WRONG, **CONFIGURING[technique]})


@pytest.mark.parametrize("technique", SHADOWING)
def test_what_trust_lets_in(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, {"calc/core.py": WRONG, **SHADOWING[technique]})


@pytest.mark.parametrize("technique", MODULES)
def test_modules_that_shadow(sandbox: Sandbox, technique: str) -> None:
    planted = dict.fromkeys(MODULES[technique].split(), FORGING)
    assert_earns_nothing(sandbox, {"calc/core.py": WRONG, **planted})


@pytest.mark.parametrize("technique", WRITTEN)
def test_written_while_the_session_runs(sandbox: Sandbox, technique: str) -> None:
    code = "import os, pathlib, shutil, traceback\ntry:\n" + "".join(
        f"    {one}\n" for one in WRITTEN[technique].splitlines()
    )
    assert_earns_nothing(sandbox, code + "except OSError:\n    traceback.print_exc()\n" + WRONG, timeout_s=4.0)
