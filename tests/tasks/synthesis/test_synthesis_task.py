"""What a voice says depends on what it should: on the enrolment, the options, the seed, and on no
other row of a batch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import encode_with, randomise, tiny_encoder
from tiny_synthesis import EMBEDDING, FLOW, REGRESSION, conversion, spoken_batch, synthesis
from torch import Tensor

from joint.conditioning.frame_fusion import CrossAttentionFusion
from joint.conditioning.fusion import AddFusion, ConcatFusion, FilmFusion, MultiplyFusion
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.examples import only
from joint.synthesis.lengths import TimedPhones, timed_phones
from joint.synthesis.mel import MELS
from joint.synthesis.speaking import SpeakingOptions
from joint.synthesis.timing.durations import END_SILENCE
from joint.task import ENROLLMENT, Enrollment
from tasks.synthesis.task import SynthesisTask

FEW = (0, 5, 9)


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def batch(corpus: Corpus) -> SceneBatch:
    return spoken_batch(corpus, FEW)


@pytest.fixture(scope="module")
def task(corpus: Corpus) -> SynthesisTask:
    return ready(corpus)


def ready(corpus: Corpus, decoder: Any = FLOW, **settings: Any) -> SynthesisTask:
    """In eval mode, with weights as large as if they had learnt something."""
    made = synthesis(corpus.phones, decoder, **settings)
    made.setup(corpus)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0 if parameter.ndim > 1 else 1.0)
    for output in (made.prosody.output, made.durations.output, made.voice.output):
        torch.nn.init.normal_(output.weight, std=0.1)
    return made.eval()


@pytest.fixture(scope="module")
def encoding(batch: SceneBatch) -> SpeakerEncoding:
    """Of three enrolments."""
    encoder = tiny_encoder().eval()
    randomise(encoder)
    with torch.no_grad():
        return encode_with(encoder)(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)


def row_of(encoding: SpeakerEncoding, row: int) -> SpeakerEncoding:
    return only(encoding, torch.tensor([row]))


def timed_of(batch: SceneBatch) -> TimedPhones:
    assert batch.source_phones is not None and batch.source_lengths is not None
    assert batch.source_phone_starts is not None and batch.source_phone_ends is not None
    return timed_phones(
        batch.source_phones[:, 0],
        batch.source_phone_starts[:, 0],
        batch.source_phone_ends[:, 0],
        batch.source_lengths[:, 0].tolist(),
    )


def test_a_regression_samples_nothing(corpus: Corpus) -> None:
    for make in (synthesis, conversion):
        sampled = make(corpus.phones).controls - make(corpus.phones, REGRESSION).controls
        assert sampled == {"steps", "temperature"}


@pytest.mark.parametrize("decoder", [FLOW, REGRESSION], ids=["flow", "regression"])
@torch.no_grad()
def test_a_batch_is_its_rows(
    corpus: Corpus, batch: SceneBatch, encoding: SpeakerEncoding, decoder: Any
) -> None:
    task, timed = ready(corpus, decoder), timed_of(batch)
    texts = task.encode_phones(timed, encoding)
    mels = task.speak_timed(encoding, timed)
    lengths = set()
    for row in range(3):
        phones = int(timed.mask[row].sum())
        frames = int(timed.durations[row].sum())
        one = TimedPhones(
            timed.phones[row : row + 1, :phones], timed.durations[row : row + 1, :phones]
        )
        alone = row_of(encoding, row)
        text = task.encode_phones(one, alone)
        torch.testing.assert_close(texts[row, :phones], text[0], atol=1e-4, rtol=1e-4)
        assert not texts[row, phones:].any()
        mel = task.speak_timed(alone, one)
        assert mel.shape == (1, MELS, frames)
        torch.testing.assert_close(mels[row, :, :frames], mel[0], atol=1e-3, rtol=1e-4)
        lengths.add((phones, frames))
    assert len(lengths) == 3


FUSIONS: dict[str, Any] = {
    "add": AddFusion,
    "concat": ConcatFusion,
    "film": FilmFusion,
    "multiply": MultiplyFusion,
    "attention": partial(CrossAttentionFusion, frame_dim=32, heads=4),
}


@pytest.mark.parametrize("name", FUSIONS)
@torch.no_grad()
def test_conditionings(corpus: Corpus, batch: SceneBatch, name: str) -> None:
    """Each depends on the row's own speaker alone, enrolled with recordings of other lengths."""
    encoder = tiny_encoder().eval()
    randomise(encoder)
    lengths = torch.tensor([[24_000], [16_000], [9_000]])
    assert batch.enrollment is not None
    encoding = encode_with(encoder)(batch.enrollment, lengths, ENROLLMENT)
    task, timed = ready(corpus, REGRESSION, fusion=FUSIONS[name]), timed_of(batch)
    for part in task.modules():
        if isinstance(part, CrossAttentionFusion):
            torch.nn.init.normal_(part.merge.weight, std=0.3)
    mels = task.speak_timed(encoding, timed)
    for row in (1, 2):
        count, frames = int(timed.mask[row].sum()), int(timed.durations[row].sum())
        one = TimedPhones(
            timed.phones[row : row + 1, :count], timed.durations[row : row + 1, :count]
        )
        alone = encode_with(encoder)(
            batch.enrollment[row : row + 1, :, : int(lengths[row])], lengths[row : row + 1], ""
        )
        mel = task.speak_timed(alone, one)[0]
        torch.testing.assert_close(mels[row, :, :frames], mel, atol=5e-3, rtol=1e-3)
        # in another's voice, but with the same range of pitch
        other = replace(row_of(encoding, 0), waveform=alone.waveform, lengths=alone.lengths)
        assert not torch.allclose(task.speak_timed(other, one)[0], mel, atol=0.02)


