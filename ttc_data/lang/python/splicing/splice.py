"""A definition and what comes with it, put into a file.

Only lines that change are written: all others stay byte for byte, and new ones get the file's line ends.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.facts import Function, Node, definition_nodes, docstring_of, last_name
from ttc_data.lang.python.splicing.beside import Beside, ChosenCode, Place
from ttc_data.lang.python.splicing.bodies import as_body, gives_back
from ttc_data.lang.python.splicing.clashes import Own, without_clashes
from ttc_data.lang.python.splicing.classes import Shown, decorated, wrappers
from ttc_data.lang.python.splicing.definitions import (
    Chain,
    binding,
    bindings,
    chains,
    chosen,
    first_line,
    is_masked,
    is_stub,
    last_line,
    names_of,
    parsed,
    role_of,
    shape,
    target,
    used_by,
)
from ttc_data.lang.python.splicing.layout import blanks_of, dedented, is_python, lines_of, moved, newline_of
from ttc_data.lang.python.splicing.rough import excerpt, salvaged
from ttc_data.lang.python.splicing.written import one_a_line

_BOM = "\ufeff"
_SOLUTION = "Solution"


@dataclass(slots=True)
class Spliced:
    """A file with a definition put into it."""

    text: str
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Edit:
    first: int
    """Index of the first line that goes."""
    end: int
    lines: tuple[str, ...]

    @property
    def grown(self) -> int:
        """Lines that the file gets more."""
        return len(self.lines) - (self.end - self.first)


def with_definition(
    text: str, qualname: str, code: str, path: str = "", others: frozenset[str] = frozenset()
) -> Spliced:
    """Put a definition, or the body of one, in place of the one that a file has.

    Args:
        text: the file.
        qualname: of the definition.
        code: the definition with whatever it needs beside it, a whole file that holds it, or its body's statements.
        path: of the file: an import from it is one of what it has.
        others: definitions in the code that are put into the file by themselves.

    Raises:
        PatchRejected: the code does not parse, or has no such definition, or the file has no place for it.
    """
    mark, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    tree = parsed(text, "the file")
    given, code = code, dedented(code).strip("\n") + "\n"
    wanted = target(tree, qualname)
    if wanted is None:
        raise PatchRejected(f"no {qualname} in the file")
    left_out: list[str] = []
    try:
        found = _whole(code, qualname)
    except PatchRejected as error:
        part = _part(given, qualname)
        if part is None:
            body = as_body(given, wanted[-1].node)
            if body is None:
                raise error
            return Spliced(mark + _with_body(text, wanted[-1].node, body))
        code, passed_over = part
        left_out.append(f"what stands round {wanted[-1].node.name} in the code{passed_over}: {error}")
        found = parsed(code, "the code")
    if not found.body:
        raise PatchRejected("there is no statement in the code")
    if not gives_back(found):
        code, found = _apart(code, found, text, tree, Own(path, names_of(qualname)[0]))
    meant = _meant(tree, wanted, found, qualname)
    if meant is None and len(wanted) == 1 and _in_a_solution(found, qualname) and _SOLUTION not in bindings(tree.body):
        return with_definition(mark + text, qualname, f"{code}\n{qualname} = {_SOLUTION}().{qualname}\n", path, others)
    if meant is None:
        return _without_header(mark, text, qualname, wanted, found, code, path)
    if meant.node and is_masked(wanted[-1].node) and _says_nothing(meant.node, wanted[-1].node):
        return Spliced(mark + text, [*left_out, f"{qualname}: its body is still to be written"])
    if isinstance(wanted[-1].node, ast.ClassDef) and isinstance(meant.node, ast.ClassDef):
        shown = Shown(wanted[-1].node, meant.node, code)
        if shown.says_nothing:
            return Spliced(mark + text, [*left_out, f"{qualname}: its body is still to be written"])
        left_out += shown.left_out
        code = shown.code(text)
        found = parsed(code, "the code")
        meant = _meant(tree, wanted, found, qualname) or meant
    text, tree, wanted = _ready_for_the_future(text, tree, wanted, found, qualname)
    spliced = _Splice(text, tree, wanted, code, found, meant, others).done()
    return Spliced(mark + spliced.text, left_out + spliced.left_out)


def _apart(code: str, found: ast.Module, text: str, tree: ast.Module, own: Own) -> tuple[str, ast.Module]:
    """Code with one statement a line, and without imports that clash with names of the file."""
    code = one_a_line(code, found)
    code = without_clashes(code, text, bindings(tree.body), own)
    return code, parsed(code, "the code")


def _ready_for_the_future(
    text: str, tree: ast.Module, wanted: Chain, found: ast.Module, qualname: str
) -> tuple[str, ast.Module, Chain]:
    """The file with its docstring on lines of its own, where an import from the future is to follow it."""
    first = tree.body[:2]
    shares = len(first) == 2 and first[0].end_lineno == first[1].lineno
    if not shares or not any(
        isinstance(statement, ast.ImportFrom) and statement.module == "__future__" for statement in found.body
    ):
        return text, tree, wanted
    lines = lines_of(text)
    at = last_line(first[0]) - 1
    line = lines[at].encode("utf-8")
    newline = newline_of(lines, at)
    lines[at] = line[: first[0].end_col_offset].decode("utf-8") + newline + line[first[1].col_offset :].decode("utf-8")
    text = "".join(lines)
    tree = parsed(text, "the file")
    return text, tree, target(tree, qualname) or wanted


def _whole(code: str, qualname: str) -> ast.Module:
    """The tree of code.

    Raises:
        PatchRejected: it is no Python, or begins with the end of a function that stands before the target.
    """
    tree = parsed(code, "the code")
    ended = next((at for at, statement in enumerate(tree.body) if isinstance(statement, ast.Return)), len(tree.body))
    name = names_of(qualname)[-1]
    if any(node.name == name for node in definition_nodes(tree.body[ended + 1 :])):
        raise PatchRejected("the code begins inside another function")
    return tree


def _part(code: str, qualname: str) -> tuple[str, str] | None:
    """What of code that as a whole is no Python can be read, and which line of it cannot."""
    names = names_of(qualname)
    if whole := salvaged(code, tuple(names)):
        return whole.code, f", as {whole.passed_over!r}" if whole.passed_over else ""
    cut = excerpt(code, names[-1])
    return (cut + "\n", "") if cut else None


def is_in(code: str, qualname: str) -> bool:
    """Whether code holds something of the target's name, as `def`, `class`, `name = ...` or an import."""
    tree, names = _read(code, qualname), names_of(qualname)
    if tree is None or gives_back(tree):
        return False
    if len(names) == 1 and _in_a_solution(tree, qualname):
        return True
    return any(next(chains(tree, names[skip:]), None) or _binding(tree, names[skip:]) for skip in range(len(names)))


