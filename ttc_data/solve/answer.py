"""What a model answers, as files: search/replace blocks, a diff, fenced code, a whole file, or a body alone.

Nothing of an answer is run here, and nothing but the files that the model was given can come out changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ttc_data.edits import MAX_FILE_BYTES, apply_diff
from ttc_data.errors import PatchRejected
from ttc_data.hunks import meant_by, read_sections, renamed
from ttc_data.lang.python.splicing.bodies import as_body, gives_back, indented, is_body
from ttc_data.lang.python.splicing.definitions import parsed, target
from ttc_data.lang.python.splicing.layout import dedented
from ttc_data.lang.python.splicing.rough import without_layout
from ttc_data.lang.python.splicing.several import joined, needed_of
from ttc_data.lang.python.splicing.splice import is_in, weight, with_definition
from ttc_data.lang.python.syntax import is_test_path
from ttc_data.solve.blocks import apply_block, read_blocks
from ttc_data.solve.chat import (
    MAX_ANSWER,
    Piece,
    block_spans,
    is_diff,
    line_above,
    named_file,
    pieces,
)
from ttc_data.solve.diffs import is_diff_piece, with_header, with_hunks
from ttc_data.solve.marks import without_marks, without_thoughts
from ttc_data.solve.wrapped import inside_a_line, unqualified, without_json


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer makes of the files that the model was given."""

    files: Mapping[str, str | None]
    """Path to new text of the files that changed, None for one that is removed."""
    left_out: tuple[str, ...] = ()
    """What the answer holds and no file got, in words."""


