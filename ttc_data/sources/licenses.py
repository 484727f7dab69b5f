"""What licence a tree declares, as an SPDX expression, and whether a recipe allows it. A licence is never guessed."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Mapping
from email import message_from_string
from email.errors import MessageError

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from ttc_data.errors import SourceRefused
from ttc_data.rules import LicenseRules
from ttc_data.trees.foreign import TreeFile, parse_toml
from ttc_data.trees.links import TreeLink
from ttc_data.trees.store import TreeStore

_MAX_EXPRESSION = 500
_MAX_NESTING = 20
_MAX_TEXT = 64 * 1024

# Names as people write them, letters and digits only: "The MIT License (MIT)" is `mit`. `BSD` is no SPDX identifier; it
# stays what the source says where the text does not tell two clauses from three.
_NAMES = {
    "mit": "MIT", "expat": "MIT", "mitno": "MIT-0", "mit0": "MIT-0", "mitnoattribution": "MIT-0",
    "bsd": "BSD", "newbsd": "BSD-3-Clause", "modifiedbsd": "BSD-3-Clause", "revisedbsd": "BSD-3-Clause",
    "bsd3": "BSD-3-Clause", "bsd3clause": "BSD-3-Clause", "3clausebsd": "BSD-3-Clause", "bsd3clauses": "BSD-3-Clause",
    "simplifiedbsd": "BSD-2-Clause", "bsd2": "BSD-2-Clause", "bsd2clause": "BSD-2-Clause",
    "2clausebsd": "BSD-2-Clause", "freebsd": "BSD-2-Clause", "0bsd": "0BSD", "zeroclausebsd": "0BSD",
    "apache": "Apache-2.0", "apache2": "Apache-2.0", "apache20": "Apache-2.0", "apacheversion20": "Apache-2.0",
    "apachev20": "Apache-2.0", "apachev2": "Apache-2.0", "apachesoftware": "Apache-2.0", "asl2": "Apache-2.0",
    "asl20": "Apache-2.0", "apachesoftware20": "Apache-2.0", "apachesoftwareversion20": "Apache-2.0",
    "isc": "ISC", "iscl": "ISC", "iscisc": "ISC", "isciscl": "ISC", "unlicense": "Unlicense", "theunlicense": "Unlicense",
    "cc0": "CC0-1.0", "cc010": "CC0-1.0", "cc010universal": "CC0-1.0",
    "psf": "PSF-2.0", "psfl": "PSF-2.0", "psf2": "PSF-2.0", "psf20": "PSF-2.0", "python": "PSF-2.0",
    "pythonsoftwarefoundation": "PSF-2.0", "pythonsoftwarefoundationversion2": "PSF-2.0",
    "zlib": "Zlib", "zliblibpng": "Zlib", "boost": "BSL-1.0", "boostsoftware10": "BSL-1.0", "bsl10": "BSL-1.0",
    "mpl": "MPL-2.0", "mpl2": "MPL-2.0", "mpl20": "MPL-2.0", "mozillapublic20": "MPL-2.0", "mplversion20": "MPL-2.0",
    "mozillapublicversion20": "MPL-2.0", "wtfpl": "WTFPL", "zpl": "ZPL-2.1", "zpl21": "ZPL-2.1",
    "zopepublic": "ZPL-2.1", "hpnd": "HPND",
    "gpl": "GPL-1.0-or-later", "gnugpl": "GPL-1.0-or-later", "gnugeneralpublic": "GPL-1.0-or-later",
    "gpl2": "GPL-2.0-only", "gplv2": "GPL-2.0-only", "gpl20": "GPL-2.0-only", "gnugplv2": "GPL-2.0-only",
    "gpl3": "GPL-3.0-only", "gplv3": "GPL-3.0-only", "gpl30": "GPL-3.0-only", "gnugplv3": "GPL-3.0-only",
    "gplv2+": "GPL-2.0-or-later", "gpl2+": "GPL-2.0-or-later", "gplv2orlater": "GPL-2.0-or-later",
    "gplv3+": "GPL-3.0-or-later", "gpl3+": "GPL-3.0-or-later", "gplv3orlater": "GPL-3.0-or-later",
    "lgpl": "LGPL-2.0-or-later", "lgplv3": "LGPL-3.0-only", "lgpl3": "LGPL-3.0-only", "lgplv2": "LGPL-2.0-only",
    "lgplv3+": "LGPL-3.0-or-later", "lgplv2+": "LGPL-2.0-or-later", "lgplv21": "LGPL-2.1-only",
    "agplv3": "AGPL-3.0-only", "agpl3": "AGPL-3.0-only", "agplv3+": "AGPL-3.0-or-later",
}  # fmt: skip

_CLASSIFIERS = {
    "MIT License": "MIT", "MIT No Attribution License (MIT-0)": "MIT-0", "BSD License": "BSD",
    "Apache Software License": "Apache-2.0", "ISC License (ISCL)": "ISC", "The Unlicense (Unlicense)": "Unlicense",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Python Software Foundation License": "PSF-2.0", "Python License (CNRI Python License)": "CNRI-Python",
    "zlib/libpng License": "Zlib", "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Zope Public License": "ZPL-2.1", "Academic Free License (AFL)": "AFL-3.0", "zero-clause BSD (0BSD)": "0BSD",
    "Zero-Clause BSD (0BSD)": "0BSD", "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "Universal Permissive License (UPL)": "UPL-1.0", "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0", "Artistic License": "Artistic-2.0",
    "GNU General Public License (GPL)": "GPL-1.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}  # fmt: skip

# First match wins; every phrase of a line must be there, in lower case with single spaces.
_TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("LGPL-2.0-only", ("gnu library general public license", "version 2")),
    ("GPL-3.0-only", ("gnu general public license", "version 3, 29 june 2007")),
    ("GPL-2.0-only", ("gnu general public license", "version 2, june 1991")),
    ("GPL-3.0-or-later", ("gnu general public license as published", "either version 3")),
    ("GPL-2.0-or-later", ("gnu general public license as published", "either version 2")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("PSF-2.0", ("python software foundation license version 2",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("BSL-1.0", ("boost software license - version 1.0",)),
    ("Zlib", ("provided 'as-is', without any express or implied", "altered source versions must be plainly marked")),
    ("BSD-4-Clause", ("redistribution and use in source and binary forms", "all advertising materials")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "endorse or promote")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms", "this list of conditions")),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice")),
    ("MIT-0", ("permission is hereby granted, free of charge", "without restriction", "the software is provided")),
    ("ISC", ("permission to use, copy, modify, and", "distribute this software for any purpose", "copyright notice and")),
    ("0BSD", ("permission to use, copy, modify, and", "distribute this software for any purpose")),
)  # fmt: skip

_LICENSE_FILE = re.compile(r"(licen[cs]e|copying|unlicense)([._-].*)?", re.IGNORECASE)
_DECLARING = ("PKG-INFO", "pyproject.toml", "setup.cfg", "setup.py")
_SETUP_CLASSIFIER = re.compile(r"License :: [^\"'\n\\]+")
_SETUP_LICENSE = re.compile(r"\blicense\s*=\s*[\"']([^\"'\n]+)[\"']")
_TOKEN = re.compile(r"\(|\)|[^\s()]+")


def is_license_file(path: str) -> bool:
    """Whether `license_of_tree` reads this file: a licence text or a metadata file in the tree's root."""
    return path in _DECLARING or ("/" not in path and _LICENSE_FILE.fullmatch(path) is not None)


