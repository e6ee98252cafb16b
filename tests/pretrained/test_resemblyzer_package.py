"""Resemblyzer as a judge: the weights of its package, and its preprocessing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from joint.audio import read_audio
from joint.errors import JointError
from pretrained import resemblyzer_package
from pretrained.resemblyzer import FILE, STATE
from pretrained.resemblyzer_package import around_speech, packaged_encoder, without_silences

NARROW = Path(__file__).with_name("resemblyzer_narrow.safetensors")

REFERENCE = {
    ("SPEAKER0005/000050003.ogg", 1.0): (53_760, 0.071274),
    ("SPEAKER0005/000050003.ogg", 0.01): (51_840, 0.023435),
    ("SPEAKER1029/010290362.ogg", 1.0): (34_560, 0.022385),
}
"""Samples and mean magnitude of `preprocess_wav` of resemblyzer 0.1.4, by recording and gain."""


@pytest.mark.parametrize(("name", "gain"), REFERENCE)
def test_preprocessing_is_that_of_the_package(
    embedded_corpus: Path, name: str, gain: float
) -> None:
    pytest.importorskip("webrtcvad")
    samples, magnitude = REFERENCE[name, gain]
    trimmed = without_silences(np.float32(gain) * read_audio(embedded_corpus / "WAVE" / name))
    assert len(trimmed) == samples and trimmed.dtype == np.float32
    assert np.abs(trimmed).mean() == pytest.approx(magnitude, abs=2e-5)


def test_without_speech_nothing_is_cut() -> None:
    pytest.importorskip("webrtcvad")
    for waveform in (np.zeros(16_000, np.float32), np.full(100, 0.1, np.float32)):
        assert without_silences(waveform) is waveform


def test_windows_around_speech_are_kept() -> None:
    speech = np.zeros(40, bool)
    speech[20:30] = True
    speech[5] = True  # one window alone is no speech
    # an average over 8 windows is above a half from 21 to 28, and 3 more on both sides are kept
    assert np.flatnonzero(around_speech(speech)).tolist() == list(range(17, 32))
    assert len(around_speech(np.ones(2, bool))) == 2


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with narrow weights in Resemblyzer's place."""
    folder = tmp_path / "narrow_resemblyzer"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError('its code is not needed')")
    prefix = f"{STATE}/"
    state = {
        n.removeprefix(prefix): v for n, v in load_file(NARROW).items() if n.startswith(prefix)
    }
    torch.save({STATE: state}, folder / FILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(resemblyzer_package, "PACKAGE", folder.name)
    return folder


def test_weights_are_read_and_code_is_not(installed: Path, embedded_corpus: Path) -> None:
    encoder = packaged_encoder()
    waveform = read_audio(embedded_corpus / "WAVE" / "SPEAKER0005" / "000050003.ogg")
    with torch.inference_mode():
        found = encoder(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
    assert float(found.embedding.norm()) == pytest.approx(1)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resemblyzer_package, "PACKAGE", "resemblyzer_that_is_nowhere")
    with pytest.raises(JointError, match="pip install --no-deps resemblyzer"):
        packaged_encoder()
