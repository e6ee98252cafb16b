"""The recogniser learns: a few memorised real utterances, empty hypotheses for absent speakers; the
loss of serialized output by attention falls."""

import json
from pathlib import Path

import numpy as np
import pytest

import joint
from joint.audio import read_audio
from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.training.run import train

RECIPE = """
seed: 3
name: by-heart
output: {output}
encoder:
  _target_: joint.encoders.encoder.SpeakerEncoder
  embedding_dim: 32
  frontend: {{_target_: joint.encoders.frontends.filterbank.Filterbank, bins: 40}}
  backbone: {{_target_: joint.encoders.backbones.tdnn.XvectorTdnn, features: 40, channels: 16}}
  pooling: {{_target_: joint.encoders.pooling.statistics.StatisticsPooling, _partial_: true}}
data: {{train: {data}, cache: {output}/cache}}
tasks:
  recognition:
    encoder: {encoder}
    task:
      _target_: tasks.recognition.topologies.{topology}
      units: {{_target_: joint.text.units.CharacterUnits}}
      core:
        _target_: tasks.recognition.core.RecognizerCore
        _partial_: true
        frontend: {{_target_: joint.encoders.frontends.filterbank.Filterbank, bins: 40}}
        width: 64
        lower: 1
        upper: 1
        hidden: 128
        kernel: 7
        channels: 8
        dropout: 0.0
{decoder}
streams:
  utterances:
    tasks: [recognition]
    batch_size: 8
    scenes: {{enrollment: 1.5, speeds: [1.0], gain_db: [0.0, 0.0], {scenes}}}
optimizer: {{lr: {rate}, weight_decay: 0.0}}
trainer: {{max_steps: {steps}, precision: float32, workers: 0, log_every: 10}}
"""
DECODER = """
      attention: 1.0
      decoder:
        _target_: tasks.recognition.objectives.attention.AttentionDecoder
        _partial_: true
        layers: 1
        hidden: 128
        dropout: 0.0
        smoothing: 0.0
"""


@pytest.fixture(scope="module")
def few(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two shortest utterances of each of two people."""
    corpus = open_corpus(prepared / "train")
    chosen = []
    for speaker in corpus.speakers[:2]:
        own = [u for u in corpus.utterances if u.speaker == speaker]
        chosen += sorted(own, key=lambda u: u.length(1.0))[:2]
    output = tmp_path_factory.mktemp("few") / "train"
    return write_subset(prepared / "train", [u.id for u in chosen], output)


def trained(few: Path, folder: Path, **values: object) -> "joint.SpeakerModel":
    recipe = RECIPE.format(output=folder / "run", data=few, **{"encoder": "joint", **values})
    (folder / "recipe.yaml").write_text(recipe)
    return joint.load(train(folder / "recipe.yaml"))


def test_by_heart(few: Path, tmp_path: Path) -> None:
    scenes = "speakers: 1, delay: [0.0, 0.0], absent_probability: 0.4"
    values = {"topology": "TargetRecognition", "decoder": "", "rate": 4.0e-3, "steps": 300}
    model = trained(few, tmp_path, scenes=scenes, **values)
    utterances = open_corpus(few).utterances
    for spoken in utterances:
        recording = read_audio(spoken.path)
        for enrolled in utterances:
            if enrolled.id == spoken.id:
                continue  # never its own enrolment
            found = model.transcribe(recording, [read_audio(enrolled.path)])
            same = enrolled.speaker == spoken.speaker
            assert found == [spoken.text.upper().split() if same else []], enrolled.id


def test_first_in_first_out_by_attention(few: Path, tmp_path: Path) -> None:
    """Overlapping speakers one after the other by their starts, which CTC alone cannot align."""
    pytest.importorskip("espnet2", reason="espnet, of the attention decoder, is not installed")
    values = {"topology": "SisoRecognition", "decoder": DECODER, "rate": 2.0e-3, "steps": 60}
    values["encoder"] = "frozen"  # this topology reads nothing of it
    model = trained(few, tmp_path, scenes="delay: [0.2, 0.8]", **values)
    lines = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    losses = [line["loss"] for line in lines if "loss" in line]
    # nats a character; the words of each mixture are right after 400 steps, too many for a test
    assert losses[0] > 2.5 and losses[-1] < 1.5
    utterances = open_corpus(few).utterances
    one, other = (read_audio(u.path) for u in (utterances[0], utterances[-1]))
    mixture = np.concatenate([one[:8000], one[8000:] + np.resize(other, len(one) - 8000)])
    assert len(model.transcribe(mixture)) == 2
