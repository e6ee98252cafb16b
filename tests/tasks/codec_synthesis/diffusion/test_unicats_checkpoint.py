"""A trained UniCATS, from its checkpoint: it speaks, goes on from an enrolment, exchanges words."""

from pathlib import Path

import numpy as np
import pytest
from support import ROOT

from joint.app.api import SpeakerModel, load
from joint.app.editing import FADE
from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.text.pronunciation import words_of
from joint.training.run import train


@pytest.fixture(scope="module")
def model(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    """After two steps, on a codec after two steps."""
    folder = tmp_path_factory.mktemp("unicats")
    data = f"data.train={aligned}"
    tiny_codec = ROOT / "tests" / "tasks" / "codec" / "tiny_codec.yaml"
    codec = train(tiny_codec, [data, f"output={folder / 'codec'}"])
    part = f"init_parts={{tasks.synthesis.codec: {{checkpoint: {codec}, part: tasks.codec.codec}}}}"
    recipe = Path(__file__).with_name("tiny_unicats.yaml")
    return load(train(recipe, [data, f"output={folder / 'run'}", part]))


def test_a_checkpoint_speaks(model: SpeakerModel, corpus: Corpus) -> None:
    spoken = next(u for u in corpus.utterances if u.phones is not None)
    waveform = spoken.waveform()
    usual = model.synthesize("So?", waveform)
    assert usual.dtype == np.float32 and np.isfinite(usual).all() and len(usual) > 1_000
    np.testing.assert_array_equal(model.synthesize("So?", waveform), usual)
    fewer = model.synthesize("So?", waveform, steps=1)
    assert fewer.shape == usual.shape and not np.allclose(fewer, usual, atol=1e-3)
    assert model.reads_prompts
    going_on = model.synthesize("So?", waveform, enrollment_text=spoken.text)
    assert going_on.shape != usual.shape or not np.allclose(going_on, usual, atol=1e-3)
    with pytest.raises(ConfigError, match="pitch: found 2; expected 0"):
        model.synthesize("So?", waveform, pitch=2.0)


def test_words_are_exchanged(model: SpeakerModel, corpus: Corpus) -> None:
    spoken = next(
        u
        for u in corpus.utterances
        if len(set(words_of(u.text))) == len(words_of(u.text)) >= 5 and u.phones is not None
    )
    words, waveform = words_of(spoken.text), spoken.waveform()
    edited = model.edit(waveform, spoken.text, words[2], "seven")
    before, behind = edited.start - FADE // 2, edited.end + FADE // 2
    assert 0 < before < behind < len(edited.waveform)
    np.testing.assert_array_equal(edited.waveform[:before], waveform[:before])
    rest = len(edited.waveform) - behind
    np.testing.assert_array_equal(edited.waveform[behind:], waveform[-rest:])
    with pytest.raises(ConfigError, match="vocoder: found griffin-lim; expected none"):
        model.edit(waveform, spoken.text, words[2], "seven", vocoder="griffin-lim")
