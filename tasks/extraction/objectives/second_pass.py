"""Self-estimated speech as a further enrolment: what was extracted enrols the speaker again."""

import torch
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.layers.processes import drawn_together
from joint.outputs import SpeakerEncoding
from joint.task import Encode
from joint.units import SAMPLE_RATE, Samples

CPU = torch.device("cpu")

ESTIMATE = "estimate"
"""Role of what was extracted before."""

LONGEST: Samples = 60 * SAMPLE_RATE
"""Of an estimate that is encoded: its loudest stretch of this length, so that memory is bounded."""


class SecondPass(nn.Module):
    """A second pass of the same extractor, whose encoding is that of the first one's estimate.

    A training step takes it with a `probability`, as augmentation: the enrolment is then as short
    of the voice, and as full of others, as what an extractor gives (WeSep's self-estimated speech
    augmentation; Wang et al., Interspeech 2024). No gradient flows through the first pass. With
    `inference` every extraction takes it.

    Args:
        probability: Share of the training steps, 0 to 1.
        inference: Whether validation and inference take it.
        keep_enrollment: Whether the enrolment's recording stays before the estimate; without it the
            estimate alone enrols a person who is present, and one who is absent is still enrolled
            by the recording in training.

    Raises ConfigError for a probability that is none.
    """

    def __init__(
        self, probability: float = 0.0, inference: bool = False, keep_enrollment: bool = True
    ) -> None:
        super().__init__()
        if not 0.0 <= probability <= 1.0:
            raise ConfigError("second_pass.probability", str(probability), "0 to 1")
        self.probability, self.inference = probability, inference
        self.keep_enrollment = keep_enrollment

    def due(self, training: bool, device: torch.device | None = None) -> bool:
        """Whether this extraction takes it; or, in training, this step: drawn, for all processes
        alike, which compute on such a `device`."""
        if not training:
            return self.inference
        return self.probability > 0 and drawn_together(self.probability, device or CPU)

    def encoding(
        self,
        encode: Encode,
        first: SpeakerEncoding,
        estimate: Tensor,
        present: Tensor | None = None,
    ) -> SpeakerEncoding:
        """The encoding of the second pass, from the `first` one, of P people, and what was
        extracted with it, `estimate (P, S)`. Those who are not `present (P,)` are enrolled by their
        recording alone, where there is one."""
        rows = []
        for person, found in enumerate(_loudest(estimate.detach().float())):
            parts = [found]
            if first.waveform is not None and first.lengths is not None:
                recording = first.waveform[person, : int(first.lengths[person])]
                absent = present is not None and not bool(present[person])
                if absent:
                    parts = [recording]
                elif self.keep_enrollment:
                    parts = [recording, found]
            rows.append(torch.cat(parts))
        lengths = torch.tensor([len(row) for row in rows], device=estimate.device)
        return encode(nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths, ESTIMATE)


def _loudest(estimate: Tensor, longest: Samples = LONGEST) -> Tensor:
    """Of each of `estimate (P, S)` the stretch of `longest` samples with the most energy."""
    if estimate.shape[1] <= longest:
        return estimate
    step = longest // 4
    starts = range(0, estimate.shape[1] - longest + 1, step)
    energy = torch.stack([estimate[:, s : s + longest].square().sum(dim=1) for s in starts])
    best = energy.argmax(dim=0).tolist()
    return torch.stack(
        [row[step * i : step * i + longest] for row, i in zip(estimate, best, strict=True)]
    )