def weight(code: str, qualname: str) -> int:
    """How much code says of the target: 3 a definition with a body, 2 a value, 1 a stub, 0 an import, as in an example of its use."""
    tree, names = _read(code, qualname), names_of(qualname)
    if tree is None:
        return 0
    found = [chain[-1].node for skip in range(len(names)) for chain in chains(tree, names[skip:])]
    if found:
        return 1 if all(map(is_stub, found)) else 3
    bound = [one for skip in range(len(names)) if (one := _binding(tree, names[skip:]))]
    return 0 if bound and all(isinstance(one[1], (ast.Import, ast.ImportFrom)) for one in bound) else 2


def _in_a_solution(tree: ast.Module, name: str) -> bool:
    """Whether a function of a module is written as the method of a class that exists for it alone, as judges ask for."""
    found = [one for one in definition_nodes(tree.body) if isinstance(one, ast.ClassDef) and one.name == _SOLUTION]
    if any(node.name == name for node in definition_nodes(tree.body)) or binding(tree.body, name):
        return False
    return len(found) == 1 and any(node.name == name for node in definition_nodes(found[0].body))


def _read(code: str, qualname: str) -> ast.Module | None:
    """The tree of code, or of the target's definition in it where the code as a whole is no Python."""
    try:
        return _whole(dedented(code), qualname)
    except PatchRejected:
        part = _part(code, qualname)
        return parsed(part[0], "the code") if part and is_python(part[0]) else None


