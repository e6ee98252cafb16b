"""The code of the tutorials runs, on the embedded corpus."""

import sys
from pathlib import Path

import pytest
from blocks import blocks, run_page
from support import ROOT

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_fence_is_seen(page: Path) -> None:
    """A fence that the pattern misses would be code that nothing runs."""
    fences = sum(line.startswith("```") for line in page.read_text().splitlines())
    assert fences == 2 * len(blocks(page)) > 0
    assert {block.language for block in blocks(page)} <= {"bash", "python", "yaml", "text"}


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    try:
        assert run_page(page, tmp_path)
    finally:
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "mylab":
                del sys.modules[name]
