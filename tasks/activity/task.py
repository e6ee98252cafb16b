"""Target-speaker voice activity detection: when each enrolled person speaks in a mixture."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.conversation.activity import Activity
from joint.conversation.frames import check_frames, frames_of, inside, on_frames
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.metrics.activity import Errors
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, MIXTURE, Encode, Enrollment, Task, encode_enrollments
from joint.units import Samples
from tasks.activity.inference import in_pieces
from tasks.activity.network import ActivityNetwork
from tasks.activity.targets import spoken


class Logits(NamedTuple):
    """`values (B, K, F, C)` of K people in B mixtures; `mask (B, F)` is true on frames inside the
    mixture; frame f is centred on sample `offset + f·hop`."""

    values: Tensor
    mask: Tensor
    hop: Samples
    offset: Samples


class ActivityTask(Task):
    """When each enrolled person speaks; what is common to its two forms.

    Args:
        reads: names of the encoder's layers whose frames the network gets, side by side; of one
            time axis.
        hop: Samples between the network's frames, each the mean of the encoder's in it.
        network: called with `embedding_dim`, `feature_dim`, `outputs` and `people`.

    Raises ConfigError for no layer, and for a hop that is no multiple of ACTIVITY_HOP.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {
            *("enrollment", "enrollment_lengths", "speaker"),
            *("mixture", "mixture_lengths", "source_speakers", "activity"),
        }
    )
    outputs: ClassVar[int]
    people: ClassVar[bool]

    def __init__(
        self,
        embedding_dim: int,
        layer_dim: Callable[[str], int],
        network: Callable[..., ActivityNetwork] = ActivityNetwork,
        reads: Sequence[str] = ("block1", "block3"),
        hop: Samples = 640,
    ) -> None:
        super().__init__()
        check_frames(reads, hop)
        self.reads, self.hop = tuple(reads), hop
        self.layers = frozenset(reads)
        self.network = network(
            embedding_dim=embedding_dim,
            feature_dim=sum(layer_dim(name) for name in reads),
            outputs=self.outputs,
            people=self.people,
        )

    def logits(
        self, encode: Encode, mixture: Tensor, lengths: Tensor, enrolled: SpeakerEncoding
    ) -> Logits:
        """Of `mixture (B, S)` with `lengths (B,)` in Samples and `B·K` enrolled people.

        Raises ConfigError where the encoder's frames do not fit the task's hop.
        """
        encoding = encode(mixture, lengths, MIXTURE)
        frames = frames_of(encoding, self.reads, self.hop, "activity")
        mask = inside(lengths, frames.features.shape[1], frames.hop, frames.offset)
        frames = Frames(frames.features, mask, frames.hop, frames.offset)
        values = self.network(frames, encode, mixture, lengths, enrolled)
        return Logits(values, mask, frames.hop, frames.offset)

    def of_batch(self, encode: Encode, batch: SceneBatch) -> Logits:
        """See `logits`."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.mixture is not None and batch.mixture_lengths is not None
        enrolled = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        return self.logits(encode, batch.mixture, batch.mixture_lengths, enrolled)

    @abstractmethod
    def probabilities(self, values: Tensor) -> Tensor:
        """That each person speaks, `(…)`, of logits `(…, C)`."""

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Activity:
        """See Task: when each of K enrolled people speaks; a long recording is worked on in pieces.

        Raises ConfigError for no enrolment.
        """
        if not enrollments:
            raise ConfigError("enrolments", "none", "one for each person to look for")
        enrolled = encode_enrollments(encode, enrollments)

        def piece(waveform: Tensor) -> Activity:
            lengths = torch.tensor([len(waveform)], device=waveform.device)
            found = self.logits(encode, waveform[None], lengths, enrolled)
            return Activity(self.probabilities(found.values[0]), found.hop, found.offset)

        return in_pieces(piece, recording)


class TargetActivityTask(ActivityTask):
    """Target-speaker voice activity detection, of all people together (TS-VAD, Medennikov et al.,
    2020): of each person and frame, whether they speak."""

    outputs: ClassVar[int] = 1
    people: ClassVar[bool] = True

    def probabilities(self, values: Tensor) -> Tensor:
        """See ActivityTask."""
        return values[..., 0].sigmoid()

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Binary cross-entropy, mean over people and frames."""
        found = self.of_batch(encode, batch)
        values = found.values[..., 0]
        target = on_frames(spoken(batch), values.shape[2], found.hop, found.offset)
        valid = found.mask[:, None].expand_as(values)
        losses = F.binary_cross_entropy_with_logits(values, target, reduction="none")[valid]
        wrong = ((values > 0) != (target >= 0.5))[valid]
        return TaskOutput(
            losses.mean(), losses.numel(), {"frame_error_percent": 100.0 * wrong.float().mean()}
        )

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Error rates by frames; see `Errors`."""
        errors = Errors()
        for batch in batches:
            found = self.of_batch(encode, batch)
            values = found.values[..., 0]
            known = on_frames(spoken(batch), values.shape[2], found.hop, found.offset) >= 0.5
            errors.add(values > 0, known, found.mask)
        return errors.figures()
