"""The consistency loss judges what is spoken, trains the decoder and what the switch allows, and
never the vocoder."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_synthesis import (
    EMBEDDING,
    FLOW,
    REGRESSION,
    consistency,
    conversion,
    speaking_model,
    spoken_batch,
    state,
    synthesis,
)
from torch import Tensor

from joint.conditioning.basis import BasisFusion, bases_in
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.encoders.view import Switch
from joint.model import StreamBatch
from joint.outputs import SpeakerEncoding
from joint.synthesis.examples import aligned_examples
from joint.synthesis.lengths import regulate
from joint.synthesis.mel import HOP, MELS
from joint.task import ENROLLMENT
from joint.training.config.schema import OptimizerConfig
from joint.training.optimizers import MAIN, make_optimizers, train_mode

TASKS = {"synthesis": synthesis, "conversion": conversion}


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("switch", ["frozen", "adapter", "joint"])
def test_what_it_trains(corpus: Corpus, kind: str, switch: Switch) -> None:
    """A few steps, one of them without an aligned utterance; weights decay fast."""
    task = TASKS[kind](corpus.phones, consistency=consistency(), consistency_weight=1.0)
    model = speaking_model(task, corpus, switch)
    config = OptimizerConfig(lr=0.01, weight_decay=0.1)
    optimizer = make_optimizers(model, config)[MAIN]
    train_mode(model, config)
    before = state(model)
    batch = spoken_batch(corpus, (0, 5))
    nothing = spoken_batch(corpus, (0, 5), source_phones_known=torch.zeros(2, 1).bool())
    for given in (batch, nothing, batch):
        output = model([StreamBatch(given, ("voice",))], 0.5)
        assert output.metrics.get("voice/consistency_loss", 1.0) > 0.0
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    moved = changed(before, state(model))
    vocoder = {name for name in before if ".consistency.vocoder." in name}
    encoder = {name for name in before if name.startswith("encoder.")}
    adapter = {name for name in before if name.startswith("adapters.")}
    assert vocoder and not moved & vocoder
    assert any(".acoustic.decoder." in name for name in moved)
    if switch == "joint":
        assert any("running_mean" in name for name in moved & encoder)
        assert any("weight" in name for name in moved & encoder)
    else:
        assert not moved & encoder
    assert bool(moved & adapter) == (switch == "adapter") == bool(adapter)


@pytest.mark.parametrize("decoder", [FLOW, REGRESSION], ids=["flow", "regression"])
def test_its_gradient_reaches_the_decoder_alone(corpus: Corpus, decoder: Any) -> None:
    task = synthesis(corpus.phones, decoder, consistency=consistency())
    model = speaking_model(task, corpus)
    view, batch = model.view("voice"), spoken_batch(corpus, (0, 5))
    encoding = view(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
    examples = aligned_examples(batch, encoding, task.acoustic)
    assert examples is not None and task.consistency is not None
    spoken, timed = examples.spoken, examples.timed
    content = regulate(task.encode_phones(timed, encoding), timed.durations, spoken.mask.shape[1])
    *_, estimate = task.acoustic.loss(
        content, spoken.prosody, spoken.log_mel, spoken.mask, encoding
    )
    loss = task.consistency(view, estimate, spoken.mask, encoding)
    assert 0.0 < float(loss.detach()) < 2.0
    loss.backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert "tasks.voice.acoustic.decoder.output.weight" in reached
    assert "tasks.voice.embedding.weight" in reached
    assert not any(n.startswith("encoder.") or ".vocoder." in n for n in reached)


def test_windows_lie_within_the_rows() -> None:
    part = consistency(seconds=0.5)
    log_mel = torch.arange(200.0).expand(3, MELS, 200).clone()
    frames = torch.tensor([200, 60, 11])
    torch.manual_seed(0)
    starts = []
    for _ in range(200):
        cut, own = part.windows(log_mel, frames)
        assert cut.shape == (3, MELS, 40) and own.tolist() == [40, 40, 11]
        first = cut[:, 0, 0]
        for row, count in enumerate(own.tolist()):
            assert torch.equal(cut[row, 0, :count], first[row] + torch.arange(count))
            assert float(cut[row, 0, count - 1]) < frames[row]
        assert torch.all(cut[2, :, 11:] < -11.0)  # silence
        starts.append(first)
    low, high = torch.stack(starts).min(dim=0).values, torch.stack(starts).max(dim=0).values
    assert low.tolist()[1:] == [0, 0] and high.tolist()[1:] == [20, 0]
    assert low[0] < 10 and high[0] > 150


def test_what_the_encoder_is_given() -> None:
    """Waveforms and their lengths, of as many rows as asked, and the cosine with the enrolment."""
    part, given = consistency(seconds=0.5), []
    own = torch.eye(3, 4)

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        given.append((audio, lengths, role))
        return SpeakerEncoding(torch.tensor([[5.0, 0, 0, 0], [1.0, 1.0, 0, 0]]))

    mask = torch.arange(100) < torch.tensor([[100], [21], [100]])
    loss = part(encode, torch.randn(3, MELS, 100), mask, SpeakerEncoding(own))
    [(audio, lengths, role)] = given
    assert role == "synthetic" and audio.shape == (2, 39 * HOP)
    assert lengths.tolist() == [39 * HOP, 20 * HOP]
    torch.testing.assert_close(loss, torch.tensor(1.0 - (1.0 + 0.5**0.5) / 2.0))


def test_with_basis_vectors_it_compares_their_weights(corpus: Corpus) -> None:
    fusion = BasisFusion(EMBEDDING, count=6, dim=8, heads=2)
    task = synthesis(corpus.phones, fusion=fusion, consistency=consistency())
    bases, batch = bases_in(task), spoken_batch(corpus, (0, 5))
    model = speaking_model(task, corpus)
    assert bases is not None
    output = model([StreamBatch(batch, ("voice",))], 0.5)
    output.loss.backward()
    assert bases.bases.grad is not None and bases.bases.grad.any()
    usual = output.metrics["voice/consistency_loss"]
    bases.keys.data.mul_(0.0)  # all weights alike
    same = model([StreamBatch(batch, ("voice",))], 0.5).metrics["voice/consistency_loss"]
    assert usual > 0.0 == same


def test_a_model_does_not_switch_on_what_a_task_holds_constant(corpus: Corpus) -> None:
    model = speaking_model(synthesis(corpus.phones, consistency=consistency()), corpus)
    held = {n for n, p in model.tasks.named_parameters() if not p.requires_grad}
    assert held and all(".consistency.vocoder." in name for name in held)
