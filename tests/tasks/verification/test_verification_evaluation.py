"""The verification evaluation with a perfect encoder, and with bad recordings."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.data.corpus import Corpus, Utterance
from joint.errors import DataError, JointError
from tasks.verification.backends.scoring import Backend, score_trials
from tasks.verification.embedding import bounded_batches, embed_files
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

PITCH = {"s0": 200, "s1": 400, "s2": 800, "s3": 1600}
PEOPLE = {"s0": ("f", 8), "s1": ("f", 30), "s2": ("m", 30), "s3": ("m", 9)}


def bands(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """Energy around each pitch, which distinguishes the speakers below at any duration."""
    rows = []
    for waveform in waveforms:
        power = np.abs(np.fft.rfft(waveform, 16_000)) ** 2
        rows.append([power[p - 20 : p + 20].sum() for p in PITCH.values()])
    return np.array(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Corpus:
    """Four speakers, three tones each, of 0.4 to 0.9 s."""
    people = {}
    for number, speaker in enumerate(PITCH):
        gender, age = PEOPLE[speaker]
        for take in range(3):
            name = f"{speaker}-{take}"
            time = np.arange(6400 + 3200 * take + 800 * number) / 16_000
            soundfile.write(
                tmp_path / f"{name}.wav", 0.3 * np.sin(2 * np.pi * PITCH[speaker] * time), 16_000
            )
            people[name] = Utterance(
                name, tmp_path / f"{name}.wav", speaker, "", gender=gender, age=age
            )
    return Corpus(list(people.values()), tmp_path)


def all_pairs(folder: Corpus) -> Trials:
    speakers = np.array([person.speaker for person in folder.utterances])
    first, second = np.triu_indices(len(speakers), k=1)
    labels = speakers[first] == speakers[second]
    return Trials(Path("trials"), labels, list(folder.by_id), first, second)


def test_an_encoder_that_cannot_err(folder: Corpus, tmp_path: Path):
    scores = tmp_path / "out" / "scores.csv"
    figures = evaluate_verification(bands, folder, all_pairs(folder), scores, progress=False)
    assert (figures["eer_percent"], figures["min_dcf_p01"], figures["min_dcf_p05"]) == (0, 0, 0)
    assert (figures["trials"], figures["target_trials"]) == (66, 12)
    assert figures["skipped_trials"] == 0
    rows = list(csv.DictReader(scores.open()))
    assert len(rows) == 66
    assert list(rows[0]) == ["label", "utt1", "utt2", "score"]
    assert min(float(r["score"]) for r in rows if r["label"] == "1") > 0.99


def test_groups_are_pairs_of_gender_and_of_age(folder: Corpus):
    groups = evaluate_verification(bands, folder, all_pairs(folder), progress=False)["by_group"]
    assert list(groups) == ["adult-adult", "adult-child", "child-child", "f-f", "f-m", "m-m"]
    assert groups["f-f"]["trials"] == groups["m-m"]["trials"] == 15
    assert groups["f-f"]["eer_percent"] == 0
    mixed = groups["f-m"]  # two genders are never one speaker: no EER, but false alarms
    assert mixed["trials"] == 36 and mixed["target_trials"] == 0
    assert mixed["eer_percent"] is None and mixed["miss_percent"] is None
    assert mixed["false_alarm_percent"] == 0


def test_an_unreadable_recording_leaves_its_trials_out(folder: Corpus):
    Path(folder.by_id["s0-0"].path).write_bytes(b"not audio")
    figures = evaluate_verification(bands, folder, all_pairs(folder), progress=False)
    assert (figures["trials"], figures["skipped_trials"]) == (55, 11)
    assert (figures["utterances"], figures["skipped_utterances"]) == (11, 1)


def test_each_recording_is_embedded_once_in_bounded_batches(folder: Corpus):
    seen: list[list[int]] = []

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        seen.append([len(w) for w in waveforms])
        return bands(waveforms)

    paths = {name: person.path for name, person in folder.by_id.items()}
    embedded = embed_files(embed, paths, batch_seconds=2.0)
    assert embedded.names == list(paths)
    assert sum(map(len, seen)) == 12
    assert all(len(batch) * max(batch) <= 32_000 for batch in seen)
    alone = np.concatenate([embed_files(bands, {n: p}).embeddings for n, p in paths.items()])
    assert np.array_equal(embedded.embeddings, alone)


def test_a_long_recording_has_a_batch_of_its_own():
    batches = bounded_batches({"a": 2.0, "b": 600.0, "c": 3.0, "d": 1.0}, 6.0)
    assert batches == [["b"], ["c", "a"], ["d"]]


def test_no_readable_recording_at_all(tmp_path: Path):
    with pytest.raises(DataError, match="none that can be read"):
        embed_files(bands, {"a": tmp_path / "a.wav"})


@pytest.mark.parametrize("bad", [np.ones(12), np.ones((2, 3)), np.full((12, 3), np.nan)])
def test_an_encoder_that_gives_nonsense_is_refused(folder: Corpus, bad: np.ndarray):
    paths = {name: person.path for name, person in folder.by_id.items()}
    with pytest.raises(JointError, match=r"embed: .*finite embeddings \(12, E\)"):
        embed_files(lambda _: bad, paths)


def test_cosine_scores_of_known_angles():
    degrees = np.array([0.0, 60.0, 90.0, 180.0])
    angles = np.deg2rad(degrees)
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1.0], [5.0], [0.1], [2.0]]
    scores = score_trials(Backend(), embeddings, np.array([0, 0, 0, 1]), np.array([1, 2, 3, 3]))
    assert scores == pytest.approx([0.5, 0.0, -1.0, -0.5], abs=1e-6)
    assert score_trials(Backend(), np.zeros((2, 3)), np.array([0]), np.array([1])) == 0
