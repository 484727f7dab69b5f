"""Calls with functions that tell how they are called, in place of those that somebody gave."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ttc_data.lang.python.facts import Function, last_name
from ttc_data.lang.python.generated.case import BUILTINS, Case, block_shared, bound_names, expression, used_names
from ttc_data.lang.python.generated.module import Module
from ttc_data.lang.python.generated.naming import called

TOLD = "told"
"""What such a function gives first; where it is not in the result, a call says nothing about how it was called."""
GIVEN, NAMED = 5, 7
"""Further values that are handed on."""
_TELLS = f"lambda *given, **named: ({TOLD!r}, *given, *named.items())"
_ANOTHER = f"lambda *given, **named: ({TOLD + ' too'!r}, *given, *named.items())"
_COUNTS = "lambda *given, **named: calls.append((*given, *named.items()))"


def telling(case: Case, module: Module) -> Iterator[Case]:
    """The case with functions that tell their arguments; then with more arguments, where the target hands them on.

    Nothing where the body calls what it is given with keywords of its own: their names need not be the docstring's.
    """
    function = module.node
    if isinstance(function, ast.ClassDef) or _names_keywords(function):
        return
    found = _with_functions(case, module.name, [_TELLS, _ANOTHER])
    if found is None:
        return
    yield found.case(case)
    if found.forms:
        yield found.longer().case(case)
    if _hands_on(function):
        yield found.with_more(function).case(case)


def counting(case: Case, module: Module) -> Iterator[Case]:
    """A function that the target makes of another one, called twice, and how often it called that one, which gives None."""
    function = module.node
    if isinstance(function, ast.ClassDef) or not _makes_functions(function, module.target.docstring):
        return
    found = _with_functions(case, module.name, [_COUNTS])
    made = ast.unparse(found.node) if found else f"({case.call})({_COUNTS})"
    if found is None and not isinstance(expression(case.call), ast.Call):
        return
    own = found.case(case).setup if found else case.setup
    setup = (*own, "calls = []", f"made = {made}")
    yield replace(case, setup=setup, call=f"(made({GIVEN}), made({GIVEN}), calls)", observe=(), origin="corner")


@dataclass(frozen=True)
class _Told:
    """An expression in which functions were replaced."""

    node: ast.expr
    call: ast.Call
    """The target's, in it."""
    forms: Sequence[ast.Tuple]
    """Tuples in it that hold a function and its arguments."""

    def case(self, case: Case) -> Case:
        """The expression as a case, without the functions that it does not name any more."""
        used = used_names(self.node)
        setup: list[str] = []
        for text in reversed(case.setup):
            statements = block_shared(text) or []
            if not all(map(_is_function, statements)) or used & bound_names(statements):
                setup.insert(0, text)
                used |= {name for one in statements for name in used_names(one)}
        return replace(case, setup=tuple(setup), call=ast.unparse(self.node), observe=(), origin="corner")

    def longer(self) -> _Told:
        """With one more argument in each tuple."""
        found = copy.deepcopy(self)
        for form in found.forms:
            form.elts.append(ast.Constant(GIVEN))
        return found

    def with_more(self, function: Function) -> _Told:
        """With one more argument and a keyword, as far as the target takes any."""
        found = copy.deepcopy(self)
        if function.args.vararg:
            found.call.args.append(ast.Constant(GIVEN))
        if function.args.kwarg:
            found.call.keywords.append(ast.keyword("named", ast.Constant(NAMED)))
        return found


def _with_functions(case: Case, name: str, tells: Sequence[str]) -> _Told | None:
    """The case's expression with other functions in place of those that its call gives; None where it gives none."""
    node = expression(case.call)
    call = called(node, name)
    if node is None or call is None or last_name(call.func) != name:
        return None
    known = _functions_in(case)
    forms: list[ast.Tuple] = []
    count = 0

    def told(given: ast.expr) -> ast.expr:
        nonlocal count
        if isinstance(given, ast.Lambda) or (isinstance(given, ast.Name) and given.id in known):
            count += 1
            return expression(tells[min(count, len(tells)) - 1]) or given
        if isinstance(given, (ast.Tuple, ast.List)):
            before = count
            given.elts = [told(one) for one in given.elts]
            if isinstance(given, ast.Tuple) and count > before and len(given.elts) > 1:
                forms.append(given)
        return given

    call.args = [told(one) for one in call.args]
    for keyword in call.keywords:
        keyword.value = told(keyword.value)
    return _Told(node, call, forms) if count else None


def _is_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda))


def _functions_in(case: Case) -> frozenset[str]:
    """Names that stand for functions: Python's own, and those that the setup defines or takes from `operator`."""
    found = {name for name in BUILTINS if name.islower()} - {"dict", "list", "set", "tuple", "frozenset", "type"}
    for text in case.setup:
        for statement in block_shared(text) or ():
            match statement:
                case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()):
                    found.add(name)
                case ast.ImportFrom(module="operator", names=names):
                    found.update(alias.asname or alias.name for alias in names)
                case _:
                    continue
    return frozenset(found)


def _calls(function: Function) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _own(function: Function) -> frozenset[str]:
    """Names that the function binds: its parameters, and what it assigns."""
    stored = {one.id for one in ast.walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return frozenset(stored | {one.arg for one in ast.walk(function) if isinstance(one, ast.arg)})


def _names_keywords(function: Function) -> bool:
    own = _own(function)
    return any(
        isinstance(call.func, ast.Name) and call.func.id in own and any(one.arg for one in call.keywords)
        for call in _calls(function)
    )


def _hands_on(function: Function) -> bool:
    """Whether it calls what it is given with all that is left of its own arguments, and not with parts of one of them."""
    rest = {one.arg for one in (function.args.vararg, function.args.kwarg) if one}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value) if any(
                isinstance(one, ast.Subscript) and isinstance(one.value, ast.Name) and one.value.id in rest
                for one in ast.walk(value)
            ):  # `func, args = func_and_args[0], func_and_args[1:]`
                rest |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
            case _:
                continue
    own = _own(function)
    return any(
        isinstance(call.func, ast.Name)
        and call.func.id in own
        and any(isinstance(one, ast.Name) and one.id in rest for one in _starred(call))
        for call in _calls(function)
    )


def _starred(call: ast.Call) -> list[ast.expr]:
    stars = [one.value for one in call.args if isinstance(one, ast.Starred)]
    return stars + [one.value for one in call.keywords if one.arg is None]


def _makes_functions(function: Function, docstring: str) -> bool:
    inner = (ast.FunctionDef, ast.Lambda)
    held = any(isinstance(one, inner) for statement in function.body for one in ast.walk(statement))
    return held or "decorat" in docstring.lower()
