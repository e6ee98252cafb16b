"""The core learns: a few real utterances by heart, and that nobody's words are to be written of
somebody who is silent."""

from pathlib import Path

import pytest

import joint
from joint.audio import read_audio
from joint.data.corpus import Corpus
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
data: {{train: {data}}}
tasks:
  target:
    task:
      _target_: tasks.recognition.topologies.TargetRecognition
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
streams:
  utterances:
    tasks: [target]
    batch_size: 8
    scenes:
      speakers: 1
      delay: [0.0, 0.0]
      enrollment: 1.5
      speeds: [1.0]
      gain_db: [0.0, 0.0]
      absent_probability: 0.4
optimizer: {{lr: 4.0e-3, weight_decay: 0.0}}
trainer: {{max_steps: {steps}, precision: float32, workers: 0, log_every: 50}}
"""
STEPS = 300


@pytest.fixture(scope="module")
def few(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two shortest utterances of each of two people."""
    corpus = Corpus.load(prepared / "train")
    chosen = []
    for speaker in corpus.speakers[:2]:
        own = [u for u in corpus.utterances if u.speaker == speaker]
        chosen += sorted(own, key=lambda u: u.length(1.0))[:2]
    output = tmp_path_factory.mktemp("few") / "train"
    return write_subset(prepared / "train", [u.id for u in chosen], output)


def test_by_heart(few: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        RECIPE.format(output=tmp_path / "run", data=few, steps=STEPS)
    )
    model = joint.load(train(tmp_path / "recipe.yaml"))
    utterances = Corpus.load(few).utterances
    for said in utterances:
        recording = read_audio(said.path)
        for enrolled in utterances:
            if enrolled.id == said.id:
                continue  # never its own enrolment
            found = model.transcribe(recording, [read_audio(enrolled.path)])
            same = enrolled.speaker == said.speaker
            assert found == [said.text.upper().split() if same else []], enrolled.id
