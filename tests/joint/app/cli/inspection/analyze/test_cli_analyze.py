"""`joint analyze voices`: what it writes, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import Command, Refused

from analysis.synthesis.voices import REFERENCE_SECONDS, SENTENCE_SECONDS, choose_voices
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus

pytestmark = pytest.mark.usefixtures("loaded_once")


def test_a_voice_s_recordings_are_all_different(prepared: Path) -> None:
    corpus = open_corpus(prepared / "train")
    voices = choose_voices(corpus, 6, 2)
    assert len({voice.speaker for voice in voices}) == 6
    for voice in voices:
        every = [voice.reference, voice.enrolled, *voice.spoken]
        assert len({u.id for u in every}) == 4 and {u.speaker for u in every} == {voice.speaker}
        assert min(voice.reference.seconds, voice.enrolled.seconds) >= REFERENCE_SECONDS
        low, high = SENTENCE_SECONDS
        assert all(low <= u.seconds <= high for u in voice.spoken)
    assert voices == choose_voices(corpus, 6, 2) != choose_voices(corpus, 6, 2, seed=1)


def test_a_reference_with_words(prepared: Path) -> None:
    corpus = open_corpus(prepared / "train")
    mute = {v.reference.id for v in choose_voices(corpus, 6, 2)}
    rows = [replace(u, text="") if u.id in mute else u for u in corpus.utterances]
    corpus = Corpus(rows, corpus.where)
    assert {v.reference.id for v in choose_voices(corpus, 6, 2)} == mute
    assert all(v.reference.text for v in choose_voices(corpus, 6, 2, with_words=True))


def test_analyze_voices(
    joint_command: Command, speaking_checkpoint: Path, prepared: Path, tmp_path: Path
) -> None:
    outcome = joint_command(
        *("analyze", "voices", "--checkpoint", speaking_checkpoint, "--speakers", "5"),
        *(
            "--data",
            prepared / "train",
            "--output",
            tmp_path,
        ),
    )
    assert outcome.code == 0, outcome
    assert "spoofing, by the encoder" in outcome.out
    found = json.loads((tmp_path / "voices.json").read_text())["encoder"]
    assert set(found["identity"]) == {"natural", "synthetic", "converted"}
    assert found["spoofing"]["natural"]["accepted_percent"] >= 0
    page = (tmp_path / "report.html").read_text()
    assert page.count("<audio") == 6 * 3


def test_what_it_refuses(refused: Refused, tiny_checkpoint: Path, prepared: Path) -> None:
    common = ("analyze", "voices", "--output", "out", "--data", prepared / "train")
    line = refused(*common, "--checkpoint", tiny_checkpoint)
    assert "one that synthesizes or converts" in line
    assert "tsne or umap" in refused(*common, "--plane", "pca")
    assert "found 0 such speakers" in refused(*common, "--sentences", "40")
