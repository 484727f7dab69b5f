"""What a function of a command line takes: a `Namespace` with the attributes that its body reads."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ttc_data.lang.python.facts import Function, last_name
from ttc_data.lang.python.generated.case import expression
from ttc_data.lang.python.generated.module import Module
from ttc_data.lang.python.generated.sites import call_sites

_BAG = "Namespace"


def is_bag(hint: ast.expr | None) -> bool:
    """Whether a hint asks for a `Namespace`."""
    return last_name(hint) == _BAG if hint else False


def bags(function: Function, name: str, module: Module, others: Mapping[str, str]) -> list[str]:
    """Those that the repository makes with what the body reads of a parameter, and with nothing else; the fullest ones.

    Args:
        function: whose parameter.
        name: the parameter's, which has such a hint.
        module: the target's.
        others: path to text of the repository's other files.
    """
    read = {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }
    found: dict[str, int] = {}
    for text in call_sites(_BAG, module.text, others):
        match expression(text):
            case ast.Call(args=[], keywords=[_, *_] as given) if read.issuperset(keyword.arg for keyword in given):
                found[f"argparse.{_BAG}({', '.join(map(ast.unparse, given))})"] = len(given)
            case _:
                continue
    return [text for text, count in found.items() if count == max(found.values())]
