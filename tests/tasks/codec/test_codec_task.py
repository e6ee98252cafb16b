"""CodecTask: which losses when, which parameters, the phones of the first quantiser."""

import pytest
import torch
from tiny_models import tiny_encoder
from tiny_synthesis import codec
from torch import Tensor

from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.level import TARGET, speech_rms
from tasks.codec.task import CodecTask

PHONES = ("SIL", "AA", "B")
ALWAYS = {"log_mel_error", "commitment_loss", "phone_loss", "phone_accuracy"}
WAVEFORM = {"mel_error", "spectral_loss"}


def codec_task(phone_weight: float = 1.0) -> CodecTask:
    """The waveform begins at 0.4, the discriminators at 0.6."""
    with seeded(0, "task"):
        critic = Discriminators((2, 3), (4, 8), (256,), 4)
        return CodecTask(PHONES, codec(), critic, judged=0.2, phone_weight=phone_weight)


def never(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
    """An encoder that must not be asked."""
    raise AssertionError(role)


def test_recordings_are_learnt_at_one_level(recordings: Tensor) -> None:
    gains = torch.linspace(0.1, 1.0, len(recordings))[:, None]
    found = codec_task().copies(batch_of(gains * recordings), 0.0).reference
    torch.testing.assert_close(speech_rms(found), torch.full((len(found),), TARGET))


def batch_of(waveforms: Tensor, known: bool = True) -> SceneBatch:
    """Recordings of phone 1, then 2; of the last one nothing is known."""
    count, samples = waveforms.shape
    phones = torch.tensor([1, 2]).repeat(count, 1, 1)
    phones[-1] = -1
    return SceneBatch(
        scene_ids=[str(i) for i in range(count)],
        enrollment=waveforms[:, None],
        enrollment_lengths=torch.full((count, 1), samples),
        enrollment_phones=phones if known else torch.full_like(phones, -1),
        enrollment_phone_ends=torch.tensor([samples // 2, samples]).repeat(count, 1, 1),
    )


def test_what_is_trained_when(recordings: Tensor) -> None:
    task, batch = codec_task(), batch_of(recordings)
    assert task.loss(never, batch, 0.39).metrics.keys() == ALWAYS
    waiting = task.critic_loss(never, batch, 0.39)
    assert waiting is not None and waiting.count == 0
    assert task.loss(never, batch, 0.4).metrics.keys() == ALWAYS | WAVEFORM
    late = task.loss(never, batch, 0.6)
    assert late.metrics.keys() == ALWAYS | WAVEFORM | {"adversarial_loss", "feature_loss"}
    critic = task.critic_loss(never, batch, 0.6)
    assert critic is not None and float(critic.loss.detach()) > 0.0
    with pytest.raises(ConfigError, match="waveform_from: found"):
        CodecTask(PHONES, codec(), None, waveform_from=0.7)


def test_each_loss_has_gradients_of_its_own_parameters(recordings: Tensor) -> None:
    model = JointModel(tiny_encoder(), {"codec": codec_task()}, switches={"codec": "frozen"})
    batch = [StreamBatch(batch_of(recordings), ("codec",))]
    named = dict(model.named_parameters())
    trained = {n for n in named if n.startswith(("tasks.codec.codec.", "tasks.codec.classifier."))}
    model(batch, 0.5).loss.backward()
    assert {n for n, p in named.items() if p.grad is not None} == trained
    model.zero_grad()
    model(batch, 0.7).critic_loss.backward()
    moved = {n for n, p in named.items() if p.grad is not None}
    assert moved == {n for n in named if n.startswith("tasks.codec.discriminators.")}


def test_the_distillation_reaches_encoder_and_first_quantiser_alone(recordings: Tensor) -> None:
    task, batch = codec_task(), batch_of(recordings)
    task.loss(never, batch, 0.0).metrics["phone_loss"].backward()
    parts = {
        n.split(".")[1] for n, p in task.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert parts == {"encoder", "enter", "weight", "bias"}
    task.zero_grad()
    unknown = task.loss(never, batch_of(recordings, known=False), 0.0)
    assert float(unknown.metrics["phone_loss"].detach()) == 0.0
    assert bool(unknown.loss.isfinite())


def test_phones_are_known_where_they_are(recordings: Tensor) -> None:
    """A classifier that always says 1 is right in the first half of the known recordings."""
    task = codec_task()
    assert task.classifier is not None
    with torch.no_grad():
        task.classifier.weight.zero_()
        task.classifier.bias.copy_(torch.tensor([0.0, 9.0, 0.0]))
    accuracy = task.loss(never, batch_of(recordings), 0.0).metrics["phone_accuracy"]
    assert float(accuracy) == pytest.approx(0.5)  # 9 of 18 frames; that at the end has no phone


def test_without_distillation_no_phones_are_needed(recordings: Tensor) -> None:
    task = codec_task(phone_weight=0.0)
    assert task.fields == task.requires
    bare = CodecTask((), codec(), phone_weight=0.0)
    assert bare.loss(never, batch_of(recordings), 0.0).metrics.keys() == {
        "log_mel_error",
        "commitment_loss",
    }
    assert bare.infer(never, recordings[0]).shape == (7_200,)
    with pytest.raises(ConfigError, match="no phones"):
        CodecTask((), codec())


@torch.no_grad()
def test_validation_moves_no_codebook(recordings: Tensor) -> None:
    task = codec_task()
    task.loss(never, batch_of(recordings), 0.0)
    before = {name: value.clone() for name, value in task.eval().state_dict().items()}
    figures = task.validate(never, [batch_of(recordings[:2]), batch_of(recordings[2:])])
    assert figures.keys() == ALWAYS | WAVEFORM
    assert all(torch.equal(v, before[n]) for n, v in task.state_dict().items())
