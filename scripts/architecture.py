"""The floors of the package as docs/architecture.md gives them, its imports, and the drawing on that page.

python scripts/architecture.py docs/architecture.md
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "ttc_data"
FLOOR = re.compile(r"^\| (\d+) \| ([^|]+) \|", re.MULTILINE)
DRAWING = re.compile(r"(<!-- drawing -->\n).*?(<!-- end of drawing -->)", re.DOTALL)


def floors(page: str) -> dict[str, int]:
    """The floor of each part, as the page's table says.

    Raises:
        ValueError: a part stands in two rows.
    """
    found: dict[str, int] = {}
    for number, parts in FLOOR.findall(page):
        for part in re.findall(r"`([^`]+)`", parts):
            if part in found:
                raise ValueError(f"{part}: on floor {found[part]} and on floor {number}; leave one of them")
            found[part] = int(number)
    return found


def part_of(module: str) -> str:
    """`ttc_data.sources.pypi` is part of `sources`; the package itself has the version, for everybody."""
    return module.split(".")[1] if "." in module else ""


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package by its dotted name."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports() -> Iterator[tuple[str, str]]:
    """Which module imports which, as dotted names; of `from ttc_data import x` it is `ttc_data.x`."""
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = node.module == PACKAGE
                names = [f"{node.module}.{alias.name}" if whole else node.module for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            yield from ((module, name) for name in names if name.partition(".")[0] == PACKAGE)


def arrows() -> set[tuple[str, str]]:
    """Which part imports which other part."""
    pairs = {(part_of(module), part_of(imported)) for module, imported in imports()}
    return {(source, target) for source, target in pairs if source and target != "__version__" and source != target}


def shown(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows without those that follow from a longer way."""
    below: dict[str, set[str]] = {}
    for source, target in pairs:
        below.setdefault(source, set()).add(target)

    def reached(part: str, known: frozenset[str]) -> frozenset[str]:
        for target in below.get(part, set()) - known:
            known = reached(target, known | {target})
        return known

    ways = {part: reached(part, frozenset()) for part in below}
    return {
        (source, target)
        for source, target in pairs
        if not any(target in ways.get(other, frozenset()) for other in below[source] - {target})
    }


def drawing(page: str) -> str:
    """A Mermaid flowchart: a box a floor from `sources` up, and the arrows between their parts."""
    level = floors(page)
    ground = {part for part, floor in level.items() if floor < 2}
    pairs = shown({pair for pair in arrows() if not ground.intersection(pair)})
    lines = ["```mermaid", "flowchart TD"]
    for floor in sorted(set(level.values()), reverse=True):
        parts = [part for part in level if level[part] == floor and part not in ground]
        if parts:
            lines += [f"  subgraph floor{floor} [floor {floor}]", *(f"    {part}" for part in parts), "  end"]
    lines += [f"  {source} --> {target}" for source, target in sorted(pairs)]
    return "\n".join([*lines, "```", ""])


def main() -> None:
    """Draw the imports on the page."""
    path = Path(sys.argv[1])
    page = path.read_text(encoding="utf-8")
    path.write_text(DRAWING.sub(lambda found: found[1] + drawing(page) + found[2], page), encoding="utf-8")


if __name__ == "__main__":
    main()
