"""The body of a function without its header."""

from __future__ import annotations

import ast

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import Node
from ttc_data.lang.python.splicing.layout import blanks_of, dedented, is_python

_DOES = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Match)


def gives_back(tree: ast.Module) -> bool:
    """Whether statements are a function's body: outside definitions they return or yield."""
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom, ast.Await)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return False


def is_body(tree: ast.Module, node: Node) -> bool:
    """Whether statements can only be the body of a function: they return, raise, or do something with its parameters.

    A lone expression is none: whether its value was to be returned is not said.

    Args:
        tree: of the statements.
        node: the function; no body is one of a class.
    """
    if isinstance(node, ast.ClassDef) or any(
        isinstance(one, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) for one in tree.body
    ):
        return not isinstance(node, ast.ClassDef) and gives_back(tree)
    if gives_back(tree) or any(isinstance(one, ast.Raise) for one in tree.body):
        return True
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
    parameters = {one.arg for one in every if one}
    names = {inner.id for inner in ast.walk(tree) if isinstance(inner, ast.Name)}
    return node.name not in names and bool(names & parameters) and any(map(_does, tree.body))


def _does(statement: ast.stmt) -> bool:
    """Whether a statement does something: a call counts where it is one of the object's own, as `self.items.append(x)`."""
    if isinstance(statement, _DOES):
        return True
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=value))):
            while isinstance(value, ast.Attribute):
                value = value.value
            return isinstance(value, ast.Name) and value.id in ("self", "cls")
        case _:
            return False


def as_body(code: str, node: Node) -> str | None:
    """A body whose first line lost its indent on the way, as a completion of `def ...:` begins.

    Args:
        code: of the body.
        node: the definition that it is for.
    """
    first, _, rest = code.lstrip("\n").partition("\n")
    indent = next((blanks_of(line) for line in rest.split("\n") if line.strip()), "")
    mended = dedented(f"{indent}{first}\n{rest}")
    try:
        tree = syntax.parse(mended.encode("utf-8", "surrogatepass"))
    except SyntaxError:
        return None
    return mended if indent and is_body(tree, node) else None


def indented(text: str) -> str | None:
    """The one indented block of a text that is a body, as Markdown shows code; None where there are none or several."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.startswith(("    ", "\t")) or (not line.strip() and blocks[-1]):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    codes = [dedented("\n".join(block).strip("\n")) for block in blocks if block]
    found = [
        code for code in codes if is_python(code) and gives_back(syntax.parse(code.encode("utf-8", "surrogatepass")))
    ]
    return found[0] if len(found) == 1 else None
