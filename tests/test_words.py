"""One name for one thing: a word that the table of words in CONTRIBUTING.md has replaced is in no
public name, key, file name, docstring, help text, error or page."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support import ROOT

PACKAGES = ("joint", "tasks", "recipes", "pretrained", "analysis")
CODE = sorted(path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
YAMLS = sorted((ROOT / "recipes").rglob("*.yaml"))
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith((".", "exp")) for part in page.relative_to(ROOT).parts)
)

EVERYWHERE = {
    "topology or mode": r"(?<!hugging )faces?(?!-recognition)",
    "variant": r"arms?",
    "initialise": r"graft(s|ed|ing)?",
    "encode, decode, detect": r"hears?|heard|hearing",
}
IN_NAMES = {
    **EVERYWHERE,
    "speaker database": r"books?|voicebooks?",
    "target, reference": r"said|wanted",
    "frozen": r"rests|resting",
    "unknown speaker": r"nobody",
}
IN_TEXTS = {
    **EVERYWHERE,
    "speaker database": r"voice ?books?",
    "frozen, not updated": r"at rest|rests|resting",
    "unknown speaker": r"nobody (is )?known|nobody knows",
    "reference, hypothesis": r"(what|who) (is|was|they) said|what it makes of it",
    "change token": r"sign where the speaker changes",
}
BAD_WORD = re.compile("|".join(IN_NAMES.values()))
BAD_TEXT = re.compile(rf"\b({'|'.join(IN_TEXTS.values())})\b", re.I)
LOSSES = re.compile("(Cos|Arc|Sphere)Face")
"""Names of the literature."""
PEOPLE = "audiovisual"
"""In the paths of what is about faces of people, where that is the word."""
OLD_NAMES = ROOT / "joint" / "training" / "building" / "moved.py"
"""Translates the names of old checkpoints, and so has them."""


def plain(identifier: str, path: str = "") -> bool:
    """Whether no word of a name at `path`, in snake or camel case, has been replaced."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", LOSSES.sub("", identifier))
    return not any(is_bad(BAD_WORD.fullmatch(word.lower()), path) for word in words)


def is_bad(found: re.Match[str] | None, path: str) -> bool:
    """Whether a word that was found is bad in the file at `path`."""
    return found is not None and not (
        PEOPLE in path and found[0].lower().removesuffix("s") == "face"
    )


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Classes, functions, arguments, attributes, and variables of modules and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        if isinstance(node, ast.ClassDef | ast.Module):
            assigned = [s for s in node.body if isinstance(s, ast.Assign | ast.AnnAssign)]
            for part in (part for statement in assigned for part in ast.walk(statement)):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.lineno, part.id


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Docstrings, help texts and errors of a Python file; all of another file."""
    content = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, content
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def keys(node: object) -> Iterator[str]:
    """All keys of a YAML document."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from keys(value)


@pytest.mark.parametrize(
    "identifier, expected",
    [("SphereFace2", True), ("surface", True), ("FacesOf", False), ("who_heard", False)],
)
def test_a_name_is_split_into_words(identifier: str, expected: bool) -> None:
    assert plain(identifier) == expected


def test_faces_of_people_are_called_so() -> None:
    assert plain("FacesOf", "tasks/audiovisual/faces/face.py")
    assert not plain("arms_of_faces", "tasks/audiovisual/faces/face.py")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("the surface of a Hugging Face page, as they said", True),
        ("the encoder rests", False),
        ("Each arm of a grid", False),
        ("what is\nsaid", False),
    ],
)
def test_a_text_is_read_by_words(text: str, expected: bool) -> None:
    assert (BAD_TEXT.search(" ".join(text.split())) is None) == expected


def test_names_are_plain() -> None:
    found = [name(path) for path in [*CODE, *TESTS] if not plain(name(path), name(path))]
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [
            f"{name(path)}:{line}: {n}" for line, n in names(tree) if not plain(n, name(path))
        ]
    assert not found, "\n".join(found)


def test_keys_are_plain() -> None:
    found = [
        f"{name(path)}: {key}"
        for path in YAMLS
        for key in keys(yaml.safe_load(path.read_text(encoding="utf-8")))
        if not plain(key)
    ]
    assert not found, "\n".join(found)


def test_texts_are_plain() -> None:
    found = [
        f"{name(path)}:{line}: {match[0]}"
        for path in [*CODE, *PAGES, *YAMLS]
        if path != OLD_NAMES
        for line, text in texts(path)
        for match in BAD_TEXT.finditer(" ".join(text.split()))
        if is_bad(match, name(path))
    ]
    assert not found, "\n".join(found)
