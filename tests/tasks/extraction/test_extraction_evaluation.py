"""The extraction evaluation with extractors whose figures are known beforehand."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from joint.data.corpus import Corpus, Utterance
from joint.errors import AudioError, DataError, JointError
from joint.metrics.perceptual import perceptual, pesq_installed
from tasks.extraction.evaluate import Extract, evaluate_extraction
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import render

PEOPLE = {"a": ("f", 8), "b": ("f", 30), "c": ("m", 30)}


def speech_like(seed: int, seconds: float) -> np.ndarray:
    """Noise with syllables: loud enough in places for PESQ and STOI to find speech."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16_000)) / 16_000
    noise = np.convolve(random.normal(size=len(time)), np.ones(8) / 8, mode="same")
    return 0.2 * noise * np.sin(2 * np.pi * (2 + seed % 3) * time) ** 2


@pytest.fixture
def folder(tmp_path: Path) -> Corpus:
    people = {}
    for number, (speaker, (gender, age)) in enumerate(PEOPLE.items()):
        for take in range(2):
            name = f"{speaker}{take}"
            waveform = speech_like(10 * number + take, 1.2 + 0.2 * number)
            soundfile.write(tmp_path / f"{name}.wav", waveform, 16_000, subtype="FLOAT")
            people[name] = Utterance(
                name, tmp_path / f"{name}.wav", speaker, "ONE TWO", gender=gender, age=age
            )
    return Corpus(list(people.values()), tmp_path)


MIXTURES = MixtureList(
    Path("list.csv"),
    (
        MixtureRow("m0", "a0", "b0", "a1", 0.0),
        MixtureRow("m1", "b0", "c0", "b1", 3.0),
        MixtureRow("m2", "c0", "a0", "c1", -2.0),
        MixtureRow("m3", "a1", "c1", "a0", 0.0),
    ),
)


def knowing(folder: Corpus, answer: str) -> Extract:
    """An extractor that looks the answer up, by the mixture that it is given."""
    rendered = [render(row, folder) for row in MIXTURES]

    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        row = next(r for r in rendered if np.array_equal(r.mixture, mixture))
        assert np.array_equal(row.enrollment, enrollment)
        return getattr(row, answer)

    return extract


def evaluated(extract: Extract, folder: Corpus, **options) -> dict:
    return evaluate_extraction(extract, folder, MIXTURES, progress=False, **options)


def test_the_mixture_itself_gains_nothing(folder: Corpus):
    figures = evaluated(lambda mixture, _: mixture, folder)
    assert figures["si_sdr_improvement_db"] == 0
    assert figures["si_sdr_improvement_median_db"] == 0
    assert figures["si_sdr_db"] == pytest.approx(np.mean([r.snr_db for r in MIXTURES]), abs=0.3)
    assert figures["improved_share"] == 0
    assert figures["wrong_speaker_share"] >= 0.25  # at −2 dB the mixture is closer to the other
    assert figures["mixtures"] == 4 and figures["skipped_mixtures"] == 0
    assert figures["wer_percent"] is None


def test_an_oracle_gains_all(folder: Corpus):
    figures = evaluated(knowing(folder, "reference"), folder)
    assert figures["si_sdr_improvement_db"] > 80
    assert figures["improved_share"] == 1 and figures["wrong_speaker_share"] == 0
    assert figures["stoi"] == pytest.approx(1, abs=1e-3)
    if pesq_installed():
        assert figures["pesq"] > 4.5 and figures["pesq_failures"] == 0


def test_the_interferer_is_the_wrong_speaker(folder: Corpus):
    figures = evaluated(knowing(folder, "interference"), folder)
    assert figures["wrong_speaker_share"] == 1 and figures["improved_share"] == 0
    assert figures["si_sdr_improvement_db"] < -10


@pytest.mark.parametrize("which", [0, 1])
def test_either_of_two_interferers_is_the_wrong_speaker(folder: Corpus, which: int):
    """And mixtures of three are in no group of pairs."""
    row = MixtureRow("m", "a0", "b0", "a1", 0.0, second_interferer="c0", second_snr_db=0.0)
    other = render(row, folder).interferers[which]
    mixtures = MixtureList(Path("list.csv"), (row,))
    figures = evaluate_extraction(lambda m, e: other, folder, mixtures, progress=False)
    assert figures["wrong_speaker_share"] == 1 and figures["improved_share"] == 0
    assert not {name for name in figures["by_group"] if "gender" in name or "-" in name}


def test_groups_are_pairs_of_gender_and_the_age_of_the_target(folder: Corpus):
    groups = evaluated(knowing(folder, "reference"), folder, perceptual=False)["by_group"]
    counts = {name: figures["mixtures"] for name, figures in groups.items()}
    assert counts == {
        "adult": 2,
        "child": 2,
        "cut target": 1,
        "different gender": 3,
        "f-f": 1,
        "f-m": 3,
        "same gender": 1,
        "whole target": 3,
    }
    assert all(group["pesq"] is None for group in groups.values())


def test_silence_has_figures_too(folder: Corpus):
    figures = evaluated(lambda mixture, _: np.zeros_like(mixture), folder)
    assert math.isfinite(figures["si_sdr_db"]) and figures["si_sdr_improvement_db"] < -50
    assert figures["improved_share"] == 0
    assert figures["stoi"] is None and figures["pesq"] is None
    assert figures["stoi_failures"] == 4
    assert figures["pesq_failures"] == (4 if pesq_installed() else None)


