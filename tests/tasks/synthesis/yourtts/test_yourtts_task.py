"""YourTTS as a task: what its losses train, where its segments lie, what it speaks."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from support import COMMON
from tiny_models import encode_with, tiny_encoder
from tiny_synthesis import EMBEDDING, spoken_batch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.encoders.view import Switch
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.examples import aligned_utterances
from joint.synthesis.mel import HOP
from joint.synthesis.speaking import SpeakingOptions
from joint.synthesis.timing.durations import END_SILENCE
from joint.task import ENROLLMENT
from joint.training.building.objects import build
from tasks.synthesis.yourtts.decoders import VocosDecoder
from tasks.synthesis.yourtts.generator import Vits
from tasks.synthesis.yourtts.task import YourTTS

pytest.importorskip("espnet2", reason="pip install --no-deps espnet==202511")

FEW = (0, 5)
GENERATOR = partial(
    Vits,
    decoder=partial(VocosDecoder, dim=16, blocks=1, hidden=32),
    dim=16,
    speaker_dim=8,
    text_blocks=1,
    posterior_layers=2,
    flow_layers=1,
    segment=40,
)


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def batch(corpus: Corpus) -> SceneBatch:
    return spoken_batch(corpus, FEW)


def yourtts(corpus: Corpus, **settings: Any) -> YourTTS:
    """A small one, in training mode; its discriminators begin in the middle."""
    with seeded(0, "yourtts"):
        critic = Discriminators((2,), (4, 8), (256,), 4)
        begins = {"discriminators_from": 0.5, "judged": 0.2}
        return YourTTS(EMBEDDING, corpus.phones, GENERATOR, critic, **begins | settings)


def reached(model: JointModel) -> set[str]:
    """Parts of the model that have a gradient, two levels deep."""
    named = model.named_parameters()
    moved = (name for name, p in named if p.grad is not None and bool(p.grad.any()))
    return {".".join(name.split(".")[: 4 if ".generator." in name else 3]) for name in moved}


PARTS = ("speaker", "fusion", "text_encoder", "posterior_encoder", "flow", "duration_predictor")


@pytest.mark.parametrize("aligned_durations", [False, True])
@pytest.mark.parametrize("switch", ["frozen", "joint"])
def test_what_it_trains(
    corpus: Corpus, batch: SceneBatch, switch: Switch, aligned_durations: bool
) -> None:
    task = yourtts(corpus, aligned=aligned_durations, stretch=1.0)
    model = JointModel(tiny_encoder(), {"voice": task}, switches={"voice": switch})
    torch.manual_seed(0)
    output = model([StreamBatch(batch, ("voice",))], 0.7)
    weighted = {f"voice/{name}": weight for name, weight in task.weights.items()}
    expected = sum(weight * output.metrics[name] for name, weight in weighted.items())
    assert float(output.loss.detach()) == pytest.approx(expected, rel=1e-4)
    output.total.backward()
    own = {f"tasks.voice.generator.{part}" for part in (*PARTS, "decoder")}
    assert {name for name in reached(model) if name.startswith("tasks.voice.gen")} == own
    assert "tasks.voice.discriminators" in reached(model)
    assert any(name.startswith("encoder.") for name in reached(model)) == (switch == "joint")


def test_the_consistency_alone_reaches_decoder_and_encoder(
    corpus: Corpus, batch: SceneBatch
) -> None:
    """Through the made waveform: with everything else weighed by nothing, and an enrolment's
    embedding that is constant."""
    silent = dict.fromkeys(("mel_weight", "kl_weight", "duration_weight"), 0.0)
    task = yourtts(corpus, discriminators_from=0.9, consistency_rows=1, **silent)
    encoder = tiny_encoder().eval()

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        found = encode_with(encoder)(audio, lengths, role)
        assert len(audio) == (2 if role == ENROLLMENT else 1)
        return found.detached() if role == ENROLLMENT else found

    loss = task.loss(encode, batch, 0.0)
    consistency = loss.metrics["consistency_loss"]
    assert isinstance(consistency, Tensor) and 0.0 < consistency.item() < 2.0
    loss.loss.backward()
    with_gradient = {n for n, p in task.named_parameters() if p.grad is not None and p.grad.any()}
    assert "generator.decoder.head.output.weight" in with_gradient
    assert "generator.posterior_encoder.proj.weight" in with_gradient
    assert any(p.grad is not None and p.grad.any() for p in encoder.parameters())
    off = yourtts(corpus, consistency_weight=0.0)
    assert "consistency_loss" not in off.loss(encode, batch, 0.0).metrics


def test_segments_are_compared_where_they_lie(corpus: Corpus, batch: SceneBatch) -> None:
    """A decoder that gave the recordings back would have no mel error."""
    task = yourtts(corpus, discriminators_from=0.9, consistency_weight=0.0)
    seen: list[tuple[Tensor, Tensor]] = []
    task._segment = lambda sound, starts, samples: (  # type: ignore[method-assign]
        seen.append((starts, YourTTS._segment(sound, starts, samples))) or seen[-1][1]
    )
    encode = encode_with(tiny_encoder())
    task.loss(encode, batch, 0.0)
    (starts, reference), *_ = seen
    assert batch.sources is not None and reference.shape == (2, 39 * HOP)
    for row, start in enumerate(starts.tolist()):
        own = batch.sources[row, 0, start * HOP : start * HOP + 39 * HOP]
        gain = float(reference[row].norm() / own.norm())  # all are brought to one level
        torch.testing.assert_close(reference[row], gain * own, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("block", "millions"), [("vits_small", 12), ("vits_full_size", 43)])
def test_blocks_have_the_sizes_they_say(block: str, millions: int) -> None:
    node = yaml.safe_load((COMMON / "generators" / f"{block}.yaml").read_text())
    made = build(node, "generator")(phones=40, embedding_dim=192)
    # the length of a weight beside its direction is no parameter more
    named = (p for n, p in made.named_parameters() if not n.endswith("weight.original0"))
    assert round(sum(p.numel() for p in named) / 1e6) == millions


def test_without_examples(corpus: Corpus) -> None:
    nothing = spoken_batch(corpus, FEW, source_phones_known=torch.zeros(2, 1).bool())
    task, encode = yourtts(corpus), encode_with(tiny_encoder())
    assert task.loss(encode, nothing, 0.7).count == 0
    critic = task.critic_loss(encode, nothing, 0.7)
    assert critic is not None and critic.count == 0


@torch.no_grad()
def test_validation_is_the_same_each_time(corpus: Corpus, batch: SceneBatch) -> None:
    task, encode = yourtts(corpus).eval(), encode_with(tiny_encoder().eval())
    first, second = (task.validate(encode, [batch]) for _ in range(2))
    assert first == second
    expected = {"loss", "mel_error", "kl_loss", "duration_loss", "consistency_loss"}
    assert first.keys() == expected


@torch.no_grad()
def test_speaking(corpus: Corpus, batch: SceneBatch) -> None:
    task, encode = yourtts(corpus).eval(), encode_with(tiny_encoder().eval())
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    encoding = encode(batch.enrollment[:1], batch.enrollment_lengths[:1], ENROLLMENT)
    found = aligned_utterances(spoken_batch(corpus, FEW[:1]))
    assert found is not None
    phones = found.timed.phones[0]
    spoken, again = (task.speak_in(encoding, phones) for _ in range(2))
    assert spoken.shape == (len(spoken),) and len(spoken) % HOP == 0 and torch.equal(spoken, again)
    other = task.speak_in(encoding, phones, SpeakingOptions(sampling=Sampling(seed=1)))
    assert spoken.shape != other.shape or not torch.equal(spoken, other)
    slow = task.speak_in(encoding, phones, SpeakingOptions(rate=0.25))
    assert len(slow) > 1.5 * len(spoken)
    assert phones[0] == 0  # a silence, which is short whatever is drawn
    alone = task.speak_in(encoding, phones[:1], SpeakingOptions(rate=0.25))
    assert len(alone) <= (END_SILENCE - 1) * HOP
