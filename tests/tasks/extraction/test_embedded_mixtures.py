"""The mixture list that travels with the repository: real speech, rendered and scored."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.rendering import render


@pytest.fixture
def folder(embedded_corpus: Path) -> Corpus:
    return open_corpus(embedded_corpus / "test")


def test_every_row_has_the_asked_level(folder: Corpus):
    mixtures = MixtureList.load(Path(folder.where) / "mix2_extraction.csv")
    mixtures.check(folder)
    for row in mixtures.rows[::6]:
        rendered = render(row, folder)
        power = [np.mean(w.astype(np.float64) ** 2) for w in rendered[1:3]]
        assert 10 * np.log10(power[0] / power[1]) == pytest.approx(row.snr_db, abs=0.01)
        recorded = soundfile.read(folder.by_id[row.target].path, dtype="float32")[0]
        assert np.array_equal(rendered.reference, recorded[: len(rendered.reference)])


def test_real_mixtures_left_as_they_are(folder: Corpus):
    mixtures = MixtureList.load(Path(folder.where) / "mix2_extraction.csv")
    figures = evaluate_extraction(lambda m, _: m, folder, mixtures, limit=6, progress=False)
    assert figures["si_sdr_improvement_db"] == 0
    assert figures["mixtures"] == 6 and figures["stoi_failures"] == 0
    assert 0.3 < figures["stoi"] < 0.95