class Declarations:
    """What declares a tree's licence, gathered while its files stream by."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._linked: set[str] = set()

    def see(self, file: TreeFile | TreeLink) -> None:
        """Keep the file if it declares a licence; a link is read later, when it has become a copy."""
        if not is_license_file(file.path):
            return
        if isinstance(file, TreeLink):
            self._linked.add(file.path)
        else:
            self._files[file.path] = file.data

    def license(self, trees: TreeStore, tree: str) -> str:
        """The licence of the tree, as `license_of_tree` says, once it lies in the store."""
        copies = {path: data for path, data in trees.files(tree) if path in self._linked} if self._linked else {}
        return license_of_tree({**self._files, **copies})


def license_of_tree(files: Mapping[str, bytes]) -> str:
    """Read the licence that a tree declares in its root.

    Args:
        files: by path; only those that `is_license_file` names are read.

    Returns:
        An SPDX expression, `""` where none is declared or recognised. `BSD` stands for one whose clauses are unknown.
    """
    texts = [_text(data) for path, data in sorted(files.items()) if is_license_file(path) and path not in _DECLARING]
    for path in _DECLARING:
        if path in files:
            expression, free, classifiers = _READERS[path](_text(files[path]))
            if found := declared_license(expression, free, classifiers, texts):
                return found
    return declared_license(texts=texts)


def declared_license(
    expression: str = "", free_text: str = "", classifiers: Iterable[str] = (), texts: Iterable[str] = ()
) -> str:
    """Map what a project says about its licence to SPDX.

    The expression counts first. Otherwise the `License` field and the classifiers must agree; where they differ both
    bind (`AND`), because nothing says that a user may choose. Licence texts count only where the fields say nothing,
    or only `BSD`.

    Args:
        expression: the `License-Expression` header.
        free_text: the `License` header, a name or a whole text.
        classifiers: all trove classifiers.
        texts: contents of licence files.

    Returns:
        An SPDX expression, `BSD`, or `""`.
    """
    if expression.strip() and (found := _spdx(expression)):
        return found
    named = _spdx(free_text) or recognised_text(free_text)
    parts = (name.rpartition(" :: ")[2].strip() for name in classifiers if name.startswith("License :: "))
    classified = list(dict.fromkeys(_CLASSIFIERS[part] for part in parts if part in _CLASSIFIERS))
    from_texts = list(dict.fromkeys(found for text in texts if (found := recognised_text(text))))
    declared = [named] if named else []
    declared += [one for one in classified if not _says(named, one)]
    if declared == ["BSD"]:
        clauses = [found for found in from_texts if found.startswith("BSD-")]
        return clauses[0] if len(clauses) == 1 else "BSD"
    declared = declared or from_texts
    return " AND ".join(f"({one})" if " " in one and len(declared) > 1 else one for one in declared)


def recognised_text(text: str) -> str:
    """Name the licence whose distinctive phrases a text holds, `""` when none."""
    flat = " ".join(re.sub(r"^[\s#*>|]+", "", line) for line in text[:_MAX_TEXT].lower().splitlines())
    flat = re.sub(r"[\s\"`’“”]+", " ", flat)
    return next((name for name, phrases in _TEXTS if all(phrase in flat for phrase in phrases)), "")


def allowed(expression: str, rules: LicenseRules) -> bool:
    """Whether the rules allow a licence expression: one side of each `OR`, both of each `AND`.

    `X WITH exception` is allowed where `X` is, since an exception only permits more. What does not parse is not
    allowed; an empty expression is allowed only by `allow_unknown`.
    """
    if not expression.strip():
        return rules.allow_unknown
    if _oversized(expression):
        return False
    names = frozenset(name.casefold() for name in rules.allow)
    tokens = _TOKEN.findall(expression)
    verdict, rest = _either(tokens, names)
    return bool(verdict) and not rest


def require_allowed(expression: str, rules: LicenseRules, subject: str) -> None:
    """Refuse a source whose licence the rules do not allow.

    Raises:
        SourceRefused: `license_unknown` or `license_not_allowed`.
    """
    if allowed(expression, rules):
        return
    if not expression.strip():
        raise SourceRefused("license_unknown", f"{subject} declares no licence that is known (license.allow_unknown)")
    raise SourceRefused("license_not_allowed", f"{subject} has {expression}, which license.allow does not allow")


# Each of these reads one level of the expression and gives its verdict, None for a syntax error, and what is left.
def _either(tokens: list[str], names: frozenset[str]) -> tuple[bool | None, list[str]]:
    verdict, rest = _both(tokens, names)
    while verdict is not None and rest and rest[0].upper() == "OR":
        right, rest = _both(rest[1:], names)
        verdict = None if right is None else verdict or right
    return verdict, rest


def _both(tokens: list[str], names: frozenset[str]) -> tuple[bool | None, list[str]]:
    verdict, rest = _one(tokens, names)
    while verdict is not None and rest and rest[0].upper() == "AND":
        right, rest = _one(rest[1:], names)
        verdict = None if right is None else verdict and right
    return verdict, rest


def _one(tokens: list[str], names: frozenset[str]) -> tuple[bool | None, list[str]]:
    if not tokens or tokens[0] == ")" or tokens[0].upper() in ("AND", "OR", "WITH"):
        return None, tokens
    if tokens[0] == "(":
        verdict, rest = _either(tokens[1:], names)
        return (verdict, rest[1:]) if rest[:1] == [")"] else (None, rest)
    verdict = not names or tokens[0].casefold() in names
    rest = tokens[1:]
    if rest and rest[0].upper() == "WITH":
        if len(rest) < 2 or rest[1] in ("(", ")"):
            return None, rest
        rest = rest[2:]
    return verdict, rest


def _says(expression: str, name: str) -> bool:
    """Whether an expression already covers a classifier's licence: by name, or as the exact form of a vague one."""
    ids = set(_TOKEN.findall(expression))
    family = name.partition("-")[0]
    vague = name in ("BSD", "GPL-1.0-or-later", "LGPL-2.0-or-later")
    vague_here = bool(ids & {"BSD", "GPL-1.0-or-later", "LGPL-2.0-or-later"})
    return name in ids or ((vague or vague_here) and any(one.partition("-")[0] == family for one in ids))


