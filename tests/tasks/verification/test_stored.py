"""Embeddings in a file are read for the encoder that they are of."""

from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus, Utterance
from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError
from tasks.verification.stored import read_embeddings, read_voice, write_embeddings

OURS, THEIRS = EncoderIdentity("ours", "0" * 64), EncoderIdentity("theirs", "1" * 64)


def test_embeddings_of_another_encoder_are_refused(tmp_path: Path) -> None:
    corpus = Corpus([Utterance(name, f"{name}.wav", "s", samples=16_000) for name in "ab"], "here")
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for name, path, encoder in zip("ab", files, (OURS, None), strict=True):
        write_embeddings(path, [name], np.ones((1, 4), np.float32), encoder)
    # one without an identity is read as before
    for encoder in (OURS, None):
        assert read_embeddings(files, corpus, ["a", "b"], encoder).names == ["a", "b"]
    with pytest.raises(DataError, match=r"a\.npz: found embeddings of encoder ours \(0{12}\)"):
        read_embeddings(files, corpus, ["a", "b"], THEIRS)


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "voice.npy", np.zeros(3))
    with pytest.raises(DataError, match="a file of another kind"):
        read_voice(tmp_path / "voice.npy")
