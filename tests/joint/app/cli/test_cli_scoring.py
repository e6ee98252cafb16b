"""Options of scoring that would do nothing are refused before anything is embedded."""

from pathlib import Path
from typing import Any

import pytest

from joint.app.cli.evaluate.scoring import scorer_of, scores_named
from joint.errors import ConfigError


def scorer(norm: str, cohort: Path | None, top: int | None) -> Any:
    def embed(recordings: object) -> Any:
        raise AssertionError("embedded")

    return scorer_of(embed, "cosine", norm, cohort, top, None, None, None)


def test_what_nothing_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--cohort: found backend cosine, norm none"):
        scorer("none", tmp_path, None)
    with pytest.raises(ConfigError, match="--top: found norm none; expected --norm as"):
        scorer("none", None, 20)
    with pytest.raises(ConfigError, match="--top: found norm s; expected --norm as"):
        scorer("s", tmp_path, 300)
    assert scorer("none", None, None).cohort is None


def test_what_scores_are() -> None:
    assert scores_named("cosine", "none", False) == "cosine"
    assert scores_named("plda", "as", False) == "PLDA score, AS-norm"
    assert scores_named("plda", "as", True) == "log-likelihood ratio"
