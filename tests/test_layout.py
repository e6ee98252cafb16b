"""Rules of the layout: imports point down, in no circle, and are declared; files are short, folders
are small."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from support import ROOT

PACKAGES = ("joint", "tasks", "recipes", "pretrained", "analysis")
FILES = sorted(path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAY_IMPORT = {
    "joint": {"joint"},
    "app": {"joint", "tasks", "analysis", "pretrained", "recipes"},
    "tasks": {"joint", "tasks"},
    "analysis": {"joint", "tasks", "analysis"},
    "pretrained": {"joint", "tasks", "pretrained"},
    "recipes": {"joint", "tasks", "analysis", "pretrained", "recipes"},
}
LONGEST, USUAL, SHARE_OF_LONG_FILES = 300, 250, 0.02
FILES_IN_A_FOLDER = 12
LARGE_FOLDERS = {"joint/encoders/backbones": 20}
"""Folders that may hold more: a backbone is a file, and there are many."""
DISTRIBUTIONS = {
    "hydra": "hydra-core",
    "omegaconf": "hydra-core",
    "yaml": "hydra-core",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "parselmouth": "praat-parselmouth",
    "espeakng_loader": "espeakng-loader",
    "faster_whisper": "faster-whisper",
    "silero_vad": "silero-vad",
    "lightning_fabric": "lightning-fabric",
    "flashlight": "flashlight-text",
    "pyannote": "pyannote-metrics",
    "espnet2": "espnet",
    "webrtcvad": "webrtcvad-wheels",
    "PIL": "pillow",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(path: Path) -> str:
    """The layer of a file: `joint/app`, and the two files that lead to it, compose all others."""
    parts = path.relative_to(ROOT).parts
    composes = parts[0] == "joint" and parts[1] in ("app", "__init__.py", "__main__.py")
    return "app" if composes else parts[0]


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Full names of all modules that a file imports, inside functions too."""

    def found() -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    return tuple(found())


def forbidden(path: Path) -> set[str]:
    """Imports of `path` that do not point down."""
    own, parts = layer(path), path.relative_to(ROOT).parts
    # recipes use the public interface, `joint.load`, as any user of the package does
    app = {"app": (), "recipes": ("joint.app.",)}.get(own, ("joint.app.", "joint.load."))
    found = set()
    for module in imports(path):
        package, _, rest = module.partition(".")
        upwards = package in PACKAGES and package not in MAY_IMPORT[own]
        into_the_app = f"{module}.".startswith(app)
        task = parts[1] if own == "tasks" and len(parts) > 2 else None
        other_task = own == "tasks" and package == "tasks" and rest.split(".")[0] != task
        if upwards or into_the_app or other_task:
            found.add(module)
    return found


def test_imports_point_down() -> None:
    assert not {name(path): found for path in FILES if (found := forbidden(path))}


def test_no_circle_of_imports() -> None:
    """Files do not import each other, also inside functions or for types alone."""
    modules = {name(p)[:-3].removesuffix("/__init__").replace("/", "."): p for p in FILES}
    graph = {
        module: {m if m in modules else m.rpartition(".")[0] for m in imports(path)} - {module}
        for module, path in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(error.args[1][::-1])) from None


def test_files_are_short() -> None:
    lengths = {name(p): len(p.read_text(encoding="utf-8").splitlines()) for p in [*FILES, *TESTS]}
    assert not {path: n for path, n in lengths.items() if n >= LONGEST}
    long = {path: n for path, n in lengths.items() if n > USUAL}
    assert len(long) <= SHARE_OF_LONG_FILES * len(lengths), long


def test_folders_are_small() -> None:
    sizes = Counter(name(p.parent) for p in [*FILES, *TESTS] if p.name != "__init__.py")
    allowed = {folder: LARGE_FOLDERS.get(folder, FILES_IN_A_FOLDER) for folder in sizes}
    assert not {folder: n for folder, n in sizes.items() if n > allowed[folder]}


def test_every_import_is_declared() -> None:
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    # espnet stands in a comment and in the Makefile, since pip cannot resolve it.
    declared = {*re.findall(r'"([A-Za-z0-9_-]+)[=><]', setup), "espnet"}
    met = {module.split(".")[0] for path in FILES for module in imports(path)}
    foreign = met - set(PACKAGES) - set(sys.stdlib_module_names)
    assert {DISTRIBUTIONS.get(module, module) for module in foreign} <= declared


def test_top_level_packages_are_fixed() -> None:
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(PACKAGES)


def test_names_of_test_files_are_unique() -> None:
    """pytest imports a test by its file name alone: of two alike it refuses one."""
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted(set(names)) == sorted(names)
