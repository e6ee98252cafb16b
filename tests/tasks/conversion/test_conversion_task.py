"""A converted recording has the source's length, content and energy, the target's range of pitch,
and nothing of the other rows of a batch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import encode_with, randomise, tiny_encoder
from tiny_synthesis import EMBEDDING, FLOW, REGRESSION, conversion, spoken_batch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.mel import MELS, frames_of
from joint.synthesis.pitch import estimate_pitch, pitch_range
from joint.task import ENROLLMENT, Enrollment
from tasks.conversion.task import ConversionTask

FEW = (0, 9, 22)


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def batch(corpus: Corpus) -> SceneBatch:
    return spoken_batch(corpus, FEW)


@pytest.fixture(scope="module")
def encoding(batch: SceneBatch) -> SpeakerEncoding:
    """Of three enrolments."""
    encoder = tiny_encoder().eval()
    randomise(encoder)
    with torch.no_grad():
        return encode_with(encoder)(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)


def ready(corpus: Corpus, decoder: Any = FLOW) -> ConversionTask:
    """In eval mode, with weights as large as if they had learnt something."""
    made = conversion(corpus.phones, decoder)
    made.setup(corpus)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0 if parameter.ndim > 1 else 1.0)
    return made.eval()


@pytest.fixture(scope="module")
def task(corpus: Corpus) -> ConversionTask:
    return ready(corpus)


def recordings(batch: SceneBatch) -> tuple[Tensor, Tensor]:
    """Sources that end in the middle of a sound, with something else behind the end."""
    assert batch.sources is not None
    source = batch.sources[:, 0].clone()
    lengths = torch.tensor([30_123, 22_222, 9_600])
    for row, length in enumerate(lengths.tolist()):
        source[row, length:] = 0.3 * torch.randn(
            source.shape[1] - length, generator=torch.Generator().manual_seed(row)
        )
    return source[:, : int(lengths.max())], lengths


def row_of(encoding: SpeakerEncoding, row: int) -> SpeakerEncoding:
    assert encoding.waveform is not None and encoding.lengths is not None
    one = slice(row, row + 1)
    return SpeakerEncoding(
        encoding.embedding[one], waveform=encoding.waveform[one], lengths=encoding.lengths[one]
    )


@pytest.mark.parametrize("decoder", [FLOW, REGRESSION], ids=["flow", "regression"])
@torch.no_grad()
def test_a_batch_is_its_rows(
    corpus: Corpus, batch: SceneBatch, encoding: SpeakerEncoding, decoder: Any
) -> None:
    task, (source, lengths) = ready(corpus, decoder), recordings(batch)
    together = task.convert(source, lengths, encoding)
    for row, length in enumerate(lengths.tolist()):
        one = slice(row, row + 1)
        alone = task.convert(source[one, :length], lengths[one], row_of(encoding, row))
        assert alone.shape == (1, MELS, frames_of(length))
        found = together[row, :, : frames_of(length)]
        torch.testing.assert_close(found, alone[0], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("samples", [4_001, 16_000, 16_199, 30_000])
@torch.no_grad()
def test_the_length_is_the_source_s(task: ConversionTask, batch: SceneBatch, samples: int) -> None:
    assert batch.sources is not None and batch.enrollment is not None
    encode = encode_with(tiny_encoder().eval())
    target = Enrollment.of(batch.enrollment[1, 0])
    mel = task.infer(encode, batch.sources[0, 0, :samples], [target])
    assert mel.shape == (MELS, frames_of(samples)) and mel.isfinite().all()


@torch.no_grad()
def test_the_enrolment_changes_the_voice_alone(
    task: ConversionTask,
    batch: SceneBatch,
    encoding: SpeakerEncoding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One recording in three voices."""
    given: list[Any] = []
    sample = task.acoustic.sample

    def recorded(content: Tensor, prosody: Any, mask: Tensor, *others: Any) -> Tensor:
        given.append((content, prosody, mask))
        return sample(content, prosody, mask, *others)

    monkeypatch.setattr(task.acoustic, "sample", recorded)
    source, lengths = (x[:1].expand(3, *x.shape[1:]) for x in recordings(batch))
    mels = task.convert(source, lengths, encoding)
    [(content, prosody, mask)] = given
    assert all(not torch.allclose(mels[0], mels[row], atol=1e-2) for row in (1, 2))
    for same in (content, prosody.energy, prosody.voiced, mask.float()):
        torch.testing.assert_close(same[1:], same[:1].expand_as(same[1:]))
    own = pitch_range(estimate_pitch(source, lengths))
    ranges = task.voice(encoding)
    assert ranges.mean.std() > 0.05
    voiced = prosody.voiced[0].bool()
    for row in range(3):
        pitch = prosody.pitch[row][voiced]
        assert float(pitch.mean()) == pytest.approx(float(ranges.mean[row]), abs=0.03)
        share = float(pitch.std() / prosody.pitch[0][voiced].std())
        assert share == pytest.approx(float(ranges.spread[row] / ranges.spread[0]), rel=0.05)
    before = estimate_pitch(source, lengths).log_hertz[0][voiced]
    both = torch.stack([before, prosody.pitch[1][voiced]])
    assert torch.corrcoef(both)[0, 1] > 0.95 and own.mean[0] != ranges.mean[1]


