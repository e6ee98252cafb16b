"""What is asked of real recordings, and what encoders make of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import tiny_encoder

from analysis.probing import study
from analysis.probing.layers import EMBEDDING, FEATURES, LAST, layer_outputs
from analysis.probing.pitch import pitch_statistics
from analysis.probing.study import PHONES, QUESTIONS, Material, probe_encoder, spread, untrained
from analysis.probing.targets import changed, halves, phone_instants
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import DataError


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def material(corpus: Corpus) -> Material:
    return Material.of(corpus, 50)


def test_layers_are_what_the_encoder_gives(material: Material) -> None:
    encoder = tiny_encoder().eval()
    instants = [np.array([200, 200 + 160 * 7, 200 + 160 * 9 + 70]) for _ in material.waveforms]
    outputs = layer_outputs(encoder, material.waveforms, instants, "float32")
    assert next(iter(outputs.pooled)) == FEATURES and list(outputs.pooled)[-2:] == [LAST, EMBEDDING]
    for i in (0, 5):
        with torch.inference_mode():
            alone = encoder(torch.from_numpy(material.waveforms[i])[None], None, None)
        np.testing.assert_allclose(outputs.pooled[EMBEDDING][i], alone.embedding[0], atol=1e-4)
        own = alone.layers["tdnn2"].features[0]
        np.testing.assert_allclose(outputs.pooled["tdnn2"][i, :16], own.mean(dim=1), atol=1e-4)
        deviation = own.std(dim=1, correction=0)
        np.testing.assert_allclose(outputs.pooled["tdnn2"][i, 16:], deviation, atol=1e-3)
        frames = outputs.frames["tdnn2"][3 * i : 3 * i + 3]
        np.testing.assert_allclose(frames, own[:, [0, 7, 9]].T, atol=1e-4)


def test_questions(material: Material) -> None:
    names = {target.name for target in material.targets}
    assert {"speaker", "duration", "speaking rate", "pitch", "word order", PHONES} <= names
    assert names | material.missing.keys() <= set(QUESTIONS)
    for target in material.targets:
        assert len(target.values) == len(target.rows), target.name
        assert np.isfinite(target.values).all()
    rate = next(t for t in material.targets if t.name == "speaking rate")
    assert 3 < np.median(rate.values) < 25


def test_pitch_of_known_tones() -> None:
    pytest.importorskip("parselmouth")
    time = np.arange(16_000) / 16_000
    octave = sum(np.sin(2 * np.pi * 200 * k * time) / k for k in range(1, 6))
    mean, deviation = pitch_statistics(0.1 * octave.astype(np.float32))
    assert mean == pytest.approx(12.0, abs=0.1) and deviation < 0.1
    both = np.concatenate(
        [octave, sum(np.sin(2 * np.pi * 100 * k * time) / k for k in range(1, 6))]
    )
    mean, deviation = pitch_statistics(0.1 * both.astype(np.float32))
    assert (mean, deviation) == pytest.approx((6.0, 6.0), abs=0.3)
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert np.isnan(pitch_statistics(1e-3 * noise)).all()


def test_swapped_halves_hold_the_same_sound(material: Material) -> None:
    for i, utterance in enumerate(material.utterances):
        if utterance.words is None or len(utterance.words) < 2:
            continue
        original, swapped = halves(utterance, material.waveforms[i])
        assert len(original) == len(swapped)
        np.testing.assert_allclose(np.mean(original**2), np.mean(swapped**2), rtol=0.1)
        assert not np.allclose(original, swapped)
        np.testing.assert_array_equal(np.sort(original), np.sort(swapped))  # the same fades in both


def test_every_fourth_recording_stays_as_it_is(material: Material) -> None:
    versions = [changed(w, i) for i, w in enumerate(material.waveforms[:8])]
    for i, (version, waveform) in enumerate(zip(versions, material.waveforms, strict=False)):
        assert version.shape == waveform.shape and np.isfinite(version).all()
        assert np.array_equal(version, waveform) == (i % 4 == 0)


def test_instants_are_spoken(material: Material) -> None:
    for i, utterance in enumerate(material.utterances):
        samples, phones = phone_instants(utterance, 15, i)
        assert (utterance.phones is None) == (len(samples) == 0)
        if utterance.phones is not None:
            at = np.repeat(utterance.phones.phones, np.diff(utterance.phones.ends, prepend=0))
            assert (at[samples] == phones).all() and (phones > 0).all()


def test_as_many_of_each_speaker(corpus: Corpus) -> None:
    chosen = spread(corpus, 12)
    counts = {speaker: sum(u.speaker == speaker for u in chosen) for speaker in corpus.speakers}
    assert set(counts.values()) == {2}


def test_people_are_told_apart_by_their_features(corpus: Corpus) -> None:
    wanted = Material.of(corpus, 50, ["level", "speaker"])
    found = probe_encoder(tiny_encoder(), wanted, [FEATURES, EMBEDDING])
    assert {f.layer for f in found} == {FEATURES, EMBEDDING}
    speaker = [f for f in found if f.target == "speaker" and f.layer == FEATURES]
    assert max(f.value for f in speaker) > 1.5 / 6


def test_an_untrained_encoder_has_statistics_and_is_its_own(material: Material) -> None:
    encoder = untrained(tiny_encoder, material.waveforms)
    mean = encoder.backbone.norms[0].running_mean
    assert mean is not None and float(mean.abs().max()) > 0 and not encoder.training


def test_an_unknown_question_is_refused_before_a_recording_is_read(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "readable", lambda utterances: pytest.fail("recordings were read"))
    with pytest.raises(DataError, match=r"pich: found an unknown question; .*pitch"):
        Material.of(corpus, 50, ["speaker", "pich"])


def test_what_is_refused(corpus: Corpus, prepared: Path) -> None:
    with pytest.raises(DataError, match=r"shoe size.*unknown question.*speaker"):
        Material.of(corpus, 50, ["shoe size"])
    with pytest.raises(DataError, match="joint align"):
        Material.of(open_corpus(prepared / "test"), 50, [PHONES])
    with pytest.raises(DataError, match=r"tdnn9.*tdnn1"):
        probe_encoder(tiny_encoder(), Material.of(corpus, 50, ["speaker"]), ["tdnn9"])
