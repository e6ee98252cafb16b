"""Extraction: the enrolled speaker's voice out of a mixture."""

from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from joint.metrics.separation import si_sdr_db
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import Encode, Task
from joint.units import SAMPLE_RATE, Samples
from tasks.extraction.extractors.bsrnn import BandSplitExtractor
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
        extractor: Callable[..., BandSplitExtractor],
        criterion: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.extractor = extractor(embedding_dim=embedding_dim)
        self.criterion = criterion or ExtractionLoss()

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B·K` enrolled people of the batch."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.mixture is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths)
        estimate = self.extractor(batch.mixture, encoding)
        reference = references(batch)
        mixture = batch.mixture.repeat_interleave(len(reference) // len(batch), dim=0)
        loss = self.criterion(estimate, reference, mixture, self.extractor.spectrum, progress)
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
            encoding = encode(batch.enrollment, batch.enrollment_lengths)
            waveform = self.extractor(batch.mixture, encoding).waveform
            reference = references(batch)
            mixture = batch.mixture.repeat_interleave(len(reference) // len(batch), dim=0)
            gains.append(improvement(waveform, reference, mixture))
            heard = si_sdr_db(waveform, reference)
            closer_to_rest = si_sdr_db(waveform, mixture - reference) > heard
            wrong.append(closer_to_rest[is_present(reference)])
        gain = torch.cat(gains)
        return {
            "si_sdr_improvement_db": float(gain.mean()),
            "si_sdr_improvement_median_db": float(gain.median()),
            "wrong_speaker_share": float(torch.cat(wrong).float().mean()),
        }

    def infer(
        self, encode: Encode, mixture: Tensor, enrollment: Tensor, longest: Samples = LONGEST
    ) -> Tensor:
        """One `mixture (S,)` and one `enrollment (S',)` → the voice `(S,)`; pieces of at most
        `longest` Samples are cross-faded."""
        encoding = encode(
            enrollment[None], torch.tensor([len(enrollment)], device=enrollment.device)
        )
        if len(mixture) <= longest:
            return self.extractor(mixture[None], encoding).waveform[0]
        out = torch.zeros_like(mixture)
        fade = torch.linspace(0.0, 1.0, OVERLAP, device=mixture.device)
        for start in range(0, len(mixture) - OVERLAP, longest - OVERLAP):
            piece = self.extractor(mixture[None, start : start + longest], encoding).waveform[0]
            if start:
                piece = torch.cat([piece[:OVERLAP] * fade, piece[OVERLAP:]])
                out[start : start + OVERLAP] *= 1.0 - fade
            out[start : start + len(piece)] += piece
        return out


def references(batch: SceneBatch) -> Tensor:
    """What each enrolled person says in the mixture, `(B·K, S)`; zero for the absent."""
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
