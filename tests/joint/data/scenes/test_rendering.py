"""Rendered scenes hold what their plans say: levels, rooms, references."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import convolve

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.scenes.augmentation import coloured_noise
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer, room_response
from joint.data.storage.store import FileStore, PackedStore
from joint.scene import Scene

PLANNER = ScenePlanner(
    speakers=3,
    enrollments=2,
    chunk=1.5,
    enrollment=2.0,
    overlap=(0.5, 1.0),
    noise_probability=1.0,
    room_probability=1.0,
    enrollment_noise_probability=1.0,
    enrollment_room_probability=1.0,
)
SCENES = range(12)
INAUDIBLE = 200.0


@pytest.fixture(scope="module")
def renderer(corpus: Corpus, store: PackedStore) -> Renderer:
    return Renderer(corpus, store)


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, corpus: Corpus) -> Scene:
    return PLANNER.plan(corpus, 3, 0, request.param)


def level_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform, dtype=np.float64))))


def only(scene: Scene, kept: int) -> Scene:
    """The scene with every source but the target and `kept` out of hearing, and no noise."""
    quiet = [s if i in (0, kept) else replace(s, snr_db=INAUDIBLE) for i, s in _sources(scene)]
    return replace(scene, sources=tuple(quiet), noise=None)


def _sources(scene: Scene) -> list:
    return list(enumerate(scene.sources))


@pytest.mark.parametrize("dry", [True, False])
def test_snr_of_each_source(renderer: Renderer, scene: Scene, dry: bool) -> None:
    if dry:
        scene = replace(scene, room=None)
    target, _ = renderer.mixture(only(scene, 0))
    for i, source in _sources(scene)[1:]:
        both, _ = renderer.mixture(only(scene, i))
        interferer = both.astype(np.float64) - target
        assert level_db(target) - level_db(interferer) == pytest.approx(source.snr_db, abs=0.01)


@pytest.mark.parametrize("dry", [True, False])
def test_snr_of_the_noise(renderer: Renderer, scene: Scene, dry: bool) -> None:
    if dry:
        scene = replace(scene, room=None)
    assert scene.noise is not None
    noisy, _ = renderer.mixture(scene)
    clean, _ = renderer.mixture(replace(scene, noise=None))
    noise = noisy.astype(np.float64) - clean
    assert level_db(clean) - level_db(noise) == pytest.approx(scene.noise.snr_db, abs=0.01)


def test_a_dry_mixture_is_the_sum_of_its_sources(renderer: Renderer, scene: Scene) -> None:
    dry = replace(scene, room=None)
    _, references = renderer.mixture(dry)
    clean, _ = renderer.mixture(replace(dry, noise=None))
    np.testing.assert_allclose(clean, references.sum(axis=0), atol=1e-6)
    target, segment = references[0], dry.sources[0].segment
    gain = 10 ** (dry.gain_db / 20)
    read = renderer.store.read(segment.utterance, segment.speed, segment.start, segment.length)
    begin = dry.sources[0].offset
    np.testing.assert_allclose(target[begin : begin + segment.length], gain * read, atol=1e-6)
    assert not target[:begin].any() and not target[begin + segment.length :].any()


def test_a_reference_keeps_the_first_50_ms_of_the_room(renderer: Renderer, scene: Scene) -> None:
    assert scene.room is not None
    _, references = renderer.mixture(scene)
    _, dry = renderer.mixture(replace(scene, room=None))
    responses = room_response(scene.room, 3)
    heard = [convolve(d, h, method="fft")[: scene.length] for d, h in zip(dry, responses)]  # noqa: B905
    for i, reference in enumerate(references):
        early = np.convolve(dry[i], responses[i][:800])[: scene.length]
        # the interferers' levels are set on the signals with the room's tail
        gain = 10 ** ((level_db(heard[0]) - level_db(heard[i]) - scene.sources[i].snr_db) / 20)
        np.testing.assert_allclose(reference, (gain if i else 1.0) * early, atol=1e-5)


def test_rooms(corpus: Corpus) -> None:
    for index in SCENES:
        room = PLANNER.plan(corpus, 3, 0, index).room
        assert room is not None
        responses = room_response(room, 3)
        assert responses.shape[0] == 3 and responses.shape[1] > 800
        assert (responses[:, 0] == 1.0).all() and (np.abs(responses) <= 1.0).all()
        assert np.square(responses[:, :800]).sum() > np.square(responses[:, 800:]).sum()


def test_loudness_scales_all_together(renderer: Renderer, scene: Scene) -> None:
    mixture, references = renderer.mixture(scene)
    louder, scaled = renderer.mixture(replace(scene, gain_db=scene.gain_db + 6.0))
    np.testing.assert_allclose(louder, mixture * 10**0.3, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(scaled, references * 10**0.3, rtol=1e-5, atol=1e-7)


def test_an_enrolment_is_repeated_to_its_length(renderer: Renderer, corpus: Corpus) -> None:
    long = replace(PLANNER, enrollment=9.0, enrollment_room_probability=0.0)
    scene = replace(long, enrollment_noise_probability=0.0).plan(corpus, 3, 0, 0)
    enrollment = scene.enrollments[0]
    segment = enrollment.segment
    assert segment.length < scene.enrollment_length == 144_000
    waveform = renderer.enrollment(scene, enrollment)
    read = renderer.store.read(segment.utterance, segment.speed, segment.start, segment.length)
    np.testing.assert_array_equal(waveform, np.resize(read, 144_000))


def test_noise_on_an_enrolment(renderer: Renderer, scene: Scene) -> None:
    for enrollment in scene.enrollments:
        assert enrollment.noise is not None
        noisy = renderer.enrollment(scene, enrollment).astype(np.float64)
        clean = renderer.enrollment(scene, replace(enrollment, noise=None))
        if enrollment.segment.length == scene.enrollment_length:
            measured = level_db(clean) - level_db(noisy - clean)
            assert measured == pytest.approx(enrollment.noise.snr_db, abs=0.01)


@pytest.mark.parametrize("slope", [0.0, -3.0, -6.0])
def test_the_slope_of_coloured_noise(slope: float) -> None:
    power = np.square(np.abs(np.fft.rfft(coloured_noise(1, 2**18, slope))))
    octaves = [level_db(np.sqrt(power[2**k : 2 ** (k + 1)])) for k in range(9, 17)]
    assert np.diff(octaves).mean() == pytest.approx(slope, abs=0.2)


def test_a_batch_holds_what_was_planned(renderer: Renderer, corpus: Corpus) -> None:
    planner = replace(PLANNER, absent_probability=0.5)
    scenes = [planner.plan(corpus, 3, 0, i) for i in range(6)]
    batch = renderer.batch(scenes)
    assert batch.mixture is not None and batch.sources is not None
    assert batch.enrollment is not None and batch.enrollment_source is not None
    assert batch.speaker is not None and batch.source_speakers is not None
    assert batch.enrollment.shape == (6, 2, 32_000) and batch.mixture.shape == (6, 24_000)
    assert batch.sources.shape == (6, 3, 24_000)
    assert {str(t.dtype) for t in (batch.enrollment, batch.mixture, batch.sources)} == {
        "torch.float32"
    }
    assert batch.enrollment_source.tolist() == [[e.source for e in s.enrollments] for s in scenes]
    for i in range(6):
        for k, source in enumerate(batch.enrollment_source[i].tolist()):
            known = batch.source_speakers[i].tolist()
            enrolled = int(batch.speaker[i, k])
            assert (enrolled == known[source]) if source >= 0 else (enrolled not in known)
    assert batch.augmentation is not None and (batch.augmentation == 3).all()
    assert batch.scene_ids == [s.scene_id for s in scenes] and len(batch) == 6
    assert batch.texts is None  # the chunk cuts words


def test_words_come_with_whole_utterances(renderer: Renderer, corpus: Corpus) -> None:
    planner = ScenePlanner(chunk=12.0)
    scenes = [planner.plan(corpus, 3, 0, i) for i in range(3)]
    words = [[corpus.utterances[x.segment.utterance].text for x in s.sources] for s in scenes]
    assert renderer.batch(scenes).texts == words


def test_phones_of_whole_utterances(aligned: Path) -> None:
    corpus = open_corpus(aligned)
    planner = ScenePlanner(delay=(0.3, 0.7), speeds=(1.0, 0.8), snr_db=(0.0, 0.0))
    plans = [planner.plan(corpus, 3, 0, i) for i in range(4)]
    batch = Renderer(corpus, FileStore(corpus)).batch(plans)
    assert batch.mixture is not None and batch.mixture_lengths is not None
    assert batch.source_phones is not None and batch.source_phone_ends is not None
    assert batch.source_phone_starts is not None
    assert batch.source_phones_known is not None and batch.sources is not None
    assert batch.mixture.shape == (4, max(s.length for s in plans))
    for i, plan in enumerate(plans):
        assert int(batch.mixture_lengths[i]) == plan.length
        assert (batch.mixture[i, plan.length :] == 0).all()
        for n, source in enumerate(plan.sources):
            utterance = corpus.utterances[source.segment.utterance]
            known = utterance.pronunciation
            assert bool(batch.source_phones_known[i, n]) == (known is not None)
            said = batch.source_phones[i, n]
            said, ends = said[said >= 0], batch.source_phone_ends[i, n][said >= 0]
            starts = batch.source_phone_starts[i, n][: len(said)]
            assert said.tolist() == ([] if known is None else known.tolist())
            if len(said):
                assert (ends.diff() > 0).all() and int(starts[0]) >= source.offset
                assert (starts < ends).all() and (starts[1:] >= ends[:-1]).all()
                assert int(ends[-1]) <= source.offset + source.segment.length
                # where the phones end, the voice ends
                voice = batch.sources[i, n].square()
                assert float(voice[int(ends[-1]) :].sum() / voice.sum()) < 0.05


def test_enrolments_alone_have_no_mixture(renderer: Renderer, corpus: Corpus) -> None:
    planner = ScenePlanner(speakers=0, enrollment=1.0)
    batch = renderer.batch([planner.plan(corpus, 3, 0, i) for i in range(3)])
    assert batch.present() == {
        "scene_ids",
        "enrollment",
        "enrollment_lengths",
        "speaker",
        "utterance",
        "speed",
        "phrase",
        "enrollment_texts",
        "augmentation",
    }
