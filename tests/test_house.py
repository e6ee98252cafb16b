"""The house: arrows point down, files are short, nothing is a stub, every import is declared."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ("joint", "tasks", "recipes", "pretrained", "analysis")
FILES = sorted(path for folder in HOUSE for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST = 300

MAY_IMPORT = {
    "joint": {"joint"},
    "app": {"joint", "tasks", "analysis", "pretrained", "recipes"},
    "tasks": {"joint", "tasks"},
    "analysis": {"joint", "analysis"},
    "pretrained": {"joint", "pretrained"},
    "recipes": {"joint", "tasks", "analysis", "pretrained", "recipes"},
}
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
    "flashlight": "flashlight-text",
}


def layer(path: Path) -> str:
    """The layer of a file: `joint/app`, and the two files that lead to it, compose all others."""
    parts = path.relative_to(ROOT).parts
    composes = parts[0] == "joint" and parts[1] in ("app", "__init__.py", "__main__.py")
    return "app" if composes else parts[0]


def imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_arrows_point_down(path: Path) -> None:
    met = {module.split(".")[0] for module in imports(path)} & set(HOUSE)
    assert met <= MAY_IMPORT[layer(path)]


@pytest.mark.parametrize("path", [p for p in FILES if layer(p) != "app"], ids=name)
def test_only_the_app_imports_the_app(path: Path) -> None:
    assert not [module for module in imports(path) if module.startswith("joint.app")]


@pytest.mark.parametrize("path", [p for p in FILES if layer(p) == "tasks"], ids=name)
def test_a_task_knows_no_other_task(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    allowed = {parts[1]} if len(parts) > 2 else set()
    met = {module.split(".")[1] for module in imports(path) if module.startswith("tasks.")}
    assert met <= allowed


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=name)
def test_a_file_holds_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_a_stub(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "NotImplementedError" not in text
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


def test_every_import_is_declared() -> None:
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    declared = set(re.findall(r'"([A-Za-z0-9_-]+)[=><]', setup))
    met = {module.split(".")[0] for path in FILES for module in imports(path)}
    foreign = met - set(HOUSE) - set(sys.stdlib_module_names)
    assert {DISTRIBUTIONS.get(module, module) for module in foreign} <= declared


def test_top_level_names_are_fixed() -> None:
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(HOUSE)
