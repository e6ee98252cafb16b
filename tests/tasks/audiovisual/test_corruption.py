"""Corruptions of voices and faces, and the quality that notices them."""

from pathlib import Path

import numpy as np
import pytest
from drawn_people import drawn_picture

from joint.audio import read_audio
from tasks.audiovisual.corruption import add_noise, blur, occlude
from tasks.audiovisual.faces.dlib_models import DlibDetector
from tasks.audiovisual.quality import HARMLESS_SNR, LOWEST_SNR, face_quality, voice_quality


@pytest.fixture
def crop() -> np.ndarray:
    """A drawn face, `(150, 150, 3)`, with the grain of a picture."""
    face = drawn_picture(1)[45:195, 15:165].astype(int)
    grain = np.random.default_rng(0).normal(0, 4, face.shape[:2])[..., None]
    return np.clip(face + grain, 0, 255).astype(np.uint8)


def test_noise_has_its_level_and_lowers_the_quality(embedded_corpus: Path) -> None:
    waveform = read_audio(min((embedded_corpus / "WAVE").rglob("*.ogg")))
    rng = np.random.default_rng(0)
    noisy = add_noise(waveform, 6.0, rng)
    noise = noisy - waveform
    level = 10 * np.log10(np.square(waveform).mean() / np.square(noise).mean())
    assert level == pytest.approx(6.0, abs=0.1)
    clean, bad, worse = (
        voice_quality(w) for w in (waveform, noisy, add_noise(waveform, -6.0, rng))
    )
    assert clean[0] == HARMLESS_SNR > bad[0] + 5 > worse[0] + 5 > LOWEST_SNR


def test_a_voice_without_speech_has_the_lowest_quality() -> None:
    found = voice_quality(np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32))
    assert found == [LOWEST_SNR]


def test_blur_keeps_the_light_and_takes_the_edges(crop: np.ndarray) -> None:
    found = [crop, *(blur(crop, sigma) for sigma in (0.01, 0.05))]
    assert all(abs(b.mean() - crop.mean()) < 1 and b.dtype == np.uint8 for b in found)
    edges = [np.abs(np.diff(c.astype(int), axis=0)).mean() for c in found]
    assert edges[0] > edges[1] > edges[2]


def test_what_hides_a_face_lowers_its_quality() -> None:
    pytest.importorskip("dlib")
    detector, picture = DlibDetector(), drawn_picture(1)
    occluded = picture.copy()
    occluded[90:190, 40:140] = 128
    found = [face_quality(p, detector)[0] for p in (picture, blur(picture, 0.01), occluded)]
    assert found[0] > 1 > found[2] == 0
    assert found[1] > found[2]


def test_occlusion_covers_its_share(crop: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    covered = [occlude(crop, 0.4, rng) for _ in range(20)]
    changed = [(c != crop).any(axis=2) for c in covered]
    places = {tuple(np.argwhere(c)[0]) for c in changed}
    assert len(places) > 10  # in another place each time
    for picture in covered:
        grey = (picture == 128).all(axis=2)
        assert grey.mean() == pytest.approx(0.4, abs=0.02)
    assert np.array_equal(occlude(crop, 0.0, rng), crop)
