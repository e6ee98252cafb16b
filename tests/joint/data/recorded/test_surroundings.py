"""Recorded noises and rooms in scenes: planned by a seed, at their levels."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.random import default_rng
from scipy.signal import fftconvolve

from joint.data.choices import Kind
from joint.data.corpus import Corpus
from joint.data.joined import JoinedCorpus
from joint.data.recorded.folders import open_recorded
from joint.data.recorded.surroundings import Noises, Rooms, Surroundings, aligned
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import EARLY, Renderer, power
from joint.data.scenes.stream import SceneStream
from joint.data.storage.store import JoinedStore, PackedStore
from joint.errors import DataError
from joint.scene import Noise, Room, Stretch
from joint.units import SAMPLE_RATE

PLANNER = ScenePlanner(
    enrollments=2,
    chunk=1.0,
    enrollment=1.0,
    noise_probability=0.8,
    room_probability=0.8,
    enrollment_noise_probability=0.8,
    enrollment_room_probability=0.8,
    recorded_noise_share=0.7,
    recorded_room_share=0.6,
)


def response(delay: int, decay: float, seed: int, scale: float) -> np.ndarray:
    """A direct path after `delay` samples and a decaying tail, at a scale."""
    tail = default_rng(seed).normal(0.0, 0.2, 6000) * np.exp(-np.arange(6000) / decay)
    tail[0] = 1.0
    return scale * np.r_[np.zeros(delay), tail]


@pytest.fixture(scope="module")
def folders(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real speech as babble, tones as music, noise, one of it a click and one with a pause; two
    responses of one room and one of another, the first of two channels."""
    folder = tmp_path_factory.mktemp("recorded")
    times = np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    sounds = {
        "noise/hiss.wav": default_rng(0).normal(0.0, 0.1, 4 * SAMPLE_RATE),
        "noise/click.wav": default_rng(1).normal(0.0, 0.1, 500),
        "music/tone.wav": 0.3 * np.sin(2 * np.pi * 440.0 * times),
    }
    sounds |= {f"speech/{i}.wav": corpus.utterances[4 * i].waveform() for i in range(9)}
    rooms = {
        "hall/1.wav": np.stack([response(80, 900.0, 1, 0.01), response(80, 9.0, 7, 0.9)], axis=1),
        "hall/2.wav": response(300, 900.0, 2, -0.2),
        "booth/1.wav": response(0, 60.0, 3, 0.5),
    }
    for name, waveform in {f"noises/{n}": w for n, w in sounds.items()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, waveform, SAMPLE_RATE)
    for name, waveform in rooms.items():
        (folder / "rooms" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "rooms" / name, waveform, SAMPLE_RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def noises(folders: Path) -> Noises:
    corpus = open_recorded(folders / "noises", Kind.NOISE)
    return Noises(corpus, PackedStore(corpus, [1.0], folders / "cache"))


@pytest.fixture(scope="module")
def rooms(folders: Path) -> Rooms:
    corpus = open_recorded(folders / "rooms", Kind.ROOMS)
    return Rooms(corpus, PackedStore(corpus, [1.0], folders / "cache"))


@pytest.fixture(scope="module")
def planner(noises: Noises, rooms: Rooms) -> ScenePlanner:
    return PLANNER.within(Surroundings(noises, rooms))


def planned(planner: ScenePlanner, corpus: Corpus) -> Iterator[tuple[Noise | None, Room | None]]:
    """Noises and rooms of many scenes and their enrolments."""
    for epoch in range(20):
        for index in range(len(corpus)):
            scene = planner.plan(corpus, 5, epoch, index)
            yield scene.noise, scene.room
            yield from ((e.noise, e.room) for e in scene.enrollments)


def test_kinds_levels_and_numbers_of_voices(noises: Noises) -> None:
    rng = default_rng(3)
    draws = [noises.draw(rng, 16_000) for _ in range(3000)]
    of_file = [u.speaker for u in noises.corpus.utterances]
    seen: Counter[str] = Counter()
    for stretches, snr_db in draws:
        (kind,) = {of_file[s.file] for s in stretches}
        seen[kind] += 1
        low, high = {"noise": (0, 15), "music": (5, 15), "speech": (13, 20)}[kind]
        assert low <= snr_db <= high
        count = len({s.file for s in stretches})
        assert count == len(stretches) and (3 <= count <= 7 if kind == "speech" else count == 1)
        for stretch in stretches:
            spare = noises.corpus.utterances[stretch.file].samples - 16_000
            assert 0 <= stretch.start <= max(spare, 0)
    assert all(900 < count < 1100 for count in seen.values()) and len(seen) == 3
    assert {len(s) for s, _ in draws} == {1, 3, 4, 5, 6, 7}


def test_stretches_are_those_of_the_files_and_short_files_are_repeated(
    noises: Noises, folders: Path
) -> None:
    place = {u.id: i for i, u in enumerate(noises.corpus.utterances)}
    hiss, _ = soundfile.read(folders / "noises" / "noise" / "hiss.wav")
    found = noises.waveform([Stretch(place["noise/noise/hiss.wav"], 777)], 9000)
    assert found.dtype == np.float32 and np.abs(found - hiss[777:9777]).max() < 1e-4
    click = noises.waveform([Stretch(place["noise/noise/click.wav"], 0)], 1200)
    assert np.array_equal(click[:500], click[500:1000]) and len(click) == 1200
    voices = [Stretch(place[f"noise/speech/{i}.wav"], 0) for i in range(3)]
    babble = noises.waveform(voices, 16_000)
    single = [noises.waveform([voice], 16_000) for voice in voices]
    assert np.allclose(babble, sum(w / np.sqrt(power(w)) for w in single), atol=1e-3)


def test_shares_of_recordings(planner: ScenePlanner, corpus: Corpus) -> None:
    found = list(planned(planner, corpus))
    noises = [noise for noise, _ in found if noise is not None]
    rooms = [room for _, room in found if room is not None]
    assert np.mean([bool(n.recorded) for n in noises]) == pytest.approx(0.7, abs=0.03)
    assert np.mean([bool(r.responses) for r in rooms]) == pytest.approx(0.6, abs=0.03)
    assert any(n.segments for n in noises) and all(not (n.segments and n.recorded) for n in noises)
    never = replace(PLANNER, recorded_noise_share=0.0).within(planner.surroundings)
    assert not any(n.recorded for n, _ in planned(never, corpus) if n is not None)


def test_without_recordings_plans_are_as_ever(planner: ScenePlanner, corpus: Corpus) -> None:
    other = replace(PLANNER, recorded_noise_share=0.1, recorded_room_share=1.0)
    for index in range(len(corpus)):
        assert PLANNER.plan(corpus, 5, 1, index) == other.plan(corpus, 5, 1, index)
    assert planner.plan(corpus, 5, 1, 3) == planner.plan(corpus, 5, 1, 3)


def test_the_level_of_a_recorded_noise(
    planner: ScenePlanner, corpus: Corpus, store: PackedStore, noises: Noises
) -> None:
    scene = next(
        s
        for s in (planner.plan(corpus, 5, 0, i) for i in range(len(corpus)))
        if s.noise is not None and s.noise.recorded
    )
    renderer = Renderer(corpus, store, surroundings=planner.surroundings)
    noisy = renderer.mixture(scene)[0]
    clean = renderer.mixture(replace(scene, noise=None))[0]
    assert scene.noise is not None
    measured = 10 * np.log10(power(clean) / power(noisy - clean))
    assert measured == pytest.approx(scene.noise.snr_db, abs=0.01)


def test_a_pause_in_a_noise_becomes_coloured_noise(
    corpus: Corpus, store: PackedStore, tmp_path: Path
) -> None:
    (tmp_path / "noises").mkdir()
    bark = np.r_[default_rng(0).normal(0.0, 0.1, 800), np.zeros(5 * SAMPLE_RATE)]
    soundfile.write(tmp_path / "noises" / "bark.wav", bark, SAMPLE_RATE)
    files = open_recorded(tmp_path / "noises", Kind.NOISE)
    recorded = Surroundings(Noises(files, PackedStore(files, [1.0], tmp_path / "cache")))
    renderer = Renderer(corpus, store, surroundings=recorded)
    scene = replace(PLANNER, room_probability=0.0).plan(corpus, 5, 0, 0)
    noise = Noise(4, 10.0, (), 0.0, (Stretch(0, 2 * SAMPLE_RATE),))
    with_pause = renderer.mixture(replace(scene, noise=noise))[0]
    coloured = renderer.mixture(replace(scene, noise=replace(noise, recorded=())))[0]
    assert np.array_equal(with_pause, coloured)
    other = renderer.mixture(replace(scene, noise=replace(noise, recorded=(Stretch(0, 0),))))[0]
    assert not np.allclose(other, coloured)


def test_responses_of_one_room_from_their_direct_paths_on(rooms: Rooms) -> None:
    draws = [rooms.draw(default_rng(i), 3) for i in range(300)]
    names = [rooms.corpus.utterances[i].id for i in range(3)]
    assert names == ["rooms/booth/1.wav", "rooms/hall/1.wav", "rooms/hall/2.wav"]
    assert set(draws) == {(0, 0, 0), (1, 2, 1), (2, 1, 2)}
    both = rooms.responses((1, 2))
    assert np.allclose(both[:, 0], 1.0)
    for row, decay, seed in ((0, 900.0, 1), (1, 900.0, 2)):
        expected = response(0, decay, seed, 1.0)[: both.shape[1]]
        length = np.count_nonzero(both[row])
        assert np.abs(both[row, :length] - expected[:length]).max() < 1e-3
    # nothing but what is below -60 dB is cut off
    booth = rooms.responses((0,))[0]
    assert 200 < len(booth) < 600 < both.shape[1]


def test_a_response_is_aligned_whatever_its_sign_and_scale() -> None:
    found = aligned(np.array([0.0, 0.001, -0.5, 0.25, 0.0, 0.0]))
    assert np.allclose(found, [1.0, -0.5])
    assert np.array_equal(aligned(np.array([0.2])), [1.0])


def test_references_keep_the_first_50_ms(
    planner: ScenePlanner, corpus: Corpus, store: PackedStore, rooms: Rooms
) -> None:
    scene = planner.plan(corpus, 5, 0, 0)
    scene = replace(scene, noise=None, room=Room(0, 0.0, (1, 2)), gain_db=0.0)
    renderer = Renderer(corpus, store, surroundings=planner.surroundings)
    mixture, references = renderer.mixture(scene)
    dry = renderer.mixture(replace(scene, room=None))[1]
    responses = rooms.responses((1, 2))
    early = fftconvolve(dry[0], responses[0, :EARLY])[: scene.length]
    assert np.abs(references[0] - early).max() < 1e-4
    late = fftconvolve(dry[0], responses[0])[: scene.length]
    assert np.abs(late - early).max() > 1e-3 and not np.allclose(mixture, references.sum(axis=0))


def test_the_same_batches_on_any_number_of_workers_and_ranks(
    planner: ScenePlanner, corpus: Corpus, store: PackedStore
) -> None:
    stream = SceneStream(corpus, store, planner, 4, seed=11)
    expected = [stream[step] for step in range(6)]
    found = SceneStream(corpus, store, planner, 4, seed=11).batches(2, 2)
    for batch, known in zip(found, expected[2:], strict=False):
        for field in ("mixture", "enrollment", "sources"):
            assert torch.equal(getattr(batch, field), getattr(known, field))
    ranks = [SceneStream(corpus, store, planner, 4, 11, rank, 2)[3] for rank in (0, 1)]
    both = [rank.enrollment for rank in ranks if rank.enrollment is not None]
    assert expected[3].enrollment is not None
    assert torch.equal(torch.cat(both), expected[3].enrollment)


def test_several_folders_are_one_source_of_noise(folders: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    soundfile.write(others / "a.wav", default_rng(5).normal(0.0, 0.1, 9000), SAMPLE_RATE)
    (others / "junk.wav").write_bytes(b"junk")
    parts = {"musan": folders / "noises", "esc": others}
    both = JoinedCorpus({n: open_recorded(p, Kind.NOISE) for n, p in parts.items()})
    packed = [PackedStore(both.member(part), [1.0], folders / "cache") for part in both.parts]
    noises = Noises(both, JoinedStore(packed, [part.start for part in both.parts]))
    assert {kind: len(files) for kind, files in noises.of_kind.items()} == {
        "music": 1,
        "noise": 3,
        "speech": 9,
    }
    assert list(noises.skipped) == ["esc/noise/junk.wav"]


def test_a_folder_of_broken_files(tmp_path: Path) -> None:
    (tmp_path / "noises").mkdir()
    (tmp_path / "noises" / "junk.wav").write_bytes(b"junk")
    corpus = open_recorded(tmp_path / "noises", Kind.NOISE)
    with pytest.raises(DataError, match="no readable recording"):
        PackedStore(corpus, [1.0], tmp_path / "cache")
