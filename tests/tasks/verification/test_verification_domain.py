"""The domain of an encoder is measured on trials of treated recordings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.inspection.domain import Domain
from tasks.verification import domain as measured
from tasks.verification.domain import LADDERS, measured_domain
from tasks.verification.trials import Trials


@pytest.fixture(scope="module")
def trials(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Trials]:
    """All pairs of three recordings each of four speakers."""
    corpus = open_corpus(prepared / "test")
    chosen = [corpus.utterances[i] for own in corpus.of_speaker[:4] for i in own[:3]]
    lines = [
        f"{int(a.speaker == b.speaker)} {a.id} {b.id}\n"
        for n, a in enumerate(chosen)
        for b in chosen[:n]
    ]
    path = tmp_path_factory.mktemp("trials") / "trials"
    path.write_text("".join(lines))
    return Corpus(chosen, corpus.where), Trials.load(path)


class Knowing:
    """An encoder that knows who talks, as long as a recording has what it listens for."""

    def __init__(self, corpus: Corpus, lost: str) -> None:
        self.lost = lost
        waveforms = [u.waveform() for u in corpus.utterances]
        self.spectra = np.stack([self.spectrum(w) for w in waveforms])
        people = sorted({str(u.speaker) for u in corpus.utterances})
        self.speakers = np.array([people.index(str(u.speaker)) for u in corpus.utterances])

    def spectrum(self, waveform: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(waveform, 1 << 18)) ** 2
        log = np.log(power[4000:48_000].reshape(-1, 1000).mean(axis=1) + 1e-12)
        return log - log.mean()

    def unfit(self, waveform: np.ndarray) -> bool:
        if self.lost == "high frequencies":
            power = np.abs(np.fft.rfft(waveform)) ** 2
            edge = round(5800 / 8000 * len(power))
            return bool(power[edge:].sum() < 1e-9 * power.sum())
        return self.lost == "zeros" and float(np.mean(waveform == 0)) > 0.2

    def __call__(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for w in waveforms:
            nearest = np.square(self.spectra - self.spectrum(w)).sum(axis=1).argmin()
            known = np.eye(4)[self.speakers[nearest]]
            rows.append(np.ones(4) if self.unfit(w) else known)
        return np.array(rows, dtype=np.float32)


def test_bounds_widen_as_far_as_the_threshold_holds(trials: tuple[Corpus, Trials]) -> None:
    found = {}
    for lost in ("nothing", "high frequencies", "zeros"):
        bounds, figures = measured_domain(Knowing(trials[0], lost), [trials], threshold=0.9)
        (clean,) = figures["as recorded"]
        assert clean["one_side"] == dict.fromkeys(clean["one_side"], 0.0)
        found[lost] = bounds
    assert found["nothing"]["zeros_share"] == LADDERS["zeros_share"][-1].bounds
    assert found["nothing"]["clipped_share"] == LADDERS["clipped_share"][-1].bounds
    assert found["high frequencies"]["bandwidth_hertz"] == measured.CLEAN["bandwidth_hertz"]
    assert found["zeros"]["zeros_share"] == LADDERS["zeros_share"][0].bounds
    Domain.of({"domain": found["zeros"]})


def test_all_sets_have_to_bear_a_treatment(trials: tuple[Corpus, Trials]) -> None:
    """The encoder of one set knows nothing of the other."""
    corpus, pairs = trials
    encoder = Knowing(corpus, "zeros")
    bounds, figures = measured_domain(encoder, [trials, (corpus, pairs)], threshold=0.9)
    assert bounds["zeros_share"] == LADDERS["zeros_share"][0].bounds
    assert len(figures["10% zeros before"]) == 2
