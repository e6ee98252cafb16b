"""Copy synthesis measured on real recordings: Griffin-Lim of torchaudio, and copies of known
quality."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio

from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.metrics.speech.pitch import praat_pitch
from joint.synthesis.evaluation.copies import evaluate_copies, every_recording
from joint.synthesis.evaluation.instruments import Instruments

pytest.importorskip("parselmouth")


def spectrum(waveforms: list[np.ndarray]) -> np.ndarray:
    """The mean spectrum as an embedding, which a phase does not change."""
    frames = (np.lib.stride_tricks.sliding_window_view(w, 512)[::160] for w in waveforms)
    return np.stack([np.abs(np.fft.rfft(f * np.hanning(512))).mean(axis=0) for f in frames])


def griffin_lim(waveform: np.ndarray) -> np.ndarray:
    spectrogram = torchaudio.transforms.Spectrogram(800, hop_length=200, power=1.0)
    inverse = torchaudio.transforms.GriffinLim(800, 16, hop_length=200, power=1.0)
    copied = inverse(spectrogram(torch.from_numpy(waveform))).numpy()
    return np.pad(copied, (0, len(waveform) - len(copied)))


def test_copies_stand_in_the_order_of_their_quality(prepared: Path) -> None:
    corpus = open_corpus(prepared / "test")
    rows = every_recording(corpus)[::50]
    random = np.random.default_rng(0)
    copies = {
        "same": lambda w: w,
        "griffin-lim": griffin_lim,
        "noise": lambda w: (0.1 * random.normal(size=len(w))).astype(np.float32),
    }
    instruments = Instruments({"encoder": spectrum}, pitch=praat_pitch)
    figures, found = evaluate_copies(copies, corpus, rows, instruments, progress=False)
    table = figures["by_system"]
    same, near, far = (table[name] for name in copies)
    for name in ("mel_error", "f0_error_cents", "voicing_error_percent"):
        assert same[name] == pytest.approx(0, abs=1e-6) and same[name] < near[name]
    assert near["mel_error"] < 0.3 < far["mel_error"]
    assert near["stoi"] > 0.9 > far["stoi"]
    assert near["encoder_similarity_natural"] > 0.99 > far["encoder_similarity_natural"]
    own = table["natural"]["encoder_similarity_own"]
    assert near["encoder_similarity_own"] == pytest.approx(own, abs=0.02)
    assert near["real_time_factor"] > same["real_time_factor"]
    assert "real_time_factor" not in table["natural"]
    assert figures["recordings"] == len(rows) == len(found.rows)


def test_every_recording_has_another_one_of_its_speaker() -> None:
    people = [Utterance(f"{s}{i}", "x.wav", s, "TEXT") for s in "ab" for i in range(3)]
    alone = Utterance("c0", "x.wav", "c", "TEXT")
    rows = {row.id: row.reference for row in every_recording(Corpus([*people, alone], "x"))}
    assert rows == {"a0": "a1", "a1": "a2", "a2": "a0"} | {
        "b0": "b1",
        "b1": "b2",
        "b2": "b0",
        "c0": "c0",
    }
    with pytest.raises(DataError, match="ids that can name files"):
        every_recording(Corpus([Utterance("a/0", "x.wav", "a")], "x"))
