"""Words exchanged within a recording: the rest stays, and what cannot be done is said."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support import Command, Refused
from tiny_synthesis import FLOW

from joint.app.api import SpeakerModel, load
from joint.app.editing import FADE, Editor, spliced
from joint.audio import read_audio
from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, ConfigError, DataError
from joint.synthesis.finishing.marking import SYNTHETIC
from joint.text.pronunciation import words_of
from tasks.synthesis.voicebox.task import VoiceboxTask


@pytest.fixture(scope="module")
def spoken(aligned: Path) -> Utterance:
    """A recording of at least five different words."""
    corpus: Corpus = open_corpus(aligned)
    return next(
        u
        for u in corpus.utterances
        if len(set(words_of(u.text))) == len(words_of(u.text)) >= 5 and u.phones is not None
    )


@pytest.fixture(scope="module")
def model(speaking_checkpoint: Path, aligned: Path) -> SpeakerModel:
    """With an untrained Voicebox."""
    loaded = load(speaking_checkpoint)
    torch.manual_seed(0)
    task = VoiceboxTask(
        loaded.embedding_dim, loaded.metadata["phones"], FLOW, dim=16, blocks=1, layers=1
    )
    task.setup(open_corpus(aligned))
    loaded.model.tasks["synthesis"] = task.eval()
    return loaded


def test_what_stands_around_the_words_stays(model: SpeakerModel, spoken: Utterance) -> None:
    words, waveform = words_of(spoken.text), spoken.waveform()
    edited = model.edit(waveform, spoken.text, f"{words[2].upper()}, {words[3]}", "seven")
    before, behind = edited.start - FADE // 2, edited.end + FADE // 2
    made = edited.waveform
    assert made.dtype == np.float32 and np.isfinite(made).all()
    assert before > 0 and behind < len(made)
    np.testing.assert_array_equal(made[:before], waveform[:before])
    np.testing.assert_array_equal(made[behind:], waveform[len(waveform) - len(made) + behind :])
    assert edited.end - edited.start >= 5 * 200  # a frame for each phone
    again = model.edit(waveform, spoken.text, f"{words[2]} {words[3]}", "seven")
    np.testing.assert_array_equal(again.waveform, made)
    first = model.edit(waveform, spoken.text, words[0], "seven")
    last = model.edit(waveform, spoken.text, words[-1], "seven", rate=2.0, seed=1)
    assert first.end < edited.start < edited.end < last.start


def test_what_cannot_be_edited(
    model: SpeakerModel, spoken: Utterance, speaking_checkpoint: Path
) -> None:
    waveform, text = spoken.waveform(), spoken.text
    words = words_of(text)
    for old, found in (("zebra", "'zebra' 0 times"), ("...", "no words")):
        with pytest.raises(DataError, match=f"words to exchange: found {found}"):
            model.edit(waveform, text, old, "seven")
    with pytest.raises(DataError, match="expected a recording of"):
        model.edit(waveform, "quite another sentence was spoken here today", "quite", "seven")
    with pytest.raises(ConfigError, match="steps"):
        model.edit(waveform, text, words[0], "seven", steps=0)
    with pytest.raises(ConfigError, match=r"top_p: found 0\.5; .*cannot control it"):
        model.edit(waveform, text, words[0], "seven", top_p=0.5)
    with pytest.raises(CheckpointError, match="does not infill, SynthesisTask"):
        load(speaking_checkpoint).edit(waveform, text, words[0], "seven")


def test_a_voice_goes_on_from_its_enrolment(model: SpeakerModel, spoken: Utterance) -> None:
    waveform = spoken.waveform()
    usual = model.synthesize("So?", waveform)
    going_on = model.synthesize("So?", waveform, enrollment_text=spoken.text)
    assert usual.shape != going_on.shape or not np.allclose(usual, going_on, atol=1e-3)
    with pytest.raises(DataError, match="enrolment: found"):
        model.synthesize("So?", waveform, enrollment_text="quite another sentence was spoken here")


def test_words_of_an_enrolment_that_nothing_reads(
    speaking_checkpoint: Path, spoken: Utterance
) -> None:
    with pytest.raises(ConfigError, match="enrollment_text: found"):
        load(speaking_checkpoint).synthesize("So?", spoken.waveform(), enrollment_text=spoken.text)


def test_the_borders_fade() -> None:
    recording, made = np.zeros(2000, np.float32), np.ones(2400, np.float32)
    whole = spliced(recording, made, 600, 1000, 1400)
    assert len(whole) == 600 + 800 + 1000
    assert not whole[:520].any() and not whole[1480:].any() and (whole[680:1320] == 1.0).all()
    assert (np.diff(whole[520:681]) >= 0).all() and (np.diff(whole[1319:1480]) <= 0).all()
    assert np.abs(np.diff(whole)).max() < 0.02
    at_the_start = spliced(recording, made, 0, 400, 800)
    assert len(at_the_start) == 2400 and (at_the_start[:800] == 1.0).all()


@pytest.mark.usefixtures("loaded_once")
def test_the_command(
    joint_command: Command,
    refused: Refused,
    model: SpeakerModel,
    spoken: Utterance,
    speaking_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import soundfile

    recording, output = tmp_path / "r.wav", tmp_path / "o.wav"
    soundfile.write(recording, spoken.waveform(), 16_000)
    word = words_of(spoken.text)[1]
    command = ("edit", recording, "--text", spoken.text, "--from", word, "--output", output)
    common = ("--checkpoint", speaking_checkpoint)
    assert "does not infill" in refused(*command, "--to", "seven", *common)
    assert "--to: found no words" in refused(*command, "--to", " ", *common)
    assert not output.exists()
    monkeypatch.setattr(Editor, "_infilling_task", lambda self: model.model.tasks["synthesis"])
    done = joint_command(*command, "--to", "seven", *common)
    assert (done.code, done.out) == (0, f"{output}\n")
    with soundfile.SoundFile(output) as file:
        assert file.comment == SYNTHETIC
    edited = model.edit(read_audio(recording), spoken.text, word, "seven")
    np.testing.assert_allclose(read_audio(output), edited.waveform, atol=1e-3)
