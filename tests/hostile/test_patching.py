"""Patching what judges: pytest, unittest, the interpreter's own types, import and tracing."""

from __future__ import annotations

import pytest

from tests.hostile.trial import WRONG, assert_earns_nothing
from ttc_data.sandbox.protocol import Sandbox

# Every test passes that no exception ends, and none is let out.
QUIET = "def quiet(*arguments, **more):\n    return None\n"
PYTEST = {
    "pytest.main": "import pytest\npytest.main = lambda *a, **k: 0",
    "TestReport.from_item_and_call": (
        "from _pytest.reports import TestReport\nmake = TestReport.from_item_and_call.__func__\n"
        "def lie(cls, item, call):\n    call.excinfo = None\n    return make(cls, item, call)\n"
        "TestReport.from_item_and_call = classmethod(lie)"
    ),
    "TestReport.outcome": (
        "from _pytest.reports import TestReport\nclass Passed:\n    def __get__(self, *a):\n        return 'passed'\n"
        "    def __set__(self, *a):\n        pass\nTestReport.outcome = Passed()"
    ),
    "CallInfo.from_call": (
        "from _pytest.runner import CallInfo\nmake = CallInfo.from_call.__func__\n"
        "def lie(cls, func, when, reraise=None):\n"
        "    return make(cls, lambda: None if when == 'call' else func(), when, reraise)\n"
        "CallInfo.from_call = classmethod(lie)"
    ),
    "Function.runtest": (
        "import _pytest.python, _pytest.unittest\n_pytest.python.Function.runtest = quiet\n"
        "_pytest.unittest.TestCaseFunction.runtest = quiet"
    ),
    "runner.check_interactive_exception and longrepr": (
        "import _pytest.runner, _pytest.nodes\n_pytest.nodes.Node._repr_failure_py = quiet\n"
        "_pytest.nodes.Node.repr_failure = quiet"
    ),
    "runner.call_and_report": (
        "import _pytest.runner\nfrom _pytest.reports import TestReport\n"
        "def lie(item, when, log=True, **k):\n"
        "    report = TestReport(item.nodeid, item.location, {}, 'passed', None, when, duration=0.1)\n"
        "    if log:\n        item.ihook.pytest_runtest_logreport(report=report)\n    return report\n"
        "_pytest.runner.call_and_report = lie"
    ),
    "a plugin that runs no test": (
        "class Plugin:\n    def pytest_pyfunc_call(self, pyfuncitem):\n        return True\n"
        "import _pytest.unittest\n_pytest.unittest.TestCaseFunction.runtest = quiet\nmanager.register(Plugin())"
    ),
    "a plugin that wraps the making of reports": (
        "class Plugin:\n    @pytest.hookimpl(hookwrapper=True)\n    def pytest_runtest_makereport(self, item, call):\n"
        "        given = yield\n        report = given.get_result()\n"
        "        report.outcome, report.longrepr = 'passed', None\n"
        "manager.register(Plugin())"
    ),
    "a plugin that tells of passed tests instead of running them": (
        "from _pytest.reports import TestReport\nclass Plugin:\n    @pytest.hookimpl(tryfirst=True)\n"
        "    def pytest_runtest_protocol(self, item, nextitem):\n        hook = item.ihook\n"
        "        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)\n"
        "        for when in ('setup', 'call', 'teardown'):\n            hook.pytest_runtest_logreport(\n"
        "                report=TestReport(item.nodeid, item.location, {}, 'passed', None, when, duration=0.1))\n"
        "        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)\n        return True\n"
        "manager.register(Plugin())"
    ),
    "a plugin that removes the tests": (
        "class Plugin:\n    @pytest.hookimpl(tryfirst=True)\n    def pytest_collection_modifyitems(self, items):\n"
        "        del items[1:]\n"
        "manager.register(Plugin())"
    ),
    "a plugin that puts other functions into the tests": (
        "class Plugin:\n    @pytest.hookimpl(trylast=True)\n    def pytest_collection_modifyitems(self, items):\n"
        "        for item in items:\n"
        "            item.runtest = quiet\nmanager.register(Plugin())"
    ),
    "a plugin that marks the tests as expected to fail": (
        "class Plugin:\n    def pytest_collection_modifyitems(self, items):\n        for item in items:\n"
        "            item.add_marker(pytest.mark.xfail(strict=False))\nmanager.register(Plugin())"
    ),
    "a plugin that sets the exit status": (
        "class Plugin:\n    @pytest.hookimpl(trylast=True)\n    def pytest_sessionfinish(self, session):\n"
        "        session.exitstatus = 0\n"
        "manager.register(Plugin())"
    ),
    "the runner's own plugin unregistered": (
        "manager.unregister(next(one for one in manager.get_plugins() if type(one).__name__ == 'Reporter'))"
    ),
    "the runner's own plugin deaf to failures": (
        "plugin = next(one for one in manager.get_plugins() if type(one).__name__ == 'Reporter')\n"
        "hear = plugin.pytest_runtest_logreport\n"
        "for one in list(manager.hook.pytest_runtest_logreport.get_hookimpls()):\n"
        "    if one.plugin is plugin:\n"
        "        one.function = lambda report: (setattr(report, 'outcome', 'passed'), hear(report=report))[1]"
    ),
    "its marks on the module of the tests": (
        "frame = sys._getframe()\nwhile frame.f_globals.get('__name__') != 'test_hidden':\n    frame = frame.f_back\n"
        "frame.f_globals['pytestmark'] = pytest.mark.xfail"
    ),
    "pytest.raises that always does": (
        "import contextlib\npytest.raises = lambda *a, **k: contextlib.suppress(BaseException)"
    ),
    "the rewriting of asserts": (
        "import ast, _pytest.assertion.rewrite as rewrite\nclass Blank(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node):\n        return ast.Pass()\n"
        "rewrite.rewrite_asserts = lambda tree, *a, **k: Blank().visit(tree)\nimport importlib\n"
        "sys.modules.pop('test_hidden', None)"
    ),
}  # fmt: skip
FIND = (
    "import gc, sys\nimport pytest\n"
    "manager = next(one for one in gc.get_objects() if type(one).__name__ == 'Config').pluginmanager\n"
)
UNITTEST = {
    "TestCase.run": "import unittest\nunittest.TestCase.run = quiet",
    "TestCase.assertEqual": "import unittest\nunittest.TestCase.assertEqual = quiet",
    "TestCase._getAssertEqualityFunc": "import unittest\nunittest.TestCase._getAssertEqualityFunc = lambda *a: quiet",
    "_Outcome.testPartExecutor": (
        "import contextlib, unittest.case\n"
        "unittest.case._Outcome.testPartExecutor = lambda *a, **k: contextlib.suppress(BaseException)"
    ),
    "TestCase.failureException": (
        "import unittest\nclass Odd(Exception):\n    pass\nunittest.TestCase.failureException = Odd"
    ),
}
INTERPRETER = {
    "builtins.AssertionError is SystemExit": "import builtins\nbuiltins.AssertionError = SystemExit",
    "builtins.AssertionError cannot be raised": (
        "import builtins\nclass Quiet(Exception):\n    def __new__(cls, *a):\n        import pytest\n"
        "        pytest.xfail('well')\n"
        "builtins.AssertionError = Quiet"
    ),
    "operator.eq": "import operator\noperator.eq = operator.ne = lambda *a: True",
    "builtins.compile and exec": (
        "import builtins\nreal = builtins.compile\nbuiltins.compile = lambda *a, **k: real('', '', 'exec')\n"
        "builtins.exec = quiet"
    ),
    "builtins.__import__": (
        "import builtins\nreal = builtins.__import__\nclass Any(int):\n    __eq__ = lambda *a: True\n"
        "def give(name, *a, **k):\n    module = real(name, *a, **k)\n    if name == 'calc.core':\n"
        "        module.double = lambda x: Any()\n"
        "    return module\nbuiltins.__import__ = give"
    ),
    "the comparison of int, in the type's own table": (
        "import ctypes\nslot = ctypes.c_void_p.from_address(id(int) + 200)\nresult = ctypes.py_object\n"
        "compare = ctypes.PYFUNCTYPE(result, result, result, ctypes.c_int)(lambda a, b, how: how == 2)\n"
        "slot.value = ctypes.cast(compare, ctypes.c_void_p).value"
    ),
    "its own module replaced": (
        "import sys, types\nclass Any(int):\n    __eq__ = lambda *a: True\nmodule = types.ModuleType('calc.core')\n"
        "module.double = lambda x: Any() if x is not None else x < 0\nsys.modules['calc.core'] = module"
    ),
    "pytest replaced by a module of its own": (
        "import sys, types\nfake = types.ModuleType('pytest')\nfake.main = lambda *a, **k: 0\n"
        "fake.raises = fake.approx = fake.mark = fake.fixture = None\nsys.modules['pytest'] = fake"
    ),
    "the modules of the standard library replaced": (
        "import sys\nfor name in ('json', 'os', 'signal', 'time', 'unittest', 'operator'):\n"
        "    sys.modules[name] = sys\n"
    ),
    "sys.modules cleared": "import sys\nsys.modules.clear()",
    "an import hook that gives other tests": (
        "import importlib.abc, importlib.machinery, sys\n"
        "class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if 'test_hidden' in name:\n            return importlib.machinery.ModuleSpec(name, self)\n"
        "    def exec_module(self, module):\n        module.test_positive = lambda: None\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.modules.pop('test_hidden', None)"
    ),
    "the module of the tests emptied while it is imported": (
        "import sys\nframe = sys._getframe()\nwhile frame.f_globals.get('__name__') != 'test_hidden':\n"
        "    frame = frame.f_back\n"
        "module = sys.modules['test_hidden']\nclass Blank(type(module)):\n    def __getattribute__(self, name):\n"
        "        found = super().__getattribute__(name)\n"
        "        return (lambda *a: None) if name.startswith('test_') else found\n"
        "module.__class__ = Blank"
    ),
    "atexit": "import atexit, os\natexit.register(lambda: os._exit(0))",
    "a tracer that forgets exceptions": (
        "import ctypes, sys\nforget = ctypes.pythonapi.PyFrame_LocalsToFast\n"
        "def trace(frame, event, argument):\n    if frame.f_code.co_name != 'from_call':\n        return None\n"
        "    if 'excinfo' in frame.f_locals:\n        frame.f_locals['excinfo'] = None\n"
        "        forget(ctypes.py_object(frame), ctypes.c_int(0))\n    return trace\nsys.settrace(trace)"
    ),
    "a profiler that rewrites results": (
        "import sys\ndef profile(frame, event, argument):\n"
        "    if event == 'call' and frame.f_code.co_name == 'pytest_runtest_logreport':\n"
        "        report = frame.f_locals.get('report')\n        report.outcome, report.longrepr = 'passed', None\n"
        "sys.setprofile(profile)"
    ),
    "a callback of the garbage collector": (
        "import gc\ndef call(phase, info):\n    for one in gc.get_objects():\n"
        "        if type(one).__name__ == 'TestReport':\n"
        "            one.outcome, one.longrepr = 'passed', None\ngc.callbacks.append(call)\ngc.set_threshold(300)"
    ),
    "a thread that rewrites results": (
        "import gc, threading\ndef watch():\n    while True:\n        for one in gc.get_objects():\n"
        "            if type(one).__name__ == 'TestReport':\n"
        "                one.outcome, one.longrepr = 'passed', None\n"
        "threading.Thread(target=watch, daemon=True).start()"
    ),
    "warnings that are errors": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('end')",
    "sys.excepthook and unraisablehook": "import sys\nsys.excepthook = sys.unraisablehook = quiet",
    "sys.flags and -O": "import os, sys\nos.environ['PYTHONOPTIMIZE'] = '2'\nsys.argv[:] = ['-O']",
    "environment variables of pytest": (
        "import os\nos.environ.update(PYTEST_ADDOPTS='--co', PYTEST_PLUGINS='calc.core', "
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD='1')"
    ),
}  # fmt: skip
# These need the tests to be there already, so they strike when they are first called.
LATER = {
    "the code of every test": (
        "    for one in gc.get_objects():\n"
        "        if type(one).__name__ == 'function' and one.__name__.startswith('test_'):\n"
        "            if one.__module__ == 'test_hidden':\n                one.__code__ = blank.__code__\n"
        "                one.__defaults__ = (None, None, None)\n    return Any()"
    ),
    "the constants of the code that calls": (
        "    constants = sys._getframe(1).f_code.co_consts\n    for number, one in enumerate(constants):\n"
        "        if type(one) is int:\n"
        "            slot = ctypes.c_void_p.from_address(id(constants) + 24 + 8 * number)\n"
        "            slot.value = id(SEVEN)\n    return SEVEN"
    ),
    "the locals of the frame that calls": (
        "    frame = sys._getframe(1)\n    for name in ('expected', 'x'):\n        if name in frame.f_locals:\n"
        "            frame.f_locals[name] = Any()\n"
        "            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))\n    return None"
    ),
    "every waiting test marked as expected to fail": (
        "    for one in gc.get_objects():\n        if isinstance(one, pytest.Item):\n"
        "            one.add_marker(pytest.mark.xfail(strict=False))\n    pytest.xfail('me too')"
    ),
    "every waiting test taken out of the session": (
        "    session = next(one for one in gc.get_objects() if isinstance(one, pytest.Session))\n"
        "    del session.items[1:]\n    return Any()"
    ),
    "every waiting test given a body of its own": (
        "    for one in gc.get_objects():\n        if isinstance(one, pytest.Item):\n"
        "            one.runtest = lambda: None\n    return Any()"
    ),
    "the module's names": (
        "    names = sys.modules['test_hidden'].__dict__\n    names['double'] = lambda x: Any()\n"
        "    names['pytest'] = types.SimpleNamespace(raises=lambda *a: contextlib.nullcontext())\n    return Any()"
    ),
}
HEAD = (
    "import contextlib, ctypes, gc, sys, types\nimport pytest\nSEVEN = 7 * 10 ** 9\n\n\nclass Any(int):\n"
    "    __eq__ = lambda *a: True\n    __hash__ = int.__hash__\n\n\n"
    "def blank(self=None, x=None, expected=None):\n    pass\n\n\n"
)


@pytest.mark.parametrize("technique", PYTEST)
def test_of_pytest(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, QUIET + FIND + PYTEST[technique] + WRONG)


@pytest.mark.parametrize("technique", UNITTEST)
def test_of_unittest(sandbox: Sandbox, technique: str) -> None:
    """The answer is right but for the case of unittest, which is one of the altered tests."""
    tail = "\n\n\ndef double(x):\n    return None if x == 3 else x + x\n"
    assert_earns_nothing(sandbox, QUIET + UNITTEST[technique] + tail)


@pytest.mark.parametrize("technique", INTERPRETER)
def test_of_the_interpreter(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, QUIET + INTERPRETER[technique] + WRONG)


@pytest.mark.parametrize("technique", LATER)
def test_of_the_tests_that_wait(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, f"{HEAD}def double(x):\n{LATER[technique]}\n")
