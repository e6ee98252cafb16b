"""The extractor, for an export: mixtures, and what it needs of the people to extract."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from joint.app.export.parts.base import SHORT, Axes, Part, padded, signal_to_difference_db
from joint.errors import ConfigError
from joint.model import JointModel
from joint.outputs import SpeakerEncoding
from joint.task import ENROLLMENT
from joint.units import SAMPLE_RATE
from tasks.extraction.level import at_level_in
from tasks.extraction.task import ExtractionTask

CUES: tuple[tuple[str, ...], ...] = (
    ("embedding",),
    ("embedding", "enrollment", "enrollment_lengths"),
    ("enrollment", "enrollment_lengths"),
)
"""What an extractor may be given of an enrolled person, the least first: the encoder's embedding,
the recording besides, or the recording alone, which an encoder inside the extractor's file reads.
"""

AXES: dict[str, Axes] = {
    "mixture": (1, "samples"),
    "enrollment": (1, "enrollment_samples"),
    "enrollment_lengths": (1,),
    "waveform": (1, "samples"),
}


class ExtractorPart(Part):
    """A mixture `(1, S)` and an enrolled person to that person's speech `(1, S)`. One at a time:
    extractors count the people for each mixture by Python's `len`, which a graph takes for fixed.

    Raises ConfigError for an extractor that extracts twice: how long its second enrolment is
    depends on the first estimate.
    """

    kind = "extractor"
    measure: ClassVar[str] = "signal-to-difference ratio in dB"
    least: ClassVar[float] = 50.0

    def __init__(self, model: JointModel, name: str = "extraction") -> None:
        super().__init__()
        task = model.task(name)
        assert isinstance(task, ExtractionTask)
        if task.second_pass.due(training=False):
            expected = "one pass, for an export"
            raise ConfigError(
                f"tasks.{name}.second_pass", "an extractor that extracts twice", expected
            )
        self.task, self.encoder, self.adapter = task, model.encoder, model.adapter(name)
        self._view = lambda: model.view(name)
        self.cue = self._least_cue(adapted=self.adapter is not None)
        axes = AXES | {"embedding": (1, model.encoder.embedding_dim)}
        self.inputs = {n: axes[n] for n in ("mixture", *self.cue)}
        self.outputs = {"waveform": axes["waveform"]}

    @property
    def metadata(self) -> dict[str, Any]:
        """See Part."""
        return {"reads": ["mixture", *self.cue]}

    def forward(self, mixture: Tensor, *cue: Tensor) -> Tensor:
        """`mixture (1, S)` and the tensors of the `cue` → `(1, S)`."""
        given, encode = dict(zip(self.cue, cue, strict=True)), self._view()
        recording, lengths = given.get("enrollment"), given.get("enrollment_lengths")
        if "embedding" in given:
            encoding = SpeakerEncoding(given["embedding"], waveform=recording, lengths=lengths)
        else:
            assert recording is not None and lengths is not None
            encoding = encode(recording, lengths, ENROLLMENT)
        found = self.task.estimate(encode, mixture, encoding).waveform
        return at_level_in(found, mixture) if self.task.match_level else found

    def examples(self, speech: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """See Part: two mixtures of two people, one of half a second."""
        length = min(len(s) for s in speech[:2])
        long = (speech[0][:length] + speech[1][:length])[None]
        short = (speech[2][:SHORT] + 0.5 * speech[3][:SHORT])[None]
        # somebody else's recording enrols as well as any: it is only computed with
        people = [padded(speech[4:5]), padded(speech[5:6])]
        return [(long, *self._of(*people[0])), (short, *self._of(*people[1]))]

    def agreement(self, found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
        """See Part."""
        return signal_to_difference_db(found[0], expected[0])

    def _of(self, enrollment: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The tensors of the cue for recordings `(B, S)`."""
        given = {"enrollment": enrollment, "enrollment_lengths": lengths}
        if "embedding" in self.cue:
            with torch.no_grad():
                given["embedding"] = self._view()(enrollment, lengths, ENROLLMENT).embedding
        return tuple(given[name] for name in self.cue)

    def _least_cue(self, adapted: bool) -> tuple[str, ...]:
        """The first of `CUES` that the extractor is content with; with an adapter the embedding is
        not the encoder's own, so that the last one is left."""
        second = torch.zeros(1, SAMPLE_RATE)
        second[0, ::16] = 0.1
        lengths = torch.tensor([SAMPLE_RATE])
        for cue in () if adapted else CUES[:-1]:
            self.cue = cue
            try:
                with torch.no_grad():
                    self.forward(second, *self._of(second, lengths))
            except ConfigError:  # it needs more
                continue
            return cue
        return CUES[-1]
