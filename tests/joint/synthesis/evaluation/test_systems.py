"""Systems side by side on real recordings: what is measured, skipped, kept and refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.audio import read_audio
from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.data.speech_pairs import SpeechPair
from joint.errors import DataError, JointError
from joint.metrics.speech.pitch import praat_pitch
from joint.synthesis.evaluation.figures import system_figures
from joint.synthesis.evaluation.instruments import Compared, Instruments
from joint.synthesis.evaluation.systems import System, Timing, evaluate_systems
from joint.synthesis.finishing.marking import SYNTHETIC


def level(waveforms: list[np.ndarray]) -> np.ndarray:
    """An embedding that sees how loud a recording is."""
    return np.array([[np.abs(w).mean(), 0.01] for w in waveforms])


@pytest.fixture(scope="module")
def corpus(prepared: Path) -> Corpus:
    return open_corpus(prepared / "test")


@pytest.fixture(scope="module")
def rows(corpus: Corpus) -> list[SpeechPair]:
    chosen = [corpus.utterances[places[0]] for places in corpus.of_speaker[:3]]
    other = [corpus.utterances[places[1]].id for places in corpus.of_speaker[:3]]
    return [SpeechPair(u.id, u.text, u.id, o) for u, o in zip(chosen, other, strict=True)]


def test_measures_of_copies(corpus: Corpus, rows: list[SpeechPair], tmp_path: Path) -> None:
    pytest.importorskip("parselmouth")
    transcripts = {len(corpus.by_id[r.source].waveform()): r.text for r in rows}
    instruments = Instruments({"level": level}, lambda w: transcripts.get(len(w), ""), praat_pitch)
    systems = {
        "the same": System(lambda row, source, reference: source, Compared.WAVEFORM),
        "half": System(lambda row, source, reference: 0.5 * source, Compared.PITCH),
        "another one": System(lambda row, source, reference: reference),
    }
    found = evaluate_systems(systems, corpus, rows, instruments, tmp_path, 2, progress=False)
    same, half, other = (system_figures(found.measured[name]) for name in systems)
    assert same["mel_error"] == 0 and same["stoi"] == pytest.approx(1)
    assert same["wer_percent"] == same["cer_percent"] == 0 == same["f0_error_cents"]
    assert half["mel_error"] is None and half["f0_correlation"] == pytest.approx(1)
    assert other["f0_error_cents"] is None
    for path in tmp_path.rglob("*.wav"):
        with soundfile.SoundFile(path) as file:
            assert file.comment == SYNTHETIC
    assert {path.parent.name for path in tmp_path.rglob("*.wav")} == {
        "the_same",
        "half",
        "another_one",
    }
    written = read_audio(tmp_path / "half" / f"{rows[1].id}.wav")
    assert np.abs(written - 0.5 * corpus.by_id[rows[1].source].waveform()).max() < 1e-4
    assert list(found.sounds) == [rows[0].id, rows[2].id]
    assert set(found.sounds[rows[0].id]) == {"natural", "reference", *systems}


def test_words_of_another_sentence_are_errors(corpus: Corpus, rows: list[SpeechPair]) -> None:
    systems = {"same": System(lambda row, source, reference: source)}
    instruments = Instruments({"level": level}, lambda w: rows[1].text)
    found = evaluate_systems(systems, corpus, rows, instruments, progress=False)
    words = [m.words.errors for m in found.measured["same"] if m.words is not None]
    assert words[1] == 0 < min(words[0], words[2])
    figures = system_figures(found.measured["same"])
    length = sum(len(row.text.split()) for row in rows)
    assert figures["wer_percent"] == pytest.approx(100 * sum(words) / length)
    assert figures["f0_mean_hz"] is None


def test_silence_has_no_words_and_no_speaker(corpus: Corpus, rows: list[SpeechPair]) -> None:
    systems = {"silent": System(lambda row, source, reference: np.zeros(1000))}
    instruments = Instruments({"level": level}, lambda w: "never asked")
    found = evaluate_systems(systems, corpus, rows, instruments, progress=False)
    silent = found.measured["silent"][0]
    assert silent.transcript == "" and np.isnan(silent.embeddings["level"]).all()
    assert system_figures(found.measured["silent"])["wer_percent"] == 100


def test_rows_that_cannot_be_read_are_skipped(
    corpus: Corpus, rows: list[SpeechPair], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no audio")
    there = [corpus.by_id[name] for row in rows for name in (row.source, row.reference)]
    mixed = Corpus([*there, Utterance("bad", broken, "b", "TEXT")], tmp_path)
    bad = SpeechPair("x", "TEXT", "bad", rows[0].reference)

    def refusing(row: SpeechPair, source: np.ndarray, reference: np.ndarray) -> np.ndarray:
        if row.id == rows[1].id:
            raise DataError("text", "no word", "a word that can be pronounced")
        return source

    systems = {"same": System(refusing)}
    instruments = Instruments({"level": level})
    found = evaluate_systems(systems, mixed, [bad, *rows], instruments, progress=False)
    assert found.skipped == ["x", rows[1].id]
    assert [row.id for row in found.rows] == [rows[0].id, rows[2].id]
    assert {len(m) for m in found.measured.values()} == {2} == {len(found.references)}
    with pytest.raises(DataError, match="none of 1 rows usable"):
        evaluate_systems(systems, mixed, [bad], instruments, progress=False)


@pytest.mark.parametrize("made", [np.zeros(0), np.zeros((1, 900)), np.full(900, np.nan)])
def test_what_is_no_waveform_is_refused(
    corpus: Corpus, rows: list[SpeechPair], made: np.ndarray, tmp_path: Path
) -> None:
    systems = {"odd": System(lambda row, source, reference: made)}
    with pytest.raises(JointError, match=rf"odd, {rows[0].id}: .*expected finite samples"):
        evaluate_systems(systems, corpus, rows, Instruments({}), tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_the_first_row_is_not_timed() -> None:
    timing = Timing([9.0, 1.0, 2.0], [1.0, 10.0, 20.0])
    assert timing.real_time_factor == pytest.approx(0.1)
    assert Timing([9.0], [1.0]).real_time_factor == 9.0