def read_answer(text: str, given: Mapping[str, str], path: str, qualname: str) -> Answer:
    """Read what a model said, in any form, and apply it to the files that it was given.

    Search/replace blocks count first, then a diff, then code: the definition with whatever it needs beside it, a whole
    file, or a body alone, fenced or not.

    Args:
        text: what it said; what it thought before, up to `</think>`, is passed over.
        given: path to text.
        path: of the target.
        qualname: of the target: where code goes.

    Raises:
        PatchRejected: there is no code in it, or what there is does not fit the files; nothing else.
    """
    if len(text) > MAX_ANSWER:
        raise PatchRejected(f"the answer has {len(text)} characters, at most {MAX_ANSWER} are read")
    try:
        said = without_thoughts(
            without_marks(_sound(text).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
        )
        return _Reader(without_json(said, qualname), given, path, qualname).read()
    except (RecursionError, MemoryError) as error:
        raise PatchRejected("the code is nested too deeply to be read") from error


def _sound(text: str) -> str:
    """Halves of a character that stand together joined, and those that stand alone replaced: an answer may be cut in one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_patch(patch: str, given: Mapping[str, str], tree: Mapping[str, bytes] | None = None) -> Answer:
    """Apply a unified diff to what a solver is given.

    Args:
        patch: it may change any file of the repository.
        given: path to text.
        tree: the other files of the repository.

    Raises:
        PatchRejected: it does not parse, does not apply, or makes something other than text files.
    """
    before = {**(tree or {}), **{path: text.encode("utf-8") for path, text in given.items()}}
    applied = apply_diff(before, patch, may_miss=is_test_path)
    try:
        files = {path: None if data is None else data.decode("utf-8") for path, data in applied.files.items()}
    except UnicodeDecodeError as error:
        raise PatchRejected("the patch makes a file that is not UTF-8; text files alone are graded") from error
    return Answer(files, applied.left_out)


class _Reader:
    def __init__(self, text: str, given: Mapping[str, str], path: str, qualname: str) -> None:
        self._text = text
        self._given = given
        self._path = path
        self._qualname = qualname
        self._pieces = pieces(text)

    def read(self) -> Answer:
        """Try the forms in turn: the first that fits counts."""
        refused: PatchRejected | None = None
        forms: tuple[Callable[[], Answer | None], ...] = (
            self._blocks,
            self._diff,
            self._fenced,
            self._bare,
            self._inside,
        )
        for form in forms:
            try:
                answer = form()
            except PatchRejected as error:
                refused = refused or error
                continue
            if answer is not None:
                return answer
        raise refused or PatchRejected("no search/replace block, no diff and no code in the answer")

    def _answer(self, changed: Mapping[str, str | None], left_out: list[str]) -> Answer:
        files = {name: new for name, new in changed.items() if new != self._given[name]}
        return Answer(files, tuple(dict.fromkeys(left_out)))

    def _blocks(self) -> Answer | None:
        blocks = read_blocks(self._text, self._given, self._path)
        if not blocks:
            return None
        changed: dict[str, str | None] = {}
        left_out = [self._not_given(block.name) for block in blocks if not block.path]
        for block in blocks:
            if block.path:
                before = changed.get(block.path)
                changed[block.path] = apply_block(self._given[block.path] if before is None else before, block)
        if not changed:
            raise PatchRejected(left_out[0])
        return self._answer(changed, left_out)

    def _not_given(self, name: str) -> str:
        return f"{name}: not one of the files that were given ({', '.join(self._given)})"

    def _diff(self) -> Answer | None:
        diffs = [with_header(piece.code, self._path) for piece in self._pieces if is_diff_piece(piece)]
        if not diffs and is_diff(self._text):
            diffs = [with_hunks(self._text)]
        if not diffs:
            return None
        files: dict[str, bytes] = {name: text.encode("utf-8", "surrogatepass") for name, text in self._given.items()}
        changed: dict[str, str | None] = {}
        wanted = [diff for diff in diffs if self._is_of_given(diff)] or diffs
        left_out = [f"{names_in(diff)}: not among the files that were given" for diff in diffs if diff not in wanted]
        for diff in (renamed(diff, self._given, self._path) for diff in wanted):
            applied = apply_diff(files, diff + "\n", only=self._given, may_miss=is_test_path)
            left_out += applied.left_out
            for name, data in applied.files.items():
                try:
                    changed[name] = None if data is None else data.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise PatchRejected(f"{name}: the diff makes a file that is not UTF-8") from error
                files.pop(name, None)
                if data is not None:
                    files[name] = data
        return self._answer(changed, left_out)

    def _is_of_given(self, diff: str) -> bool:
        """Whether it changes one of the files that were given, or says nothing that can be read."""
        try:
            sections = read_sections(renamed(diff, self._given, self._path))
        except PatchRejected:
            return True  # whoever applies it says why
        named = {meant_by(name, self._given) for one in sections for name in (one.old, one.new) if name}
        return not named or not named.isdisjoint(self._given)

    def _fenced(self) -> Answer | None:
        left_out: list[str] = []
        code: list[Piece] = []
        lines = self._text.split("\n")
        for piece in self._pieces:
            if is_diff_piece(piece):
                continue
            known, name = named_file(f"{piece.info.partition(' ')[2]} {line_above(lines, piece.first)}", self._given)
            if name and known != self._path and not is_in(piece.code, self._qualname):
                left_out.append(f"code for {name}, which is not the target's file")
                continue
            code.append(replace(piece, code=unqualified(piece.code, self._qualname)))
        if not code:
            return None
        holders = [piece for piece in code if is_in(piece.code, self._qualname)]
        # The last one that says most: behind it may stand how it is used, or what was there before.
        weights = [weight(piece.code, self._qualname) for piece in holders]
        fullest = [piece for piece, most in zip(holders, weights, strict=True) if most == max(weights)]
        main = fullest[-1] if holders else self._body_of(code)
        methods = joined([piece.code for piece in code if piece.understood], self._given[self._path], self._qualname)
        text = methods or main.code
        if holders or methods:
            others = [piece.code for piece in code if piece not in holders and piece.understood]
            needed = needed_of(others, text, self._given[self._path], self._qualname) if others else ""
            text = needed + dedented(text) if needed else text
        return self._with(text, left_out)

    def _body_of(self, code: list[Piece]) -> Piece:
        """Of pieces that hold no definition of the target's name the last one that can be a body."""
        for piece in reversed(code):
            try:
                if gives_back(parsed(dedented(piece.code), "the code")):
                    return piece
            except PatchRejected:
                continue
        return code[-1]

    def _bare(self) -> Answer | None:
        """An answer that is code and nothing else."""
        opened = any(piece.info or piece.understood for piece in self._pieces)
        if opened or is_diff(self._text) or block_spans(self._text.split("\n")):
            return None
        text = self._text.strip("\n")
        for fence in ("```", "~~~"):  # a prompt may have opened the fence itself
            head, closing, _ = text.partition(f"\n{fence}")
            text = head if closing and not text.startswith(fence) else text
        if not text.strip():
            return None
        text = without_layout(unqualified(text, self._qualname))
        if is_in(text, self._qualname):
            return self._with(text, [])
        found = target(parsed(self._given[self._path].removeprefix("\ufeff"), "the file"), self._qualname)
        if found is None:
            return None
        try:
            whole = is_body(parsed(dedented(text), "the answer"), found[-1].node)
            body = text if whole else None
        except PatchRejected:
            body = text if as_body(text, found[-1].node) else indented(text)
        return self._with(body, []) if body else None

    def _inside(self) -> Answer | None:
        """Code inside a line of prose."""
        code = inside_a_line(self._text, self._qualname)
        return self._with(code, []) if code else None

    def _with(self, code: str, left_out: list[str]) -> Answer:
        spliced = with_definition(self._given[self._path], self._qualname, code, self._path)
        if len(spliced.text) > MAX_FILE_BYTES:
            raise PatchRejected(f"the file would have {len(spliced.text)} characters, at most {MAX_FILE_BYTES}")
        return self._answer({self._path: spliced.text}, [*left_out, *spliced.left_out])


def names_in(diff: str) -> str:
    """The files that a diff names, as it names them."""
    return ", ".join(dict.fromkeys(one.new or one.old for one in read_sections(diff)))