@pytest.fixture
def made_of(task: SynthesisTask, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The prosody that each call gives the acoustic model."""
    given: list[Any] = []
    sample = task.acoustic.sample

    def recorded(content: Tensor, prosody: Any, *others: Any) -> Tensor:
        given.append(prosody)
        return sample(content, prosody, *others)

    monkeypatch.setattr(task.acoustic, "sample", recorded)
    return given


@torch.no_grad()
def test_pitch_and_energy_as_asked(
    task: SynthesisTask, batch: SceneBatch, encoding: SpeakerEncoding, made_of: list[Any]
) -> None:
    timed = timed_of(batch)
    usual = task.speak_timed(encoding, timed)
    higher = task.speak_timed(encoding, timed, SpeakingOptions(pitch=12.0))
    louder = task.speak_timed(encoding, timed, SpeakingOptions(energy=20.0))
    plain, high, loud = made_of
    torch.testing.assert_close(high.pitch.exp(), 2.0 * plain.pitch.exp(), rtol=1e-4, atol=0)
    torch.testing.assert_close(loud.energy.exp(), 10.0 * plain.energy.exp(), rtol=1e-4, atol=0)
    assert torch.equal(high.energy, plain.energy) and torch.equal(loud.pitch, plain.pitch)
    assert torch.equal(high.voiced, plain.voiced) and plain.voiced.any()
    for other in (higher, louder):
        assert other.shape == usual.shape and not torch.allclose(other, usual, atol=1e-2)


@torch.no_grad()
def test_the_enrolment_changes_the_voice_alone(
    task: SynthesisTask, batch: SceneBatch, encoding: SpeakerEncoding, made_of: list[Any]
) -> None:
    """With durations given, all rows say the same phones, in three voices."""
    timed = timed_of(batch)
    same = TimedPhones(timed.phones[:1].expand(3, -1), timed.durations[:1].expand(3, -1))
    mels = task.speak_timed(encoding, same)
    assert mels.shape[2] == int(timed.durations[0].sum())
    assert not torch.allclose(mels[0], mels[1], atol=0.1)
    [prosody] = made_of
    assert encoding.waveform is not None
    # the range of pitch is the enrolment's, whatever the embedding
    middles = prosody.pitch.median(dim=1).values
    other = replace(encoding, waveform=encoding.waveform.flip(0))
    task.speak_timed(other, same)
    moved = made_of[1].pitch.median(dim=1).values - middles
    ranges = task.voice(encoding).mean
    torch.testing.assert_close(moved, ranges.flip(0) - ranges, atol=0.1, rtol=0)
    # and again: nothing else is in it
    assert torch.equal(task.speak_timed(encoding, same), mels)


@pytest.fixture(scope="module")
def speak(task: SynthesisTask, batch: SceneBatch) -> Callable[..., Tensor]:
    """The first sentence by a row's voice."""
    encoder = tiny_encoder().eval()
    randomise(encoder)
    timed = timed_of(batch)
    phones = timed.phones[0][timed.mask[0]]
    assert batch.enrollment is not None

    @torch.no_grad()
    def spoken(row: int = 0, **options: Any) -> Tensor:
        assert batch.enrollment is not None
        enrollment = Enrollment.of(batch.enrollment[row, 0])
        return task.speak(encode_with(encoder), phones, enrollment, SpeakingOptions(**options))

    return spoken


def test_rate(speak: Callable[..., Tensor]) -> None:
    usual, fast, slow = (speak(rate=rate).shape[1] for rate in (1.0, 2.0, 0.5))
    # the silences at the ends are short at any rate
    assert fast == pytest.approx(usual / 2, abs=END_SILENCE + 2)
    assert slow == pytest.approx(2 * usual, abs=2 * END_SILENCE + 2)


def test_sampling(speak: Callable[..., Tensor]) -> None:
    usual = speak()
    assert usual.dtype == torch.float32 and usual.shape[0] == MELS
    assert torch.equal(speak(), usual)
    for sampling in (Sampling(seed=1), Sampling(steps=5), Sampling(guidance=2.0)):
        other = speak(sampling=sampling)
        assert other.shape == usual.shape and not torch.allclose(other, usual, atol=1e-2)


def test_enrolments(corpus: Corpus, task: SynthesisTask, batch: SceneBatch) -> None:
    encode = encode_with(tiny_encoder().eval())
    phones = torch.tensor([0, 3, 4, 0])
    kept = Enrollment.kept(torch.ones(EMBEDDING))
    assert torch.equal(task.infer(encode, phones, [kept]), task.speak(encode, phones, kept))
    with pytest.raises(ConfigError, match="found 2; expected one"):
        task.infer(encode, phones, [kept, kept])
    with pytest.raises(ConfigError, match="no phones"):
        synthesis(())


def test_a_batch_without_an_aligned_utterance(corpus: Corpus, batch: SceneBatch) -> None:
    task = synthesis(corpus.phones)
    task.setup(corpus)
    model = JointModel(tiny_encoder(), {"voice": task})
    unknown = replace(batch, source_phones_known=torch.zeros(3, 1).bool())
    output = task.loss(model.view("voice"), unknown, 0.5)
    assert output.count == 0 and float(output.loss.detach()) == 0.0
    total = model([StreamBatch(unknown, ("voice",))], 0.5).loss
    total.backward()
    # processes of a training agree on the parameters that have a gradient
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())
    assert task.validate(model.view("voice"), [unknown]) == {}