def test_files_that_are_written(folder: Corpus, tmp_path: Path):
    output, scores = tmp_path / "wav", tmp_path / "deep" / "scores.csv"
    evaluated(lambda mixture, _: mixture, folder, output=output, scores=scores, limit=2)
    assert sorted(path.name for path in output.iterdir()) == ["m0.wav", "m1.wav"]
    written = soundfile.read(output / "m0.wav")[0]
    assert np.allclose(written, render(MIXTURES.rows[0], folder).mixture, atol=1e-4)
    rows = list(csv.DictReader(scores.open()))
    assert [row["mix_id"] for row in rows] == ["m0", "m1"]
    assert float(rows[0]["si_sdr_improvement_db"]) == 0


def test_a_list_at_8_khz_is_scored_at_8_khz(folder: Corpus, tmp_path: Path):
    rows = tuple(replace(row, sample_rate=8_000) for row in MIXTURES)
    narrow = MixtureList(Path("narrow.csv"), rows)
    known = [render(row, folder) for row in rows]
    given: list[np.ndarray] = []

    def oracle(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        """The reference, with noise above the band of the list, which no figure may see."""
        own = known[len(given)]
        given.append(mixture)
        assert len(mixture) == 2 * len(own.mixture) and len(enrollment) == 2 * len(own.enrollment)
        above = np.cos(2 * np.pi * 6_000 / 16_000 * np.arange(len(mixture)))
        return soxr.resample(own.reference, 8_000, 16_000) + 0.1 * above.astype(np.float32)

    options = {"output": tmp_path, "progress": False}
    figures = evaluate_extraction(oracle, folder, narrow, **options)
    assert figures["sample_rate_hz"] == 8_000 and len(given) == len(rows)
    # What is at the edge of the band is lost on the way to 16 kHz and back.
    assert figures["si_sdr_improvement_db"] > 15 and figures["stoi"] > 0.99
    estimate, rate = soundfile.read(tmp_path / "m0.wav")
    assert rate == 8_000 and len(estimate) == len(known[0].mixture)
    if pesq_installed():
        assert figures["pesq"] > 4
    spectrum = np.abs(np.fft.rfft(given[0]))
    half = len(spectrum) // 2
    assert spectrum[half + len(spectrum) // 16 :].max() < 1e-3 * spectrum[:half].max()
    same = evaluate_extraction(lambda mixture, _: mixture, folder, narrow, progress=False)
    assert same["si_sdr_improvement_db"] == pytest.approx(0, abs=0.3)


def test_words_are_counted_over_all_mixtures(folder: Corpus, tmp_path: Path):
    pytest.importorskip("jiwer")
    known = [render(row, folder) for row in MIXTURES]

    class Fake:
        """Recognises both words of a reference, one of a mixture."""

        def transcribe(self, waveform: np.ndarray) -> str:
            clean = any(np.array_equal(waveform, row.reference) for row in known)
            return "one 2" if clean else "one"

    scores = tmp_path / "scores.csv"
    figures = evaluated(
        lambda mixture, _: 0.5 * mixture, folder, recognizer=Fake(), scores=scores, perceptual=False
    )
    assert figures["wer_reference_percent"] == 0
    assert figures["wer_mixture_percent"] == figures["wer_percent"] == 50
    assert next(csv.DictReader(scores.open()))["text"] == "one"


def test_an_enrolment_that_is_cut_too_short_leaves_its_mixture_out(folder: Corpus) -> None:
    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        if len(enrollment) < 4800:
            raise AudioError("enrolment", "0.1 s of audio", "at least 0.3 s")
        return mixture

    rows = (replace(MIXTURES.rows[0], enrollment_samples=1600), *MIXTURES.rows[1:])
    short = MixtureList(MIXTURES.path, rows)
    figures = evaluate_extraction(extract, folder, short, perceptual=False, progress=False)
    assert (figures["mixtures"], figures["skipped_mixtures"]) == (3, 1)


def test_an_unreadable_recording_leaves_its_mixtures_out(folder: Corpus):
    Path(folder.by_id["c1"].path).write_bytes(b"not audio")
    figures = evaluated(lambda mixture, _: mixture, folder, perceptual=False)
    assert (figures["mixtures"], figures["skipped_mixtures"]) == (2, 2)
    for person in folder.utterances:
        Path(person.path).unlink(missing_ok=True)
    with pytest.raises(DataError, match="no mixture that can be read"):
        evaluated(lambda mixture, _: mixture, folder)


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        (lambda mixture, _: mixture[:-1], r"extract, m0: found an array of shape \(19199,\)"),
        (lambda mixture, _: mixture[None], r"expected finite samples, shape \(19200,\)"),
        (lambda mixture, _: mixture * np.nan, "NaN or infinite"),
    ],
)
def test_an_extractor_that_gives_nonsense_is_refused(folder: Corpus, extract: Extract, words: str):
    with pytest.raises(JointError, match=words):
        evaluated(extract, folder)


def test_a_limit_below_one_is_refused(folder: Corpus):
    with pytest.raises(DataError, match="limit"):
        evaluated(lambda mixture, _: mixture, folder, limit=0)


def test_too_short_for_stoi():
    short = speech_like(1, 0.3).astype(np.float32)
    assert math.isnan(perceptual(short, short).stoi)