def _binding(tree: ast.Module, names: Sequence[str]) -> tuple[Chain, ast.stmt] | None:
    """A statement that binds the name without a definition, and the scopes that it stands in."""
    if len(names) == 1:
        found = binding(tree.body, names[0])
        return ((), found) if found else None
    for chain in chains(tree, names[:-1]):
        if found := binding(chain[-1].node.body, names[-1]):
            return chain, found
    return None


def _meant(tree: ast.Module, wanted: Chain, found: ast.Module, qualname: str) -> ChosenCode | None:
    """What of the code takes the target's place."""
    names = names_of(qualname)
    for skip in range(len(names) if not gives_back(found) else 0):
        candidates = list(chains(found, names[skip:]))
        chain = chosen(tree, wanted, candidates) if candidates else None
        if chain:
            level = chain[-1]
            same = [other for other in candidates if other[-1].statement is level.statement]
            if level.statement is not level.node and wanted[-1].statement is wanted[-1].node and len(same) > 1:
                return ChosenCode(skip, chain[:-1], level.scope, level.statement, None)
            return ChosenCode(skip, chain[:-1], level.scope, level.statement, level.node)
        if bound := _binding(found, names[skip:]):
            outer, statement = bound
            return ChosenCode(skip, outer, outer[-1].node if outer else found, statement, None)
    return None


def _says_nothing(new: Node, old: Node) -> bool:
    if isinstance(new, ast.ClassDef):
        return shape(new) == shape(old)
    return is_masked(new)


