"""Draws calls of a target: an instance where one is needed, something put into it, and arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from random import Random

from ttc_data.lang.python.facts import Function, is_dunder, is_stub_or_abstract, last_name, statements_of
from ttc_data.lang.python.generated import draws
from ttc_data.lang.python.generated.arguments import Argument, CallParameter, drawn, given_in, is_changed, parameters
from ttc_data.lang.python.generated.bags import bags, is_bag
from ttc_data.lang.python.generated.case import TREES_HELD, Case, Origin, block_shared, expression
from ttc_data.lang.python.generated.draws import Draw
from ttc_data.lang.python.generated.module import Module, is_kind
from ttc_data.lang.python.generated.seen import calls_of, case_of, public_attributes, variables_of, written

# What these give is another day's or another machine's, even where two runs agree.
_AMBIENT = re.compile(
    r"\b(now|today|utcnow|time\.time|time_ns|localtime|fromtimestamp|getcwd|getpid|gethostname|getenv|expanduser|getuser"
    r"|uuid1|uuid4|urandom)\(|\bos\.environ\b|\bplatform\.\w+\("
)
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
    "dict": draws.DICTIONARY,
    "OrderedDict": draws.DICTIONARY,
    "Counter": draws.ITEMS,
    "list": draws.NUMBERS,
    "set": draws.ITEMS,
    "frozenset": draws.ITEMS,
    "tuple": draws.NUMBERS,
    "str": draws.TEXT,
    "int": draws.INTEGER,
    "float": draws.FLOAT,
    "bytes": draws.BYTE_TEXT,
    "UserDict": draws.DICTIONARY,
}
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


class Proposer:
    """Draws calls of one target."""

    def __init__(self, module: Module, others: Mapping[str, str], random: Random) -> None:
        self.module = module
        self.others = others
        self.random = random
        self.variables = variables_of(module)
        self.known: dict[str, list[CallParameter]] = {}
        self.changed: dict[tuple[ast.AST, str], bool] = {}
        self.attributes = public_attributes(module) if module.owner else []
        self.calls = calls_of(module.name, module, others)
        self.constructor = self._constructor() if module.owner else []
        self.made = [written(module.path, call) for call in self._calls(module.owner.name)] if module.owner else []
        self.methods = [one for one in module.methods() if self._is_shown(one)] if module.target.kind == "class" else []

    def _calls(self, name: str) -> list[ast.Call]:
        return self.calls if name == self.module.name else calls_of(name, self.module, self.others)

    def _is_shown(self, function: Function) -> bool:
        name = function.name
        if is_stub_or_abstract(function) or is_ambient(function):
            return False
        if is_kind(function, "setter", "deleter", "overload"):
            return False
        return is_dunder(name) if name.startswith("__") else not name.startswith("_")

    def _parameters(self, function: Function, *, bound: bool, calls: Sequence[ast.Call]) -> list[CallParameter]:
        if function.name not in self.known:
            plain = parameters(function, bound=bound, examples={}, variables=self.variables)
            examples: dict[str, list[str]] = {}
            for call in calls:
                for name, text in given_in(call, plain).items():
                    examples.setdefault(name, []).append(text)
            found = parameters(function, bound=bound, examples=examples, variables=self.variables)
            self.known[function.name] = [self._with_bags(function, one) for one in found]
        return self.known[function.name]

    def _with_bags(self, function: Function, parameter: CallParameter) -> CallParameter:
        asked = [one for one in ast.walk(function.args) if isinstance(one, ast.arg) and one.arg == parameter.name]
        found = bags(function, parameter.name, self.module, self.others) if is_bag(asked[0].annotation) else []
        return replace(parameter, draw=draws.sampled(found)) if found else parameter

    def _constructor(self) -> list[CallParameter]:
        module = self.module
        for name in ("__init__", "__new__"):
            if function := module.method(name):
                calls = self._calls(module.owner.name) if module.owner else []
                return self._parameters(function, bound=True, calls=calls)
        if not module.foreign.isdisjoint(_BUILTIN_BASES):
            base = next(name for name in sorted(module.foreign) if name in _BUILTIN_BASES)
            return [CallParameter("content", "positional", True, _BUILTIN_BASES[base])]
        return self._fields() if module.owner and _is_record(module.owner, module.foreign) else []

    def _fields(self) -> list[CallParameter]:
        """The parameters that a dataclass or a named tuple makes of its annotated names."""
        body = self.module.owner.body if self.module.owner else []
        fields = [one for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
        required = [one for one in fields if one.value is None]
        given = [one for one in fields if isinstance(one.value, ast.Constant)]
        arguments = ast.arguments(
            posonlyargs=[],
            args=[ast.arg(ast.unparse(one.target), one.annotation) for one in (*required, *given)],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[one.value for one in given if one.value],
        )
        made = ast.FunctionDef(name="fields", args=arguments, body=[ast.Pass()], decorator_list=[])
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
        own = [one for one in self.methods if self.module.owner and one in self.module.owner.body]
        inherited = not own or self.random.random() < 0.2
        return self._called(self.random.choice(self.methods if inherited else own), None, "hints")

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
        given = self._found_in(setup, drawn(known, self.random))
        if is_dunder(function.name):
            text = self._special(function.name, given, setup)
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

    def _found_in(self, setup: Sequence[str], given: Sequence[Argument]) -> list[Argument]:
        """Arguments, of which some are what the instance was made of: it has something to do with these."""
        held = [constant for text in setup for constant in _constants(text)]
        found = []
        for one in given:
            alike = [text for text in dict.fromkeys(held) if (text[:1] in "'\"") == (one.text[:1] in "'\"")]
            is_taken = _is_constant(one.text) and alike and self.random.random() < 0.5
            found.append(replace(one, text=self.random.choice(alike)) if is_taken else one)
        return found

    def _bound(
        self, function: Function, given: Sequence[Argument], setup: list[str], observe: list[str]
    ) -> Iterator[str]:
        """Arguments as written in the call; one that the function changes gets a name, so that it can be looked at."""
        for one in given:
            name = one.parameter
            is_free = f"{name} = " not in "\n".join(setup) and name not in self.module.target.qualname.split(".")
            if is_free and one.text[:1] in "[{" and self._is_changed(function, name):
                setup.append(f"{name} = {one.text}")
                observe.append(name)
                yield one.written(name)
            else:
                yield one.written()

    def _is_changed(self, function: Function, name: str) -> bool:
        if (function, name) not in self.changed:
            self.changed[function, name] = is_changed(function, name)
        return self.changed[function, name]

    def _observations(self) -> list[str]:
        found = [f"instance.{name}" for name in self.attributes[:4]]
        if self.module.has("__iter__", "list", "set", "dict", *_MAPPINGS):
            is_mapping = self.module.has("keys", *_MAPPINGS)
            found.append("dict(instance)" if is_mapping else "list(instance)")
        if self.module.has("__len__", *_MAPPINGS):
            found.append("len(instance)")
        return found

    def _special(self, name: str, given: Sequence[Argument], setup: list[str]) -> str:
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
        if name == "__setitem__" and len(values) > 1:
            setup.append(f"instance[{values[0]}] = {values[1]}")
            return f"instance[{values[0]}]" if self.module.has("__getitem__", *_MAPPINGS) else ""
        if name == "__delitem__" and values:
            setup.append(f"del instance[{values[0]}]")
            return "len(instance)" if self.module.has("__len__", *_MAPPINGS) else ""
        if name in _OPERATORS:
            same = f"{self.module.path}({', '.join(one.written() for one in drawn(self.constructor, self.random))})"
            return f"instance {_OPERATORS[name]} {self.random.choice((same, self.random.choice(self.made or [same])))}"
        return ""


@lru_cache(maxsize=TREES_HELD)
def _constants(text: str) -> Sequence[str]:
    """The numbers and texts in statements, as they are written."""
    return [
        ast.unparse(one)
        for statement in block_shared(text) or ()
        for one in ast.walk(statement)
        if isinstance(one, ast.Constant) and type(one.value) in (int, str)
    ]


@lru_cache(maxsize=TREES_HELD)
def _is_constant(text: str) -> bool:
    return isinstance(expression(text), ast.Constant)


def is_ambient(function: Function) -> bool:
    """Whether the body asks the machine it runs on: for the time, the user, the folder."""
    return any(_AMBIENT.search(ast.unparse(statement)) for statement in statements_of(function))


def _is_record(owner: ast.ClassDef, foreign: frozenset[str]) -> bool:
    decorators = {last_name(one) for one in owner.decorator_list}
    return "NamedTuple" in foreign or not decorators.isdisjoint(("dataclass", "define", "frozen", "attrs"))
