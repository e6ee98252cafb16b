"""Speaker and text as two factors and their sum, for text-dependent verification.

After Yang et al., "Text adaptation for speaker verification with speaker-text factorized
embeddings", ICASSP 2020: the shared encoder's embedding is the speaker's part, a branch from one of
its layers the text's; both together make the embedding that a text-dependent trial compares. With
the text's part of other recordings, an enrolment with any words is adapted to the target words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.errors import ConfigError
from joint.losses.base import SpeakerLoss
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task


@dataclass(frozen=True)
class Factors:
    """Embeddings `(B, E)` of the `speaker`, of the `text`, and of `both`."""

    speaker: Tensor
    text: Tensor

    @property
    def both(self) -> Tensor:
        """Their sum, each at unit length first: neither outweighs the other."""
        return F.normalize(self.speaker) + F.normalize(self.text)


class SpeakerTextFactors(Task):
    """Tells speakers by the speaker's part, texts by the text's, and both by the sum.

    `criterion` is called with `embedding_dim` and `speaker_count`, as for verification, and gives a
    loss for the speaker's part and one for the sum.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "speaker", "phrase"}
    )

    def __init__(
        self,
        embedding_dim: int,
        layer_dim: Callable[[str], int],
        speaker_count: int,
        phrases: Sequence[str],
        layer: str,
        criterion: Callable[..., SpeakerLoss],
    ) -> None:
        super().__init__()
        if len(phrases) < 2:
            raise ConfigError("data.train", f"{len(phrases)} texts", "two or more that recur")
        self.layer, self.layers = layer, frozenset({layer})
        pooling = StatisticsPooling(layer_dim(layer))
        self.text = nn.Sequential(
            nn.BatchNorm1d(pooling.output_dim),
            nn.Linear(pooling.output_dim, embedding_dim),
            nn.ReLU(),
            nn.BatchNorm1d(embedding_dim),
            nn.Linear(embedding_dim, embedding_dim),
        )
        self.pooling = pooling
        self.phrase = nn.Linear(embedding_dim, len(phrases))
        self.phrase_of_both = nn.Linear(embedding_dim, len(phrases))
        parts = {"embedding_dim": embedding_dim, "speaker_count": speaker_count}
        self.criterion, self.criterion_of_both = criterion(**parts), criterion(**parts)

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Factors:
        """See Task: the factors `(1, E)` of the recording."""
        lengths = torch.tensor([len(recording)], device=recording.device)
        return self.factors(encode, recording[None], lengths)

    def factors(self, encode: Encode, audio: Tensor, lengths: Tensor) -> Factors:
        """The factors of recordings `(B, S)` or `(B, K, S)`, whose `lengths` are in Samples."""
        encoding = encode(audio, lengths, ENROLLMENT)
        layer = encoding.layers[self.layer]
        pooled = self.pooling(
            Frames(layer.features.transpose(1, 2), layer.mask, layer.hop, layer.offset)
        )
        return Factors(encoding.embedding, self.text(pooled).float())

    @property
    def fields(self) -> frozenset[str]:
        """See Task: `validate` tells by the utterance which pairs are of one recording."""
        return self.requires | {"utterance"}

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean of four losses: the parts, and the sum by speaker and by text."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.speaker is not None and batch.phrase is not None
        speaker, phrase = batch.speaker.flatten(), batch.phrase.flatten()
        factors = self.factors(encode, batch.enrollment, batch.enrollment_lengths)
        both = factors.both
        logits = self.phrase(factors.text)
        losses = [
            self.criterion(factors.speaker, speaker, progress),
            F.cross_entropy(logits, phrase),
            self.criterion_of_both(both, speaker, progress),
            F.cross_entropy(self.phrase_of_both(both), phrase),
        ]
        right = (logits.argmax(dim=-1) == phrase).float().mean()
        accuracy = self.criterion.accuracy(factors.speaker, speaker)
        metrics = {"accuracy": accuracy, "phrase_accuracy": right}
        return TaskOutput(torch.stack(losses).mean(), len(speaker), metrics)

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Share of held-out recordings nearest to another one of the same text, by the text's
        part, and of the same speaker, by the speaker's."""
        texts, speakers, phrase, speaker, utterances = [], [], [], [], []
        for batch in batches:
            assert batch.enrollment is not None and batch.enrollment_lengths is not None
            assert batch.speaker is not None and batch.phrase is not None
            factors = self.factors(encode, batch.enrollment, batch.enrollment_lengths)
            texts.append(F.normalize(factors.text))
            speakers.append(F.normalize(factors.speaker))
            phrase.append(batch.phrase.flatten())
            speaker.append(batch.speaker.flatten())
            if batch.utterance is not None:
                utterances.append(batch.utterance.flatten())
        count = sum(map(len, speaker))
        recording = torch.cat(utterances) if utterances else torch.arange(count)
        itself = (recording[:, None] == recording).to(texts[0].device)
        return {
            "same_phrase": _nearest_alike(torch.cat(texts), torch.cat(phrase), itself),
            "same_speaker": _nearest_alike(torch.cat(speakers), torch.cat(speaker), itself),
        }


def _nearest_alike(unit: Tensor, labels: Tensor, itself: Tensor) -> float:
    """Share of rows whose nearest row of another recording has the same label; `itself (n, n)`
    is True for pairs of one recording."""
    with torch.autocast(unit.device.type, enabled=False):
        cosine = unit @ unit.T
    cosine = cosine.masked_fill(itself, -2.0)
    return float((labels[cosine.argmax(dim=1)] == labels).float().mean())
