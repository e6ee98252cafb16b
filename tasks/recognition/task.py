"""What every face of the recogniser shares: targets, losses and figures."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.losses.ctc import alignable, ctc_losses
from joint.metrics.words import edit_distance
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task
from joint.text.spans import Spans
from joint.text.units import Targets, Units
from tasks.recognition.core import RecognizerCore, Transcript
from tasks.recognition.decoding.attention_beam import BEAM, CTC_WEIGHT, AttentionBeamSearch
from tasks.recognition.decoding.best_path import BestPath, Decoding
from tasks.recognition.objectives.alignment import alignment_losses
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.objectives.permutation import best_permutation, orders


@dataclass(frozen=True)
class Said:
    """What an output should say: `ids (B, P)`, −1 fills up, `counts (B,)` of them; `known (B,)` is
    False where nobody knows; `spans` say when, None where no output has to be in time."""

    ids: Tensor
    counts: Tensor
    known: Tensor
    spans: Spans | None = None


class RecognitionTask(Task):
    """A recogniser: `core` is called with the size of the vocabulary.

    Without `decoder` the loss is CTC's; with one, a callable that takes the size of the vocabulary
    and the core's width, it is shared: `attention` is its part (Watanabe et al., 2017). What the
    corpus's alignment says of each frame is `alignment` of the loss at the beginning of a training
    and nothing at its end, where it is known (of phones).
    """

    requires: ClassVar[frozenset[str]] = frozenset({"mixture", "mixture_lengths"})
    symbols_besides: ClassVar[int] = 0
    """Symbols that a face adds to its units."""

    def __init__(
        self,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0.0 <= alignment <= 1.0:
            raise ConfigError("alignment", str(alignment), "a share of the loss, 0 to 1")
        self.units, self.alignment = units, alignment
        vocabulary = len(units) + self.symbols_besides
        self.core = core(vocabulary=vocabulary)
        self.decoder: AttentionDecoder | None = None
        if decoder is not None:
            self.decoder = decoder(vocabulary=vocabulary, width=self.core.width)
        self.attention = attention

    @property
    def fields(self) -> frozenset[str]:
        """See Task: the references too, in the form that the units are of."""
        return self.requires | self.units.fields

    @abstractmethod
    def transcripts(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Transcript]:
        """The transcript of each output, for `waveform (B, S)` with `lengths (B,)` in Samples;
        `enrolled` are the B·K people whom an output is asked for, where it is."""

    def enrolled(self, encode: Encode, batch: SceneBatch) -> SpeakerEncoding | None:
        """The encoding of the batch's enrolments, where the task asks for them."""
        if "enrollment" not in self.requires:
            return None
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        return encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)

    @abstractmethod
    def wanted(self, batch: SceneBatch, targets: Targets) -> list[Said]:
        """What each output should say, in any order."""

    def setup(self, corpus: Corpus) -> None:
        """See Task."""
        self.units.setup(corpus)

    def places(self, sequences: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
        """Where in what the outputs say each person's units stand: the output, and the place in
        it."""
        return [[(n, i) for i in range(len(said))] for n, said in enumerate(sequences)]

    def parts(self, sequences: Sequence[Sequence[int]]) -> list[list[int]]:
        """What each person says of what the outputs say."""
        return [[sequences[n][i] for n, i in own] for own in self.places(sequences)]

    def spoken(self, sequences: Sequence[Sequence[int] | Sequence[str]]) -> list[list[str]]:
        """What each person says of what was decoded of the outputs, symbols or words, in words."""
        if any(isinstance(item, str) for sequence in sequences for item in sequence):
            return [[str(word) for word in sequence] for sequence in sequences]
        symbols = [[int(item) for item in sequence] for sequence in sequences]
        return [self.units.words(part) for part in self.parts(symbols)]

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over units, and one for the end of each output, of the negative log-likelihood."""
        assert batch.mixture is not None and batch.mixture_lengths is not None
        found = self.transcripts(
            encode, batch.mixture, batch.mixture_lengths, self.enrolled(encode, batch)
        )
        said = self.wanted(batch, self.units.targets(batch))
        share = self.alignment * (1.0 - progress)
        losses = [torch.stack([self.likelihood(f, s, share) for s in said], dim=1) for f in found]
        fits = [torch.stack([alignable(f.frames, s.ids, s.counts) for s in said], 1) for f in found]
        least, _ = best_permutation(torch.stack(losses, dim=1), torch.stack(fits, dim=1))
        known = torch.stack([s.known for s in said]).all(dim=0)
        items = sum(s.counts + 1 for s in said)
        assert isinstance(items, Tensor)
        count = int(items[known].sum())
        if count == 0:
            return TaskOutput(0.0 * least.sum(), 0)
        return TaskOutput((least * len(said))[known].sum() / count, count)

    def likelihood(self, transcript: Transcript, said: Said, share: float) -> Tensor:
        """Negative log-likelihood of what should be said, `(B,)` in nats; `share` of it is that of
        the alignment."""
        what = transcript.log_probabilities, transcript.frames, said.ids, said.counts
        loss = ctc_losses(*what)
        if share > 0.0 and said.spans is not None:
            loss = (1.0 - share) * loss
            loss = loss + share * alignment_losses(*what, said.spans, self.core.hop)
        if self.decoder is not None:
            read = self.decoder.losses(transcript.hidden, said.ids, said.counts)
            loss = (1.0 - self.attention) * loss + self.attention * read
        return loss

    def decoding(self, beam: int | None = None, ctc_weight: float | None = None) -> Decoding:
        """The attention decoder's beam search, or CTC's best path where there is no decoder.

        `ctc_weight` is by default that of the search, and 0 where CTC has not been trained.
        """
        if self.decoder is None:
            return BestPath()
        trained = CTC_WEIGHT if self.attention < 1.0 else 0.0
        weight = trained if ctc_weight is None else ctc_weight
        return AttentionBeamSearch(self.decoder, beam or BEAM, weight)

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> list[list[str]]:
        """See Task: the words (or phones) of each person, in the order of the enrolments or of the
        outputs."""
        from tasks.recognition.inference import read

        return read(self, encode, recording, enrollments)

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Unit error rate of greedy decoding in percent (by the attention decoder, where there is
        one), each scene's outputs in the order that has the fewest errors, and the number of units
        in the hypotheses over that in the references."""
        greedy = self.decoding(beam=1, ctc_weight=0.0)
        errors = written = total = 0
        for batch in batches:
            assert batch.mixture is not None and batch.mixture_lengths is not None
            found = self.transcripts(
                encode, batch.mixture, batch.mixture_lengths, self.enrolled(encode, batch)
            )
            said = self.wanted(batch, self.units.targets(batch))
            known = torch.stack([s.known for s in said]).all(dim=0)
            for row in torch.nonzero(known)[:, 0].tolist():
                heard = self.parts(
                    [[int(i) for i in greedy(transcript, row)] for transcript in found]
                )
                truth = self.parts([s.ids[row, : s.counts[row]].tolist() for s in said])
                errors += least_edits(heard, truth)
                written += sum(map(len, heard))
                total += sum(map(len, truth))
        return {
            "error_percent": 100.0 * errors / max(total, 1),
            "written_share": written / max(total, 1),
        }


def least_edits(found: Sequence[Sequence[int]], said: Sequence[Sequence[int]]) -> int:
    """Edits in the order of the outputs that needs the fewest."""
    table = [[edit_distance(f, s) for s in said] for f in found]
    tried = orders(len(said)).tolist()
    return min(sum(table[i][j] for i, j in enumerate(order)) for order in tried)


def only(module: nn.Module | None) -> frozenset[str]:
    """The names of the encoder's layers that a fusion looks at."""
    layer = getattr(module, "layer", None)
    return frozenset({layer}) if isinstance(layer, str) else frozenset()
