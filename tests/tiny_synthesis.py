"""Synthesis and conversion small enough for a test, and batches of real, aligned speech."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from tiny_models import tiny_encoder
from torch import Tensor, nn

from joint.adapters.low_rank import LowRank
from joint.data.corpus import Corpus
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import FileStore
from joint.encoders.view import Switch
from joint.model import JointModel
from joint.scene import EnrollmentPlan, Scene, SceneBatch, Segment, Source
from joint.seeding import seeded
from joint.synthesis.codec.codec import Codec
from joint.synthesis.codec.quantizer import ResidualQuantizer
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.decoders.flow import FlowDecoder
from joint.synthesis.decoders.regression import RegressionDecoder
from joint.synthesis.examples import FIELDS
from joint.synthesis.vocoders.vocos import Vocos
from tasks.conversion.content.phonetic import PhoneticContent
from tasks.conversion.task import ConversionTask
from tasks.synthesis.task import SynthesisTask

EMBEDDING = 12
FLOW = partial(FlowDecoder, dim=16, blocks=1, hidden=32, time_dim=8, steps=2)
REGRESSION = partial(RegressionDecoder, dim=16, blocks=1, hidden=32)
ENROLLED = 24_000
"""Samples of an enrolment."""


def consistency(seconds: float = 0.5) -> SpeakerConsistency:
    """With a vocoder that has learnt nothing."""
    with seeded(0, "vocoder"):
        return SpeakerConsistency(Vocos(16, 1, 32), rows=2, seconds=seconds)


def synthesis(phones: Sequence[str], decoder: Any = FLOW, **settings: Any) -> SynthesisTask:
    """In training mode."""
    with seeded(0, "synthesis"):
        settings = {"dim": 16, "blocks": 1, "predictor_dim": 16} | settings
        return SynthesisTask(EMBEDDING, phones, decoder, **settings)


def conversion(phones: Sequence[str], decoder: Any = FLOW, **settings: Any) -> ConversionTask:
    """In training mode."""
    with seeded(0, "conversion"):
        phonetic = partial(PhoneticContent, dim=16, blocks=1, hidden=32, width=8)
        return ConversionTask(
            EMBEDDING, phones, decoder, **{"content": phonetic, "dim": 16, **settings}
        )


def codec(quantizers: int = 3, size: int = 32, dim: int = 16, **settings: Any) -> Codec:
    """In training mode; its codebooks are empty."""
    with seeded(0, "codec"):
        quantizer = ResidualQuantizer(quantizers, size, 8, **{"decay": 0.8} | settings)
        return Codec(Vocos(16, 1, 32, iterations=0), quantizer, dim, 1, 2 * dim)


def trained(made: Codec, recordings: Tensor, steps: int = 80) -> Codec:
    """In eval mode, after some steps on the log-mel of `recordings (B, S)`."""
    parameters = [p for n, p in made.named_parameters() if not n.startswith("vocoder.")]
    optimizer = torch.optim.AdamW(parameters)
    torch.manual_seed(0)
    for _ in range(steps):
        found = made(recordings)
        loss = 10.0 * (found.log_mel - found.target).abs().mean() + found.commitment
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return made.eval()


def speaking_model(
    task: SynthesisTask | ConversionTask, corpus: Corpus, switch: Switch = "frozen"
) -> JointModel:
    """The task, which knows the corpus's mel bands, on a tiny encoder."""
    task.setup(corpus)
    encoder = tiny_encoder()
    with seeded(0, "adapters"):
        adapters = {"voice": LowRank(encoder, rank=2)} if switch == "adapter" else {}
    return JointModel(encoder, {"voice": task}, switches={"voice": switch}, adapters=adapters)


def spoken_batch(corpus: Corpus, utterances: Sequence[int], **other: Any) -> SceneBatch:
    """These utterances of an aligned corpus, whole, each with another one of its speaker to enrol
    with; `other` replaces fields."""
    scenes = []
    for index in utterances:
        speaker = int(corpus.speaker_of[index])
        enrolled = next(int(u) for u in corpus.of_speaker[speaker] if u != index)
        length = corpus.utterances[index].length(1.0)
        whole = Segment(index, speaker, 1.0, 0, length)
        sample = Segment(enrolled, speaker, 1.0, 4_000, ENROLLED)
        plan = EnrollmentPlan(sample, 0, None, None)
        source = Source(whole, 0, 0.0)
        scenes.append(Scene(str(index), (plan,), ENROLLED, (source,), length, None, None, 0.0))
    batch = Renderer(corpus, FileStore(corpus), FIELDS).batch(scenes)
    return SceneBatch(**{**vars(batch), **other})


def state(module: nn.Module) -> dict[str, Any]:
    """A copy of its parameters and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}
