"""Fenced code blocks of a Markdown page, and how a page's blocks run in order.

Blocks with a title are written to the file of that name; `bash` and `python` blocks without one are
run; all others are output or illustration. `joint …` and `python FILE` run in this process, which
spares each command the import of torch.
"""

import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from glob import glob
from itertools import pairwise
from pathlib import Path
from string import Template

FENCE = re.compile(r"^```(?P<language>\w+)(?P<options>[^\n]*)\n(?P<code>.*?)^```$", re.M | re.S)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it belongs to (None: it is run), its text and the line
    of the page where it begins."""

    language: str
    file: str | None
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        title = TITLE.search(match["options"])
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], title and title[1], match["code"], line))
    return found


def run_page(page: Path, folder: Path) -> list[str]:
    """Write and run the blocks of `page` in `folder`, which is the current one; gives the commands
    that ran. A block that fails raises, naming the page and its line."""
    names: dict[str, object] = {"__name__": page.stem}
    variables: dict[str, str] = {}
    commands: list[str] = []
    for block in blocks(page):
        if block.file is not None:
            target = folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * block.line + block.code, str(page), "exec"), names)
        elif block.language == "bash":
            for command in lines(block.code):
                if assigned := re.fullmatch(r"([A-Z]+)=(\S+)", command):
                    variables[assigned[1]] = assigned[2]
                    continue
                command = Template(command).substitute(variables)
                run_command(command, f"{page.name}:{block.line}")
                commands.append(command)
    return commands


def lines(code: str) -> list[str]:
    """The commands of a `bash` block, a continued line as one."""
    joined = code.replace("\\\n", " ").splitlines()
    return [line.strip() for line in joined if line.strip() and not line.lstrip().startswith("#")]


def run_command(command: str, where: str) -> None:
    """One command: `joint` and `python` in this process, all others by the shell."""
    words = [name for word in shlex.split(command, comments=True) for name in globbed(word)]
    if words[:3] == ["python", "-m", "joint"]:
        words = words[2:]
    if words[0] == "joint":
        if words[1] == "train" and "--print-config" not in words:
            words += tiny_budget(words[2:])
        run_joint(words[1:], f"{where}: {command}")
    elif words[0] == "python":
        runpy.run_path(words[1], run_name="__main__")
    else:
        done = subprocess.run(["bash", "-euc", command], capture_output=True, text=True)
        assert done.returncode == 0, f"{where}: {command}: {done.stderr}"


def tiny_budget(arguments: list[str]) -> list[str]:
    """Keys that cut the training of `joint train ARGUMENTS` to two small steps."""
    from joint.training.config.schema import load_config

    keys = [word for word in arguments[1:] if "=" in word]
    options = pairwise(arguments)
    packages = [package for option, package in options if option == "--allow-package"]
    config = load_config(Path(arguments[0]), keys, packages)
    keys = ["trainer.max_minutes=null", "trainer.max_steps=2", "trainer.workers=0"]
    keys += [f"streams.{name}.batch_size=4" for name in config.streams]
    if config.validation is not None:
        keys += ["validation.batch_size=4", "validation.batches=1"]
    return keys


def globbed(word: str) -> list[str]:
    """The files that a word with * or ? stands for, as a shell has it."""
    return (sorted(glob(word)) or [word]) if re.search(r"[*?]", word) else [word]


def run_joint(arguments: list[str], where: str) -> None:
    """`joint ARGUMENTS`; an exit code other than 0 raises."""
    from joint.app.cli.main import main

    try:
        main(arguments)
    except SystemExit as exit_:
        assert not exit_.code, f"{where}: exit code {exit_.code}"
    sys.stdout.flush()
