"""One-place changes of Python code, read off its concrete syntax tree: what mutants are made of."""

from __future__ import annotations

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from ttc_data.lang.python.cases import CASES
from ttc_data.lang.python.finding import Edit, Finder
from ttc_data.lang.python.neighbours import NEIGHBOURS
from ttc_data.lang.python.slips import SLIPS

_OPERATORS = (CASES, NEIGHBOURS, SLIPS)


def edits(text: str) -> list[Edit]:
    """Find every change that an operator makes, in no particular order. Not all of them compile.

    Left alone are docstrings, annotations, decorators, parameters and their defaults, code for type checkers, log calls,
    and the wording of exceptions, warnings and assertions: a test that decides behaviour does not read them.

    Raises:
        SyntaxError: when libcst cannot read the text, or does not give it back as it was.
    """
    try:
        module = cst.parse_module(text)
        if module.code != text:  # a form feed before the first token, a lone carriage return at the end
            raise SyntaxError("libcst does not give this text back")
        spans = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ByteSpanPositionProvider)
        return list(Finder(text.encode(), spans).found(_OPERATORS))
    except cst.ParserSyntaxError as error:
        raise SyntaxError(f"libcst: {error.message}") from error
    except RecursionError as error:
        raise SyntaxError("nested too deeply") from error
