"""Extraction: the enrolled speaker out of a mixture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from einops import repeat
from torch import Tensor

from joint.conditioning.local_similarity import LocalSimilarity
from joint.errors import ConfigError
from joint.metrics.separation import si_sdr_db
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_enrollments
from joint.units import SAMPLE_RATE, Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.losses import ExtractionLoss, is_present

LONGEST: Samples = 20 * SAMPLE_RATE
"""Longer mixtures are extracted in pieces, so that memory stays bounded."""
OVERLAP: Samples = 2 * SAMPLE_RATE


class ExtractionTask(Task):
    """Extracts every enrolled person from the mixture.

    `extractor` is called with `embedding_dim`.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "enrollment_source", "mixture", "sources"}
    )

    def __init__(
        self,
        embedding_dim: int,
        extractor: Callable[..., Extractor],
        criterion: ExtractionLoss | None = None,
    ) -> None:
        super().__init__()
        self.extractor = extractor(embedding_dim=embedding_dim)
        self.criterion = criterion or ExtractionLoss()

    def estimate(self, encode: Encode, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """What the extractor makes of `mixture (B, S)` and the `encoding` of `B·K` enrolments. For
        an extractor that has a `similarity`, the mixture is compared with them before."""
        similarity = getattr(self.extractor, "similarity", None)
        if isinstance(similarity, LocalSimilarity):
            lengths = torch.full((len(mixture),), mixture.shape[1], device=mixture.device)
            measured = similarity.measure(encode, mixture, lengths, encoding)
            encoding = replace(encoding, similarity=measured)
        estimate: Estimate = self.extractor(mixture, encoding)
        return estimate

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B·K` enrolled people of the batch."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.mixture is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        estimate = self.estimate(encode, batch.mixture, encoding)
        reference = references(batch)
        mixture = repeat(batch.mixture, "b s -> (b k) s", k=len(reference) // len(batch))
        loss = self.criterion(estimate, reference, mixture, progress)
        gain = improvement(estimate.waveform.detach(), reference, mixture)
        metrics = {"si_sdr_improvement_db": gain.mean()} if len(gain) else {}
        return TaskOutput(loss.mean(), len(reference), dict(metrics))

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """SI-SDRi over held-out scenes and the share in which another speaker came out, both of the
        people who are present."""
        gains, wrong = [], []
        for batch in batches:
            assert batch.enrollment is not None and batch.enrollment_lengths is not None
            assert batch.mixture is not None
            encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
            waveform = self.estimate(encode, batch.mixture, encoding).waveform
            reference = references(batch)
            mixture = repeat(batch.mixture, "b s -> (b k) s", k=len(reference) // len(batch))
            gains.append(improvement(waveform, reference, mixture))
            others = si_sdr_db(waveform, mixture - reference)
            nearer_to_others = others > si_sdr_db(waveform, reference)
            wrong.append(nearer_to_others[is_present(reference)])
        gain = torch.cat(gains)
        return {
            "si_sdr_improvement_db": float(gain.mean()),
            "si_sdr_improvement_median_db": float(gain.median()),
            "wrong_speaker_share": float(torch.cat(wrong).float().mean()),
        }

    def infer(
        self,
        encode: Encode,
        recording: Tensor,
        enrollments: Sequence[Enrollment] = (),
        longest: Samples = LONGEST,
    ) -> Tensor:
        """See Task: the speech `(K, S)` of each of K enrolled people in the mixture `recording`;
        pieces of at most `longest` Samples are cross-faded.

        Raises ConfigError for no enrolment, and for a kept embedding where the extractor needs the
        recording.
        """
        if not enrollments:
            raise ConfigError("enrolments", "none", "one for each person to extract")
        encoding = encode_enrollments(encode, enrollments)
        if len(recording) <= longest:
            return self.estimate(encode, recording[None], encoding).waveform
        out = recording.new_zeros(len(enrollments), len(recording))
        fade = torch.linspace(0.0, 1.0, OVERLAP, device=recording.device)
        for start in range(0, len(recording) - OVERLAP, longest - OVERLAP):
            mixture = recording[None, start : start + longest]
            piece = self.estimate(encode, mixture, encoding).waveform
            if start:
                piece = torch.cat([piece[:, :OVERLAP] * fade, piece[:, OVERLAP:]], dim=1)
                out[:, start : start + OVERLAP] *= 1.0 - fade
            out[:, start : start + piece.shape[1]] += piece
        return out


def references(batch: SceneBatch) -> Tensor:
    """The reference of each enrolled person, `(B·K, S)`; zero for the absent."""
    assert batch.sources is not None and batch.enrollment_source is not None
    source = batch.enrollment_source
    index = source.clamp(min=0)[:, :, None].expand(-1, -1, batch.sources.shape[2])
    chosen = batch.sources.gather(1, index) * (source >= 0)[:, :, None]
    return chosen.flatten(0, 1)


def improvement(estimate: Tensor, reference: Tensor, mixture: Tensor) -> Tensor:
    """SI-SDRi of the people who are present, `(≤ B,)`."""
    present = is_present(reference)
    estimate, reference, mixture = estimate[present], reference[present], mixture[present]
    return si_sdr_db(estimate, reference) - si_sdr_db(mixture, reference)
