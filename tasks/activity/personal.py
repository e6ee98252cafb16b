"""Personal voice activity detection: one person's speech, that of others, silence."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score
from torch import Tensor

from joint.conversation.frames import on_frames
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import Encode
from joint.units import Samples
from tasks.activity.network import ActivityNetwork
from tasks.activity.targets import anybody, spoken
from tasks.activity.task import ActivityTask, Logits

SILENCE, TARGET, OTHER = 0, 1, 2
"""The classes of a frame; `TARGET` where the person speaks, alone or over others."""
CLASSES = {SILENCE: "silence", TARGET: "target", OTHER: "other"}


class PersonalActivityTask(ActivityTask):
    """Personal VAD (Ding et al., "Personal VAD: speaker-conditioned voice activity detection",
    Odyssey 2020): of each person, without knowledge of the others, whether a frame is their speech,
    that of others, or silence.

    `confusable` is the weight of silence against the speech of others in the weighted pairwise loss
    (§2.4): they are seldom worth telling apart.
    """

    outputs: ClassVar[int] = len(CLASSES)
    people: ClassVar[bool] = False

    def __init__(
        self,
        embedding_dim: int,
        layer_dim: Callable[[str], int],
        network: Callable[..., ActivityNetwork] = ActivityNetwork,
        reads: Sequence[str] = ("block1", "block3"),
        hop: Samples = 640,
        confusable: float = 0.1,
    ) -> None:
        super().__init__(embedding_dim, layer_dim, network, reads, hop)
        weights = torch.ones(len(CLASSES), len(CLASSES))
        weights[SILENCE, OTHER] = weights[OTHER, SILENCE] = confusable
        self.register_buffer("pairs", weights.fill_diagonal_(0.0), persistent=False)
        self.pairs: Tensor

    def probabilities(self, values: Tensor) -> Tensor:
        """See ActivityTask."""
        return values.softmax(dim=-1)[..., TARGET]

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """The weighted pairwise loss, mean over people and frames: of each class but the frame's
        own, the cross-entropy of the two."""
        values, classes = self._valid(self.of_batch(encode, batch), batch)
        margin = values.gather(1, classes[:, None]) - values
        losses = (self.pairs[classes] * F.softplus(-margin)).sum(dim=1) / (len(CLASSES) - 1)
        wrong = values.argmax(dim=1) != classes
        return TaskOutput(
            losses.mean(), len(losses), {"frame_error_percent": 100.0 * wrong.float().mean()}
        )

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Average precision of each class that occurs, their mean (between 0 and 1), and the share
        of frames that are put in another class."""
        scores, known = [], []
        for batch in batches:
            values, classes = self._valid(self.of_batch(encode, batch), batch)
            scores.append(values.detach().softmax(dim=1).cpu())
            known.append(classes.cpu())
        score, truth = torch.cat(scores), torch.cat(known)
        figures = {
            f"{name}_average_precision": float(average_precision_score(truth == i, score[:, i]))
            for i, name in CLASSES.items()
            if bool((truth == i).any())
        }
        mean = sum(figures.values()) / max(len(figures), 1)
        wrong = 100.0 * float((score.argmax(dim=1) != truth).float().mean())
        return {**figures, "mean_average_precision": mean, "frame_error_percent": wrong}

    def _valid(self, found: Logits, batch: SceneBatch) -> tuple[Tensor, Tensor]:
        """Logits `(n, 3)` and classes `(n,)` of the frames inside the mixtures."""
        count = found.values.shape[2]
        target = on_frames(spoken(batch), count, found.hop, found.offset) >= 0.5
        speech = on_frames(anybody(batch), count, found.hop, found.offset) >= 0.5
        classes = torch.where(speech[:, None], OTHER, SILENCE).expand(target.shape)
        classes = classes.masked_fill(target, TARGET)
        valid = found.mask[:, None].expand_as(classes)
        return found.values[valid], classes[valid]
