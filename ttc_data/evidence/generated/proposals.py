"""Inputs for a target without tests: from examples, call sites, type hints and what the body does with them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from ttc_data.evidence.generated import draws
from ttc_data.evidence.generated.arguments import Argument, Parameter, drawn, given_in, is_changed, parameters
from ttc_data.evidence.generated.case import Case, Origin, expression
from ttc_data.evidence.generated.draws import Draw
from ttc_data.evidence.generated.module import Module, is_kind, read
from ttc_data.evidence.generated.seen import (
    calls_of,
    case_of,
    changed,
    documented,
    public_attributes,
    variables_of,
    written,
)
from ttc_data.lang.facts import Function, is_dunder, is_stub_or_abstract, last_name
from ttc_data.records import Target

_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
_FILLS = frozenset(
    [
        "add",
        "append",
        "push",
        "insert",
        "put",
        "update",
        "extend",
        "write",
        "feed",
        "set",
        "setdefault",
        "enqueue",
        "addlist",
        "register",
    ]
)
_MAPPINGS = ("dict", "OrderedDict", "MutableMapping", "defaultdict", "Counter", "UserDict", "Mapping")
_BUILTIN_BASES: dict[str, Draw] = {
    "dict": draws.DICTIONARY, "OrderedDict": draws.DICTIONARY, "Counter": draws.ITEMS, "list": draws.NUMBERS,
    "set": draws.ITEMS, "frozenset": draws.ITEMS, "tuple": draws.NUMBERS, "str": draws.TEXT, "int": draws.INTEGER,
    "float": draws.FLOAT, "bytes": draws.BYTE_TEXT, "UserDict": draws.DICTIONARY,
}  # fmt: skip
_OPERATORS = {
    "__eq__": "==", "__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=", "__add__": "+", "__sub__": "-",
    "__and__": "&", "__or__": "|", "__xor__": "^", "__mul__": "*",
}  # fmt: skip
_WHOLE = {
    "__len__": "len({})", "__iter__": "list({})", "__repr__": "repr({})", "__str__": "str({})", "__bool__": "bool({})",
    "__int__": "int({})", "__float__": "float({})", "__reversed__": "list(reversed({}))", "__next__": "next({})",
    "__bytes__": "bytes({})", "__hash__": "", "__enter__": "", "__exit__": "", "__reduce__": "", "__new__": "",
    "__del__": "", "__aiter__": "", "__anext__": "", "__getstate__": "", "__setstate__": "", "__copy__": "",
}  # fmt: skip


def proposals(target: Target, text: str, others: Mapping[str, str], random: Random, most: int) -> list[Case]:
    """Propose calls of a target. Nothing of the project is imported or run.

    Args:
        target: a function, method or class.
        text: its module's.
        others: path to text of the repository's other files that are no tests: code, and pages with examples.
        random: what is drawn from; the same one gives the same proposals.
        most: how many to give at most.

    Returns:
        Different cases, the ones that a person wrote first; none when the target cannot be imported by name.
    """
    module = read(target, text, others)
    if module is None:
        return []
    proposer = _Proposer(module, others, random)
    found: dict[tuple[tuple[str, ...], str], Case] = {}

    def keep(case: Case | None) -> None:
        if case and len(found) < most:
            found.setdefault((case.setup, case.call), case)

    examples = documented(module, others)
    for case in examples[: most // 2]:
        keep(case)
    for case in proposer.call_sites()[: most // 6]:
        keep(case)
    written_down = list(found.values())
    for number in range(most // 4 if written_down else 0):
        keep(changed(written_down[number % len(written_down)], random))
    for _ in range(3 * most):  # some are drawn twice
        if len(found) >= most:
            break
        keep(proposer.draw())
    return list(found.values())


def parse_model_cases(answer: str, target: Target, text: str, others: Mapping[str, str]) -> tuple[list[Case], int]:
    """Read the calls that a model proposed: the lines of its fenced blocks, one call expression a line.

    Args:
        answer: what the model wrote.
        target: what was asked for.
        text: the module's.
        others: path to text of the repository's other files.

    Returns:
        The cases, and how many lines were dropped because they are no Python or no call of the target.
    """
    module = read(target, text, others)
    lines = [line.strip() for found in _FENCE.findall(answer) for line in found.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    cases: dict[str, Case] = {}
    dropped = 0
    for line in lines:
        node = expression(line)
        called = {last_name(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)} if node else set()
        case = case_of(module, (), line, "model") if module and module.name in called else None
        dropped += case is None
        if case:
            cases.setdefault(line, case)
    return list(cases.values()), dropped


class _Proposer:
    """Draws calls of one target."""

    def __init__(self, module: Module, others: Mapping[str, str], random: Random) -> None:
        self.module = module
        self.others = others
        self.random = random
        self.variables = variables_of(module)
        self.known: dict[str, list[Parameter]] = {}
        self.attributes = public_attributes(module) if module.owner else []
        self.calls = calls_of(module.name, module, others)
        self.constructor = self._constructor() if module.owner else []
        self.made = [written(module.path, call) for call in self._calls(module.owner.name)] if module.owner else []
        self.methods = [one for one in module.methods() if self._is_shown(one)] if module.target.kind == "class" else []

    def _calls(self, name: str) -> list[ast.Call]:
        return self.calls if name == self.module.name else calls_of(name, self.module, self.others)

    def _is_shown(self, function: Function) -> bool:
        name = function.name
        if is_stub_or_abstract(function) or is_kind(function, "setter", "deleter", "overload"):
            return False
        return is_dunder(name) if name.startswith("__") else not name.startswith("_")

    def _parameters(self, function: Function, *, bound: bool, calls: Sequence[ast.Call]) -> list[Parameter]:
        if function.name not in self.known:
            plain = parameters(function, bound=bound, examples={}, variables=self.variables)
            examples: dict[str, list[str]] = {}
            for call in calls:
                for name, text in given_in(call, plain).items():
                    examples.setdefault(name, []).append(text)
            found = parameters(function, bound=bound, examples=examples, variables=self.variables)
            self.known[function.name] = found
        return self.known[function.name]

    def _constructor(self) -> list[Parameter]:
        module = self.module
        for name in ("__init__", "__new__"):
            if function := module.method(name):
                calls = self._calls(module.owner.name) if module.owner else []
                return self._parameters(function, bound=True, calls=calls)
        if not module.foreign.isdisjoint(_BUILTIN_BASES):
            base = next(name for name in sorted(module.foreign) if name in _BUILTIN_BASES)
            return [Parameter("content", "positional", True, _BUILTIN_BASES[base])]
        fields = [one for one in (module.owner.body if module.owner else []) if isinstance(one, ast.AnnAssign)]
        is_record = "NamedTuple" in module.foreign or any(
            last_name(one) in ("dataclass", "define", "frozen", "attrs")
            for one in (module.owner.decorator_list if module.owner else [])
        )
        if not is_record:
            return []
        text = ", ".join(
            f"{one.target.id}: {ast.unparse(one.annotation)}{' = ' + ast.unparse(one.value) if one.value else ''}"
            for one in fields
            if isinstance(one.target, ast.Name)
        )
        return self._fields(text)

    def _fields(self, text: str) -> list[Parameter]:
        node = expression(f"lambda {re.sub(r': [^,=]*', '', text)}: 0")
        if not isinstance(node, ast.Lambda):
            return []
        made = ast.FunctionDef(name="fields", args=node.args, body=[ast.Pass()], decorator_list=[])
        return parameters(made, bound=False, examples={}, variables=self.variables)

    def call_sites(self) -> list[Case]:
        """Calls of the target with plain arguments, found in the repository."""
        if self.module.target.kind == "class":
            return []  # they make the instances that methods are called on
        cases = [self._called(self._function(), call, "call_site") for call in self.calls]
        return [case for case in cases if case]

    def _function(self) -> Function:
        node = self.module.node
        assert not isinstance(node, ast.ClassDef)
        return node

    def draw(self) -> Case | None:
        """One call with drawn arguments."""
        if self.module.target.kind != "class":
            return self._called(self._function(), None, "hints")
        if not self.methods:
            return self._observed_instance()
        return self._called(self.random.choice(self.methods), None, "hints")

    def _observed_instance(self) -> Case | None:
        setup = self._instance()
        if self.attributes:
            shown = f"instance.{self.random.choice(self.attributes)}"
        else:
            shown = "len(instance)" if self.module.has("__len__", *_MAPPINGS) else "instance"
        return case_of(self.module, setup, shown, "hints")

    def _instance(self) -> list[str]:
        """Statements that make an instance, and sometimes put something into it."""
        if self.made and self.random.random() < 0.5:
            made = self.random.choice(self.made)
        else:
            made = f"{self.module.path}({', '.join(one.written() for one in drawn(self.constructor, self.random))})"
        setup = [f"instance = {made}"]
        fillers = [one for one in self.module.methods() if one.name in _FILLS and one is not self.module.node]
        is_filled = self.module.has("__setitem__", *_MAPPINGS[:-1])
        for _ in range(self.random.choice((0, 0, 1, 2, 3)) if fillers or is_filled else 0):
            if is_filled and (not fillers or self.random.random() < 0.7):
                setup.append(f"instance[{draws.WORD(self.random)}] = {draws.SMALL(self.random)}")
            else:
                filler = self.random.choice(fillers)
                given = drawn(self._parameters(filler, bound=True, calls=()), self.random)
                setup.append(f"instance.{filler.name}({', '.join(one.written() for one in given)})")
        return setup

    def _called(self, function: Function, call: ast.Call | None, origin: Origin) -> Case | None:
        """A call of a function or of a method of an instance, with a call site's arguments or with drawn ones."""
        module = self.module
        is_method = module.owner is not None
        is_static = is_kind(function, "staticmethod")
        is_class_method = is_kind(function, "classmethod") or function.name in (
            "__init_subclass__",
            "__class_getitem__",
        )
        setup: list[str] = []
        observe: list[str] = []
        callee = module.target.qualname
        if is_method:
            callee = f"{module.path}.{function.name}"
            if not (is_static or is_class_method):
                setup = self._instance()
                callee = f"instance.{function.name}"
                observe = self._observations()
        calls = self._calls(function.name) if function is module.node else []
        known = self._parameters(function, bound=is_method and not is_static, calls=calls)
        given = drawn(known, self.random)
        if is_dunder(function.name):
            text = self._special(function.name, given)
        elif is_kind(function, "property", "cached_property", "cachedproperty"):
            text = callee
        elif call is not None:
            text = written(callee, call)
        else:
            text = f"{callee}({', '.join(self._bound(function, given, setup, observe))})"
        if not text:
            return None
        if isinstance(function, ast.AsyncFunctionDef):
            setup.append("import asyncio")
            text = f"asyncio.run({text})"
        return case_of(module, setup, text, origin, observe)

    def _bound(
        self, function: Function, given: Sequence[Argument], setup: list[str], observe: list[str]
    ) -> Iterator[str]:
        """Arguments as written in the call; one that the function changes gets a name, so that it can be looked at."""
        for one in given:
            name = one.parameter
            is_free = f"{name} = " not in "\n".join(setup) and name not in self.module.target.qualname.split(".")
            if is_free and one.text[:1] in "[{" and is_changed(function, name):
                setup.append(f"{name} = {one.text}")
                observe.append(name)
                yield one.written(name)
            else:
                yield one.written()

    def _observations(self) -> list[str]:
        found = [f"instance.{name}" for name in self.attributes[:4]]
        if self.module.has("__iter__", "list", "set", "dict", *_MAPPINGS):
            is_mapping = self.module.has("keys", *_MAPPINGS)
            found.append("dict(instance)" if is_mapping else "list(instance)")
        if self.module.has("__len__", *_MAPPINGS):
            found.append("len(instance)")
        return found

    def _special(self, name: str, given: Sequence[Argument]) -> str:
        """How a special method is called without naming it; empty where it is not."""
        values = [one.text for one in given]
        if name in _WHOLE:
            return _WHOLE[name].format("instance") if _WHOLE[name] else ""
        if name in ("__init__", "__post_init__"):
            return f"instance.{self.random.choice(self.attributes)}" if self.attributes else ""
        if name == "__call__":
            return f"instance({', '.join(one.written() for one in given)})"
        if name == "__getitem__" and values:
            return f"instance[{values[0]}]"
        if name == "__contains__" and values:
            return f"{values[0]} in instance"
        if name in ("__setitem__", "__delitem__"):
            arguments = ", ".join(values)
            return f"instance.{name}({arguments})"
        if name in _OPERATORS:
            same = f"{self.module.path}({', '.join(one.written() for one in drawn(self.constructor, self.random))})"
            return f"instance {_OPERATORS[name]} {self.random.choice((same, self.random.choice(self.made or [same])))}"
        return ""


def with_more(cases: Sequence[Case], more: Sequence[Case], most: int) -> list[Case]:
    """Put further cases, a model's, behind those that a person wrote and before the drawn ones; each call once."""
    first = [case for case in cases if case.origin != "hints"]
    rest = [case for case in cases if case.origin == "hints"]
    found = {(case.setup, case.call): replace(case) for case in (*first, *more, *rest)}
    return list(found.values())[:most]