@torch.no_grad()
def test_validation_has_the_same_draws_each_time(corpus: Corpus, batch: SceneBatch) -> None:
    task = ready(corpus)
    encode = encode_with(tiny_encoder().eval())
    unknown = replace(batch, source_phones_known=torch.zeros(3, 1).bool())
    first = task.validate(encode, [batch, batch])
    torch.rand(1)
    assert task.validate(encode, [batch, batch, unknown]) == first
    assert {"loss", "decoder_loss", "duration_loss", "pitch_loss"} <= first.keys()


def test_the_loss_of_a_row_is_its_own(corpus: Corpus, batch: SceneBatch) -> None:
    """Rows that are not aligned count nothing, and padding neither (by regression, which draws
    nothing, on whole utterances)."""
    task = ready(corpus, REGRESSION, stretch=60.0)
    encode = encode_with(tiny_encoder().eval())
    known = torch.tensor([[False], [True], [False]])
    some = task.loss(encode, replace(batch, source_phones_known=known), 0.5)
    alone = task.loss(encode, spoken_batch(corpus, FEW[1:2]), 0.5)
    assert some.count == alone.count == 1
    for name, value in alone.metrics.items():
        torch.testing.assert_close(some.metrics[name], value, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(some.loss, alone.loss, atol=1e-4, rtol=1e-4)