def _without_header(
    mark: str, text: str, qualname: str, wanted: Chain, found: ast.Module, code: str, path: str
) -> Spliced:
    """A body alone, or the methods of a class alone."""
    old = wanted[-1].node
    definitions = [
        statement for statement in found.body if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    if isinstance(old, ast.ClassDef):
        own = {
            statement.name for statement in old.body if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        methods = Counter(name for name, _ in {(one.name, role_of(one)) for one in definitions} if name in own)
        if not methods or any(isinstance(statement, ast.ClassDef) for statement in found.body):
            raise PatchRejected(f"the code does not define {qualname}")
        left_out: list[str] = []
        for name in sorted(methods.elements(), key=[one.name for one in definitions].index):
            # A getter and its setter have one name: the one whose body is still to be written is meant each time.
            spliced = with_definition(text, f"{qualname}.{name}", code, path, frozenset(methods) - {name})
            text = spliced.text
            left_out += (said for said in spliced.left_out if said not in left_out)
        return Spliced(mark + text, left_out)
    if (definitions or any(isinstance(statement, ast.ClassDef) for statement in found.body)) and not gives_back(found):
        raise PatchRejected(f"the code does not define {qualname}")
    return Spliced(mark + _with_body(text, old, code))


def _with_body(text: str, old: Function | ast.ClassDef, code: str) -> str:
    """Put statements in place of what follows a function's docstring."""
    lines = lines_of(text)
    body = old.body[1:] if docstring_of(old) else old.body
    if not body:
        raise PatchRejected(f"{old.name} has no body to put the code in the place of")
    at = body[0].lineno - 1
    newline = newline_of(lines, at)
    before = lines[at].encode("utf-8")[: body[0].col_offset].decode("utf-8")
    head: list[str] = []
    indent = before
    if before.strip():  # behind the header or the docstring, on the same line
        head = [before.rstrip("; \t") + newline]
        indent = blanks_of(lines[old.lineno - 1]) + "    "
    first = next(number for number, line in enumerate(code.split("\n"), 1) if line.strip())
    new = moved(code.rstrip("\n"), first, code.rstrip("\n").count("\n") + 1, indent)
    lines[at : last_line(old)] = [*head, *(line + newline for line in new)]
    changed = "".join(lines)
    parsed(changed, "the file with the code in it")
    return changed


class _Splice:
    """One definition on its way into one file."""

    def __init__(
        self,
        text: str,
        tree: ast.Module,
        wanted: Chain,
        code: str,
        found: ast.Module,
        meant: ChosenCode,
        others: frozenset[str],
    ) -> None:
        self._lines = lines_of(text)
        self._wanted = wanted
        self._code = code
        self._meant = meant
        self._beside = Beside(tree, wanted, found, meant, others)

    def done(self) -> Spliced:
        old = self._wanted[-1].node
        newline = newline_of(self._lines, old.lineno - 1)
        edits = [self._edit(place) for place in self._beside.places]
        edits.append(self._target(old))
        for edit in sorted(edits, key=lambda edit: (edit.first, edit.end), reverse=True):
            if edit.first and not self._lines[edit.first - 1].endswith(("\n", "\r")):
                self._lines[edit.first - 1] += newline
            self._lines[edit.first : edit.end] = [line + newline for line in edit.lines]
        self._check(edits)
        return Spliced("".join(self._lines), self._beside.left_out)

    def _check(self, edits: Sequence[_Edit]) -> None:
        """Parse the module's statement that holds the target: the whole of a long file takes a tenth of a second."""
        outer = self._wanted[0].statement
        start, end = first_line(outer) - 1, last_line(outer)
        above = sum(edit.grown for edit in edits if edit.first < start)
        inside = sum(edit.grown for edit in edits if start <= edit.first <= end)
        parsed("".join(self._lines[start + above : end + above + inside]), "the file with the code in it")

    def _target(self, old: Node) -> _Edit:
        new = self._meant.node
        indent = blanks_of(self._lines[old.lineno - 1])
        statement = new or self._meant.statement
        lines = self._moved(statement, indent)
        wrapped = wrappers(self._meant.scope.body, self._meant.statement, old.name)
        if new is None:
            return _Edit(first_line(old) - 1, last_line(old), (*lines, *self._wrapped(old, statement, wrapped, indent)))
        asked = decorated(old.decorator_list, new.decorator_list, wrapped)
        dropped = [one for one in old.decorator_list if one not in asked]
        for one in dropped:
            self._say_dropped(one, new, wrapped)
        if not new.decorator_list and not dropped:  # those of the file stay as they are
            return _Edit(old.lineno - 1, last_line(old), tuple(lines))
        above = first_line(new)
        head: list[str] = []
        mine = set(new.decorator_list)
        for one in asked:
            first, last = one.lineno, one.end_lineno or one.lineno
            own = one in mine
            head += lines[first - above : last - above + 1] if own else self._of_file(first, last)
        below = lines[new.lineno - above :]
        return _Edit(first_line(old) - 1, last_line(old), (*head, *below))

    def _say_dropped(self, decorator: ast.expr, new: Node, wrapped: set[str]) -> None:
        name = last_name(decorator)
        if name not in wrapped and name not in map(last_name, new.decorator_list):
            self._beside.left_out.append(f"`@{ast.unparse(decorator)}`: the answer's decorators take its place")

    def _of_file(self, first: int, last: int) -> list[str]:
        return [line.rstrip("\r\n") for line in self._lines[first - 1 : last]]

    def _wrapped(self, old: Node, statement: ast.stmt, wrapped: set[str], indent: str) -> list[str]:
        """The file's decorators round what takes the definition's place without one."""
        if role_of(old) or isinstance(statement, (ast.Import, ast.ImportFrom)):
            return []
        asked = decorated(old.decorator_list, [], [*wrapped, *used_by(statement)])
        return [f"{indent}{old.name} = {ast.unparse(one)}({old.name})" for one in reversed(asked)]

    def _edit(self, place: Place) -> _Edit:
        if place.instead:
            first, end = first_line(place.instead) - 1, last_line(place.instead)
            indent = blanks_of(self._lines[place.instead.lineno - 1])
        elif place.after:
            first = end = last_line(place.level.node)
            indent = blanks_of(self._lines[place.level.node.lineno - 1])
        elif place.first is not None:
            first = end = place.first
            indent = ""
        else:
            first = end = first_line(place.level.statement) - 1
            indent = blanks_of(self._lines[place.level.statement.lineno - 1])
        lines: list[str] = []
        for statement, said in place.statements:
            new = [indent + said] if said else self._moved(statement, indent)
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not place.instead:
                spaced = [""] if indent else ["", ""]
                new = [*spaced, *new] if place.after else [*new, *spaced]
            lines += new
        return _Edit(first, end, tuple(lines))

    def _moved(self, statement: ast.stmt, indent: str) -> list[str]:
        return moved(self._code, first_line(statement), last_line(statement), indent)
