"""Single words cut from aligned recordings, and their trials."""

from pathlib import Path

import pytest

from joint.audio import read_audio
from joint.data.opening import open_corpus
from joint.data.prepare.kaldi import prepare_kaldi
from joint.errors import DataError
from recipes.speechocean762.studies.single_words import cut_words, word_trials
from tasks.verification.trials import Trials


@pytest.fixture(scope="module")
def words(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "out"
    spoken = {w.word for u in open_corpus(aligned).utterances for w in u.words or ()}
    counts = cut_words(aligned.parent, folder, sorted(spoken))
    assert counts["train"] > 40
    return folder


def test_words_are_where_they_were(words: Path, aligned: Path) -> None:
    source = {u.id: u for u in open_corpus(aligned).utterances}
    folder = open_corpus(words / "train")
    for name, cut in list(folder.by_id.items())[:20]:
        utterance, _, number = name.rpartition("-")
        word = source[utterance].words
        assert word is not None and word[int(number)].word == cut.text
        assert cut.speaker == source[utterance].speaker
        assert len(read_audio(cut.path)) >= 0.3 * 16_000


def test_lists_hold_what_they_say(words: Path) -> None:
    people = open_corpus(words / "train").by_id
    for name, alike in (
        ("trials_impostor", lambda one, same: same),
        ("trials_word", lambda one, same: one),
        ("trials_both", lambda one, same: not one and not same),
    ):
        trials = Trials.load(words / "train" / name)
        for label, a, b in zip(trials.labels, trials.first, trials.second, strict=True):
            first, second = (people[trials.names[i]] for i in (a, b))
            one, same = first.speaker == second.speaker, first.text == second.text
            assert (one and same) if label else alike(one, same)
    rows = list(people.values())
    assert word_trials(rows) == word_trials(rows)


def test_they_can_be_prepared(words: Path, tmp_path: Path) -> None:
    prepare_kaldi(words / "train", tmp_path / "data")
    corpus = open_corpus(tmp_path / "data")
    assert len(corpus.phrases) > 10
    assert [corpus.phrases[i] for i in corpus.phrase_of] == [u.text for u in corpus.utterances]


def test_what_is_refused(aligned: Path, prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of xyzzy"):
        cut_words(aligned.parent, tmp_path / "a", ["xyzzy"])
    with pytest.raises(DataError, match="joint align"):
        cut_words(prepared, tmp_path / "b", ["the"])
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()
