"""A teacher of another dimension is refused before the corpus is read."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from support import TINY

from joint.errors import DataError
from recipes.distillation import space, targets


def test_a_teacher_of_another_dimension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no corpus here: opening it would be another error."""
    dims = {"teacher": 256, "own": 192}
    for recipe in (space, targets):
        monkeypatch.setattr(
            recipe, "load", lambda name, tasks: SimpleNamespace(embedding_dim=dims[name])
        )
    output, overrides = tmp_path / "out.npz", (f"data.train={tmp_path / 'none'}",)
    message = "teacher: found embeddings of 256 dimensions; expected 192, as those"
    with pytest.raises(DataError, match=message):
        targets.write_targets("teacher", TINY, output, "own", overrides)
    with pytest.raises(DataError, match=message):
        space.write_space("teacher", "own", TINY, output, 4, overrides)
    with pytest.raises(DataError, match="none"):  # alone it may have any
        targets.write_targets("teacher", TINY, output, None, overrides)
