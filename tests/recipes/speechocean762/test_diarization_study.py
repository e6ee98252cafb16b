"""Conversations composed of the embedded corpus: who overlaps whom, and the table."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.conversation.turns import read_turns
from joint.data.opening import open_corpus
from joint.errors import DataError
from recipes.meetings.reading import read_meetings
from recipes.speechocean762.studies.conversations import OVERLAPPING, compose, main
from recipes.speechocean762.studies.diarization import compare


def test_in_turn_and_overlapping(aligned: Path) -> None:
    corpus = open_corpus(aligned)
    words = {u.id: " ".join(word.word for word in u.words or ()) for u in corpus.utterances}
    for shares in (None, OVERLAPPING):
        composed = list(compose(corpus, 6, 4, shares, seed=1))
        crossed = 0
        for each in composed:
            assert len({turn.speaker for turn in each.turns}) == 2
            assert each.turns[-1].end <= len(each.waveform)
            for person in {turn.speaker for turn in each.turns}:
                own = [turn for turn in each.turns if turn.speaker == person]
                assert all(a.end <= b.start for a, b in pairwise(own))
                spoken = " ".join(turn.text for turn in own)
                assert sum(text in spoken for text in words.values()) >= 2
            crossed += any(b.start < a.end for a, b in pairwise(each.turns))
        assert crossed >= 3 if shares else not crossed
        again = list(compose(corpus, 6, 4, shares, seed=1))
        assert all((a.waveform == b.waveform).all() for a, b in zip(composed, again, strict=True))
        assert all(a.turns == b.turns for a, b in zip(composed, again, strict=True))
    # the voices are as recorded
    assert np.abs(composed[0].waveform).max() > 0.01
    with pytest.raises(DataError, match="0 speakers"):
        next(compose(corpus, 1, 40, None, seed=1))


def test_a_folder_of_conversations(aligned: Path, tmp_path: Path) -> None:
    given = ["--speakers", "3", "--utterances", "30", "--shares", "0.8", "1.2", "--repeated"]
    main([str(aligned), str(tmp_path), "--count", "2", *given])
    meetings = read_meetings(tmp_path)
    words, phones = (read_turns(tmp_path / name) for name in ("words.json", "phones.json"))
    corpus = open_corpus(aligned)
    inventory = set(corpus.phones)
    # all utterances of these speakers are read
    assert not list((tmp_path / "enrolled").iterdir())
    for meeting in meetings:
        assert meeting.speakers == 3 and len(meeting.turns) >= 30
        length = len(read_audio(meeting.path))
        # every speaker has four utterances, and reads ten
        for each in (words[meeting.name], phones[meeting.name]):
            assert [(t.speaker, t.start, t.end) for t in each] == [
                (t.speaker, t.start, t.end) for t in meeting.turns
            ]
            assert max(turn.end for turn in each) <= length
        spoken = [phone for turn in phones[meeting.name] for phone in turn.text.split()]
        assert set(spoken) <= inventory and len(spoken) > 300


def test_the_table(aligned: Path, embedded_corpus: Path, tmp_path: Path) -> None:
    name = "speechocean762-librispeech-joint"
    rows = compare(aligned, name, 1, 3, 1, tmp_path, cohort=embedded_corpus / "train").splitlines()
    assert len(rows) == 2 + 24 and "DER %" in rows[0]
    by_name = {row.split("|")[1].strip(): row.split("|")[2:] for row in rows[2:]}
    alone = [float(c) for c in by_name["in turn, speech by reference, number given"][:4]]
    # the speech is known: nothing is missed or invented
    assert alone[1:3] == [0.0, 0.0] and alone[0] == pytest.approx(alone[3], abs=0.1)
    reference = read_turns(tmp_path / "in turn, reference.json")
    assert list(reference) == ["conversation000"]
    assert len(list(tmp_path.iterdir())) == 26