def _oversized(expression: str) -> bool:
    # Both parsers recurse once or more a parenthesis.
    return len(expression) > _MAX_EXPRESSION or expression.count("(") > _MAX_NESTING


def _spdx(text: str) -> str:
    text = text.strip()
    if not text or _oversized(text) or "\n" in text:
        return ""
    bare = re.sub(r"\b(the|licen[cs]e[sd]?|gnu)\b", "", text.lower())
    name = re.sub(r"[^a-z0-9+]", "", bare)
    # "MIT License (MIT)" says its name twice.
    half = name[: len(name) // 2]
    if name in _NAMES or (half and half * 2 == name and half in _NAMES):
        return _NAMES.get(name) or _NAMES[half]
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError, ValueError):
        return ""


def _text(data: bytes) -> str:
    return data[: 4 * _MAX_TEXT].decode("utf-8", "replace")


def _from_headers(text: str) -> tuple[str, str, list[str]]:
    try:
        headers = message_from_string(text)
        expression, free = str(headers.get("License-Expression") or ""), str(headers.get("License") or "")
        return expression, _known(free), [str(value) for value in headers.get_all("Classifier") or []]
    except (MessageError, ValueError):
        return "", "", []


def _from_pyproject(text: str) -> tuple[str, str, list[str]]:
    data = parse_toml(text)
    expression, free, classifiers = "", "", []
    tool = data.get("tool")
    for table in (data.get("project"), tool.get("poetry") if isinstance(tool, dict) else None):
        if not isinstance(table, dict):
            continue
        declared = table.get("license")
        if isinstance(declared, str):
            expression = expression or declared
        elif isinstance(declared, dict):
            free = free or str(declared.get("text") or "")
        listed = table.get("classifiers")
        classifiers += [str(one) for one in listed] if isinstance(listed, list) else []
    return expression, _known(free), classifiers


def _from_setup_cfg(text: str) -> tuple[str, str, list[str]]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return "", "", []
    classifiers = parser.get("metadata", "classifiers", fallback="") or ""
    lines = (line.strip() for line in classifiers.splitlines())
    return "", _known(parser.get("metadata", "license", fallback="") or ""), list(lines)


def _from_setup_py(text: str) -> tuple[str, str, list[str]]:
    named = _SETUP_LICENSE.search(text)
    return "", _known(named.group(1)) if named else "", _SETUP_CLASSIFIER.findall(text)


def _known(text: str) -> str:
    return "" if text.strip().upper() in ("UNKNOWN", "NONE") else text


_READERS = {
    "PKG-INFO": _from_headers,
    "pyproject.toml": _from_pyproject,
    "setup.cfg": _from_setup_cfg,
    "setup.py": _from_setup_py,
}
