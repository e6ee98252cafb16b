"""Part of a prepared folder."""

from pathlib import Path

import pytest

from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.errors import DataError


def test_some_utterances(aligned: Path, tmp_path: Path) -> None:
    whole = open_corpus(aligned)
    names = [u.id for u in whole.utterances[3:9:2]]
    part = open_corpus(write_subset(aligned, names, tmp_path / "part"))
    assert [u.id for u in part.utterances] == names and part.phones == whole.phones
    assert part.utterances[0].text == whole.utterances[3].text
    assert part.utterances[0].waveform().shape == whole.utterances[3].waveform().shape
    with pytest.raises(DataError, match="no utterance nobody"):
        write_subset(aligned, [*names, "nobody"], tmp_path / "other")
    assert not (tmp_path / "other").exists()
