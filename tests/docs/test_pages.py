"""What Markdown pages say exists: links, commands with their options, modules, recipes."""

import importlib.util
import re
from pathlib import Path

import click
import pytest
import typer
from support import ROOT

PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith((".", "exp")) for part in page.relative_to(ROOT).parts)
)
CODE = re.compile(r"^```.*?^```|`[^`\n]+(?:\n[^`\n]+)?`", re.M | re.S)
COMMAND = re.compile(r"(?:^|[`\s(])joint ((?:[a-z][\w|-]*)(?: [^`\n]*)?)")
MODULE = re.compile(r"python -m ((?:recipes|tests|tasks|joint)[\w.]*)")
FILE = re.compile(
    r"\b(?:joint|tasks|recipes|analysis|pretrained|tests|docs)/[\w/]+\.(?:py|yaml|md)\b"
)
TARGETS = re.compile(r"\]\([^)]+\)")
REFERENCE = re.compile(r"^::: ([\w.]+)$", re.M)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(text: str) -> list[str]:
    """Every `joint …` in code, a line continued with a backslash as one."""
    code = "\n".join(CODE.findall(text)).replace("\\\n", " ")
    return [found.split("#")[0] for found in COMMAND.findall(code)]


def verbs() -> dict[str, click.Command]:
    """All commands, `prepare kaldi` and so on under their full names."""
    from joint.app.cli.main import app

    found: dict[str, click.Command] = {}

    def walk(group: click.Command, prefix: str) -> None:
        for verb, command in getattr(group, "commands", {}).items():
            found[f"{prefix}{verb}"] = command
            walk(command, f"{prefix}{verb} ")

    walk(typer.main.get_command(app), "")
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [link for link in links if link and "://" not in link]
    targets = [(page.parent / link).resolve() for link in local]
    assert not [target for target in targets if not target.exists()]
    if page.is_relative_to(ROOT / "docs"):  # the site has no other pages
        assert not [target for target in targets if not target.is_relative_to(ROOT / "docs")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist_with_their_options(page: Path) -> None:
    known = verbs()
    wrong = []
    for command in commands(page.read_text(encoding="utf-8")):
        words = command.split()
        for first in words[0].split("|"):
            if first not in known:
                wrong.append(f"joint {first}")
                continue
            inner = [v for v in words[1:2] if f"{first} {v}" in known]
            found = known[" ".join([first, *inner])]
            options = {o for p in found.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            given = re.findall(r"(?<![\w-])--[a-z][\w-]*", command)
            wrong += [f"joint {first}: {option}" for option in given if option not in options]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_modules_and_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = {*MODULE.findall(text), *REFERENCE.findall(text)}
    assert not [m for m in modules if importlib.util.find_spec(m) is None]
    # targets of links are relative to the page and have a test of their own
    assert not [path for path in FILE.findall(TARGETS.sub("", text)) if not (ROOT / path).is_file()]
