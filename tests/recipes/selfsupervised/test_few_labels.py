"""A share of the speakers with labels."""

from pathlib import Path

import pytest

from joint.data.opening import open_corpus
from joint.errors import DataError
from recipes.selfsupervised.few_labels import few_speakers


def test_all_utterances_of_a_share_of_the_speakers(prepared: Path, tmp_path: Path) -> None:
    folder = prepared / "train"
    before = open_corpus(folder)
    line = few_speakers(folder, tmp_path / "few", 0.2)
    few = open_corpus(tmp_path / "few")
    assert f"{len(few.speakers)} of {len(before.speakers)} speakers" in line
    assert len(few.speakers) == round(0.2 * len(before.speakers))
    own = [u.id for u in before.utterances if u.speaker in few.speakers]
    assert [u.id for u in few.utterances] == own
    few_speakers(folder, tmp_path / "again", 0.2)
    assert open_corpus(tmp_path / "again").speakers == few.speakers


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_shares_that_are_none(prepared: Path, tmp_path: Path, share: float) -> None:
    with pytest.raises(DataError, match="--share"):
        few_speakers(prepared / "train", tmp_path / "few", share)
    assert not (tmp_path / "few").exists()
