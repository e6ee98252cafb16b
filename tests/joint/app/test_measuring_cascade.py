"""A cascade whose parts are known to be right has no errors, and its bounds are as expected."""

from pathlib import Path

import numpy as np
import pytest

from joint.app.measuring.cascade import run_cascade
from joint.data.opening import open_corpus
from tasks.recognition.conversations.lists import Conversations, render

pytest.importorskip("meeteval")


def test_a_perfect_cascade(tested: Path, tmp_path: Path) -> None:
    corpus = open_corpus(tested)
    listed = Conversations.load(tested / "mix2_recognition.csv")
    rows = listed.rows[:3]
    texts = {u.waveform().tobytes(): f"{u.text.capitalize()}." for u in corpus.utterances}
    voices, mixtures = {}, {}
    for row in rows:
        mixture = render(row, corpus).mixture.tobytes()
        mixtures[mixture] = corpus.by_id[row.turns[0].utterance].text
        for turn in row.turns:
            enrollment = corpus.by_id[str(turn.enrollment)].waveform().tobytes()
            voices[mixture, enrollment] = corpus.by_id[turn.utterance].waveform()

    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        absent = np.zeros_like(mixture)
        return voices.get((mixture.tobytes(), enrollment.tobytes()), absent)

    class Known:
        """Writes the whole text of a recording; of a mixture, that of its first."""

        def transcribe(self, waveform: np.ndarray) -> str:
            return (texts | mixtures)[waveform.tobytes()]

    figures, written = run_cascade(extract, Known(), corpus, listed, 3)
    assert figures["conversations"] == len(written) == 3
    for name in ("error", "channel_error", "person_error", "reference_error"):
        assert figures[f"{name}_percent"] == 0.0
    assert figures["silent_share"] == 1.0 and figures["words_for_absent"] == 0.0
    first, second = (
        sum(len(corpus.by_id[row.turns[place].utterance].text.split()) for row in rows)
        for place in (0, 1)
    )
    missed = 100.0 * second / (first + second)
    assert figures["mixture_error_percent"] == pytest.approx(missed)
    assert figures["mixture_error_deletions_percent"] == pytest.approx(missed)
    # given the first one's words, the second one misses fewer and has wrong ones instead
    assert figures["mixture_to_each_error_deletions_percent"] < missed
    assert figures["mixture_to_each_error_substitutions_percent"] > 0.0
