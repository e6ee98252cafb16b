"""What is extracted or recognised is kept, and not computed a second time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tasks.recognition.conversations import kept as kept_module
from tasks.recognition.conversations.kept import (
    Clock,
    KeptTranscripts,
    KeptVoices,
    KeptWords,
    Once,
)


class Passing:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = 0.0
        monkeypatch.setattr(kept_module, "perf_counter", lambda: self.moment)

    def wait(self, seconds: float) -> None:
        self.moment += seconds


def test_words_are_recognised_once(tmp_path: Path) -> None:
    asked, path = [], tmp_path / "new" / "words.jsonl"

    def recognise(waveform: np.ndarray) -> list[str]:
        asked.append(len(waveform))
        return [str(len(waveform))]

    waveforms = [np.ones(n, np.float32) for n in (800, 900)]
    for _ in range(2):
        kept = KeptWords(recognise, path)
        for waveform in (*waveforms, *waveforms):
            (word,) = kept(waveform)
            assert word == str(len(waveform))
    assert asked == [800, 900]
    path.write_text(path.read_text()[:-5])
    again = KeptWords(recognise, path)
    assert [again(w) for w in waveforms] == [["800"], ["900"]] and asked == [800, 900, 900]
    # the words of a caller are its own
    again(waveforms[0]).append("more")
    assert again(waveforms[0]) == ["800"] and len(path.read_text().splitlines()) == 2


def test_voices_are_extracted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, passing = [], Passing(monkeypatch)

    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        asked.append(len(enrollment))
        passing.wait(3.0)
        return mixture * enrollment[0]

    mixture, voices = np.ones(800, np.float32), [np.full(n, n, np.float32) for n in (5, 6)]
    clock = Clock()
    for kept in (KeptVoices(extract, tmp_path, clock), KeptVoices(extract, tmp_path, clock)):
        start = clock.now()
        assert [float(kept(mixture, voice)[0]) for voice in voices] == [5.0, 6.0]
        # what is kept takes as long by the clock as it did
        assert clock.now() - start == 6.0
    assert asked == [5, 6] and passing.moment == 6.0
    next(tmp_path.iterdir()).write_bytes(b"cut off")
    assert [float(kept(mixture, voice)[0]) for voice in voices] == [5.0, 6.0] and len(asked) == 3


def test_transcripts_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, passing = [], Passing(monkeypatch)
    once = Once(lambda waveform: passing.wait(1.0), clock := Clock())

    def transcribe(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        asked.append(len(voices))
        once(mixture)
        passing.wait(1.0)
        return [[str(len(voice))] for voice in voices]

    path = tmp_path / "transcripts.jsonl"
    mixtures = [np.ones(16_000, np.float32), np.zeros(16_000, np.float32)]
    voices = [np.ones(n, np.float32) for n in (5, 6, 7)]
    kept = KeptTranscripts(transcribe, path, clock, people=2)
    for mixture in mixtures:
        words_out = kept(mixture, voices[:2])
        assert words_out == [["5"], ["6"]] and kept(mixture, voices[2:]) == [["7"]]
        words_out.pop()
    # the third is absent: asked for, not timed
    assert asked == [2, 1, 2, 1] and kept.real_time_factor == 2.0
    assert passing.moment == 2 * (1.0 + 1.0) + 2 * 1.0
    path.write_text(path.read_text()[:-9])
    again = KeptTranscripts(transcribe, path, clock, people=2)
    for mixture in mixtures:
        assert again(mixture, voices[:2]) == [["5"], ["6"]]
        assert again(mixture, voices[2:]) == [["7"]]
    assert asked == [2, 1, 2, 1, 1] and len(path.read_text().splitlines()) == 4
    assert again.real_time_factor == 2.0
