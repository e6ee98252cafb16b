"""DNSMOS of real recordings is what the package `speechmos` gives."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.errors import JointError
from joint.metrics.speech.dnsmos import Dnsmos, speechmos_folder

REFERENCE = {
    "SPEAKER2430/024300063.ogg": (3.35253, 4.00015, 3.01909, 3.84405),
    "SPEAKER1309/013090181.ogg": (3.60932, 3.71579, 3.11807, 3.43780),
}
"""`speechmos.dnsmos.run(waveform, 16000)` of speechmos 0.0.1.1 with librosa 0.11: sig, bak, ovrl,
p808."""


@pytest.fixture(scope="module")
def dnsmos() -> Dnsmos:
    folder = speechmos_folder()
    if folder is None:
        pytest.skip("the extra `synthesis` is not installed")
    return Dnsmos(folder)


@pytest.mark.parametrize("name", REFERENCE)
def test_equal_to_speechmos(dnsmos: Dnsmos, embedded_corpus: Path, name: str) -> None:
    waveform = read_audio(embedded_corpus / "WAVE" / name)
    assert dnsmos(waveform) == pytest.approx(REFERENCE[name], abs=1e-3)


def test_noise_is_worse(dnsmos: Dnsmos, embedded_corpus: Path) -> None:
    waveform = read_audio(embedded_corpus / "WAVE" / "SPEAKER1309" / "013090181.ogg")
    noise = np.random.default_rng(0).normal(size=len(waveform))
    clean, noisy = dnsmos(waveform), dnsmos(waveform + 0.5 * waveform.std() * noise)
    assert all(bad < good for bad, good in zip(noisy, clean, strict=True))


def test_a_folder_without_networks(tmp_path: Path) -> None:
    with pytest.raises(JointError, match=r"no sig_bak_ovr\.onnx"):
        Dnsmos(tmp_path)
    with pytest.raises(JointError, match="no such folder"):
        Dnsmos(tmp_path / "nowhere")
    for name in ("sig_bak_ovr.onnx", "model_v8.onnx"):
        (tmp_path / name).write_bytes(b"no network")
    pytest.importorskip("onnxruntime")
    with pytest.raises(JointError, match="expected a network of DNSMOS"):
        Dnsmos(tmp_path)
