"""The dataset card: what a person reads on the Hub, and what tells `load_dataset` where the splits are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import jinja2
import yaml

from ttc_data.errors import DatasetError
from ttc_data.fields import quoted
from ttc_data.keys import content_key
from ttc_data.plain import one_line, plain
from ttc_data.publish.facts import check_facts, read_facts, write_facts
from ttc_data.publish.findings import Finding
from ttc_data.records import SCHEMA_VERSION, JsonObject
from ttc_data.template import template
from ttc_data.whole import write_whole

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
# The Hub's own names, of its documentation, "Licenses".
HUB_LICENSES = {
    "0BSD": "0bsd", "Apache-2.0": "apache-2.0", "BSD-2-Clause": "bsd-2-clause", "BSD-3-Clause": "bsd-3-clause",
    "BSL-1.0": "bsl-1.0", "CC0-1.0": "cc0-1.0", "ISC": "isc", "MIT": "mit", "MPL-2.0": "mpl-2.0", "Unlicense": "unlicense",
    "Zlib": "zlib",
}  # fmt: skip


def record_findings(dataset: Path, findings: Iterable[Finding], contaminated: Mapping[str, int] | None = None) -> None:
    """Put on the card what the checks found, and what of it was allowed: `card.json` and `README.md` are written again.

    Args:
        dataset: its folder.
        findings: of `check_dataset`.
        contaminated: rows that overlap, by benchmark; as the card has them when not given.

    Raises:
        DatasetError: the folder has no `card.json`.
    """
    path = dataset / "card.json"
    facts = read_facts(path)
    try:
        facts.update(check_facts(findings, facts.get("contaminated", {}) if contaminated is None else contaminated))
        write_card(dataset, facts)
    # What a template makes of facts that are not those of a build.
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise DatasetError(f"{path}: no facts of a card ({quoted(str(error))}); build the set again") from error
    write_facts(path, facts)


def record_images(dataset: Path, repository: str, count: int) -> None:
    """Put on the card where the rows' images are.

    Args:
        dataset: its folder.
        repository: of the registry; tags are the rows' ids.
        count: of images.

    Raises:
        DatasetError: the folder has no `card.json`.
    """
    path = dataset / "card.json"
    facts = {**read_facts(path), "images": {"repository": repository, "count": count}}
    write_facts(path, facts)
    write_card(dataset, facts)


def write_card(dataset: Path, facts: JsonObject) -> None:
    """Write `README.md` into a dataset's folder, which has its `recipe.yaml`.

    Args:
        dataset: the folder.
        facts: of `build_facts`, with those of `check_facts` where the checks have run.
    """
    recipe = (dataset / "recipe.yaml").read_text(encoding="utf-8")
    text = template("ttc_data.publish", "templates/card.md.j2", (("cell", cell), ("code", code))).render(
        header=yaml.safe_dump(header(facts, rows_version(dataset)), sort_keys=False, allow_unicode=True),
        recipe=recipe,
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", recipe)), default=0)),
        facts=facts,
    )
    write_whole(dataset / "README.md", plain(text))


def cell(text: str) -> str:
    """Mined text in a line of Markdown: it begins no cell, link, tag or line."""
    return re.sub(r"([\\|`*_\[\]<>])", r"\\\1", one_line(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")


def code(text: str) -> str:
    """The same between backticks, where nothing but a backtick and the end of a cell means anything."""
    return one_line(text).replace("`", "'").replace("|", "/")


def rows_version(dataset: Path) -> str:
    """The version that the card declares for `load_dataset`: `MAJOR.MINOR` of the schema, and a number made of the rows' bytes.

    `datasets` finds loaded rows again by the folder's name and by what the card declares, and compares no file. Every
    folder of rows is called `dataset`: without this number one set is given for another.

    Args:
        dataset: the folder that holds `data/`.
    """
    digests = []
    for table in sorted((dataset / "data").glob("*.parquet")):
        with table.open("rb") as file:
            digests.append((table.name, hashlib.file_digest(file, "sha256").hexdigest()))
    # `datasets` takes three plain numbers and nothing else.
    return f"{SCHEMA_VERSION}.{int(content_key('rows', digests)[:12], 16)}"


def header(facts: JsonObject, version: str) -> JsonObject:
    """What the Hub and `load_dataset` read: the files of each split and their version, licences, sizes and tags."""
    rows = facts["rows"]
    return {
        "pretty_name": facts["name"],
        "language": ["en", "code"],
        "license": hub_licenses(facts["licenses"]),
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["found", *(["machine-generated"] if facts["spec_models"] else [])],
        "source_datasets": ["original"],
        "tags": ["code", "python", "reinforcement-learning", "execution-proven", "swe-bench-format", "ttcdata"],
        "size_categories": [next((name for most, name in SIZES if rows < most), "1M<n<10M")],
        "configs": [
            {
                "config_name": "default",
                "version": version,
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in facts["splits"]],
            }
        ],
    }


def hub_licenses(found: Iterable[str]) -> list[str]:
    """The Hub's names for SPDX expressions; `other` where an expression has none, for instance `MIT OR Apache-2.0`."""
    names = {HUB_LICENSES.get(one, "other") for one in found}
    return sorted(names - {"other"}) + sorted(names & {"other"})