@torch.no_grad()
def test_the_level_of_the_source_does_not_matter(
    task: ConversionTask, batch: SceneBatch, encoding: SpeakerEncoding
) -> None:
    source, lengths = recordings(batch)
    usual, quiet = (task.convert(gain * source, lengths, encoding) for gain in (1.0, 0.1))
    torch.testing.assert_close(usual, quiet, atol=5e-3, rtol=1e-3)
    other = task.convert(source, lengths, encoding, Sampling(seed=1))
    assert not torch.allclose(usual, other, atol=1e-2)


def test_the_decoder_does_not_train_the_content(corpus: Corpus, batch: SceneBatch) -> None:
    grown = {}
    for weight in (0.0, 1.0):
        task = conversion(corpus.phones, content_weight=weight)
        task.setup(corpus)
        encode = encode_with(tiny_encoder().eval())
        task.loss(encode, batch, 0.5).loss.backward()
        grown[weight] = {
            n for n, p in task.named_parameters() if p.grad is not None and p.grad.any()
        }
    own = {name for name in grown[1.0] if name.startswith("content.")}
    assert own == {n for n, _ in task.named_parameters() if n.startswith("content.")}
    assert grown[0.0] == grown[1.0] - own
    assert {"enter.weight", "acoustic.decoder.output.weight"} <= grown[0.0]


def test_its_phones_are_those_of_the_frames(corpus: Corpus) -> None:
    """The classifier overfits one utterance."""
    torch.manual_seed(0)
    task, batch = conversion(corpus.phones), spoken_batch(corpus, (4,))
    task.setup(corpus)
    encode = encode_with(tiny_encoder().eval())
    optimizer = torch.optim.Adam(task.content.parameters(), lr=2e-2)
    first = task.validate(encode, [batch])
    for _ in range(25):
        loss = task.loss(encode, batch, 0.5).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    last = task.validate(encode, [batch])
    assert first["phone_accuracy"] < 0.2 and last["phone_accuracy"] > 0.6


def test_a_batch_without_an_aligned_utterance(corpus: Corpus) -> None:
    task = conversion(corpus.phones)
    task.setup(corpus)
    model = JointModel(tiny_encoder(), {"voice": task})
    unknown = spoken_batch(corpus, FEW, source_phones_known=torch.zeros(3, 1).bool())
    output = task.loss(model.view("voice"), unknown, 0.5)
    assert output.count == 0 and float(output.loss.detach()) == 0.0
    model([StreamBatch(unknown, ("voice",))], 0.5).loss.backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_refused(task: ConversionTask) -> None:
    with pytest.raises(ConfigError, match="no phones"):
        conversion(())
    encode = encode_with(tiny_encoder().eval())
    target = Enrollment.kept(torch.ones(EMBEDDING))
    with pytest.raises(ConfigError, match="found 0; expected one"):
        task.infer(encode, torch.zeros(8_000), [])
    with pytest.raises(ConfigError, match="found 2; expected one"):
        task.infer(encode, torch.zeros(8_000), [target, target])
