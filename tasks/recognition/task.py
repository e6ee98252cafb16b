"""What all topologies of the recogniser share: references, loss, validation, decoding."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_enrollments
from joint.text.spans import Spans
from joint.text.units import Targets, Units
from tasks.recognition.core import Posteriors, RecognizerCore
from tasks.recognition.decoding.attention_beam import BEAM, CTC_WEIGHT, AttentionBeamSearch
from tasks.recognition.decoding.best_path import BestPath, Decoding
from tasks.recognition.inference import Window, decoded, windows_of
from tasks.recognition.objectives.alignment import alignment_losses
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.objectives.permutation import best_permutation, orders


@dataclass(frozen=True)
class Reference:
    """The reference of one output: `ids (B, P)`, padded with −1, of which `counts (B,)` count;
    `known (B,)` is False where it is missing; `spans` are the times of the units, None where they
    are unknown or out of order."""

    ids: Tensor
    counts: Tensor
    known: Tensor
    spans: Spans | None = None


class RecognitionTask(Task):
    """A recogniser: `core` is called with the size of the vocabulary.

    The loss is CTC's, and with a `decoder`, called with the size of the vocabulary and the core's
    width, that of the attention decoder with the weight `attention` (Watanabe et al., "Hybrid
    CTC/attention architecture", 2017; 1: the decoder alone). `alignment` is the weight of the
    cross-entropy against the corpus's alignment beside CTC, where there is one: it falls linearly
    to 0 at the end of the training. Raises ConfigError for weights outside 0 to 1.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"mixture", "mixture_lengths"})
    extra_symbols: ClassVar[int] = 0
    """Symbols that a topology adds to its units."""

    def __init__(
        self,
        units: Units,
        core: Callable[..., RecognizerCore],
        decoder: Callable[..., AttentionDecoder] | None = None,
        attention: float = 0.5,
        alignment: float = 0.0,
    ) -> None:
        super().__init__()
        for name, weight in (("attention", attention), ("alignment", alignment)):
            if not 0.0 <= weight <= 1.0:
                raise ConfigError(name, str(weight), "a weight of the loss, 0 to 1")
        self.units, self.alignment = units, alignment
        vocabulary = len(units) + self.extra_symbols
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
    def posteriors(
        self,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding | None = None,
    ) -> list[Posteriors]:
        """The posteriors of each output for `waveform (B, S)` with `lengths (B,)` in Samples;
        `enrolled` are the B·K speakers whom a recogniser of enrolled speakers transcribes."""

    def enrolled(self, encode: Encode, batch: SceneBatch) -> SpeakerEncoding | None:
        """The encoding of the batch's enrolments, where the task needs them."""
        if "enrollment" not in self.requires:
            return None
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        return encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)

    @abstractmethod
    def references(self, batch: SceneBatch, targets: Targets) -> list[Reference]:
        """The reference of each output, in any order."""

    def setup(self, corpus: Corpus) -> None:
        """See Task."""
        self.units.setup(corpus)

    def speaker_places(self, sequences: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
        """For each speaker, where the units stand in the outputs' `sequences`: output and index."""
        return [[(n, i) for i in range(len(units))] for n, units in enumerate(sequences)]

    def by_speaker(self, sequences: Sequence[Sequence[int]]) -> list[list[int]]:
        """The outputs' sequences as the units of each speaker."""
        return [[sequences[n][i] for n, i in own] for own in self.speaker_places(sequences)]

    def words(self, sequences: Sequence[Sequence[int] | Sequence[str]]) -> list[list[str]]:
        """The outputs' sequences, of units or already of words, as the words of each speaker."""
        if any(isinstance(item, str) for sequence in sequences for item in sequence):
            return [[str(word) for word in sequence] for sequence in sequences]
        units = [[int(item) for item in sequence] for sequence in sequences]
        return [self.units.words(own) for own in self.by_speaker(units)]

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean negative log-likelihood over the units of the references and the ends of outputs."""
        assert batch.mixture is not None and batch.mixture_lengths is not None
        enrolled = self.enrolled(encode, batch)
        outputs = self.posteriors(encode, batch.mixture, batch.mixture_lengths, enrolled)
        references = self.references(batch, self.units.targets(batch))
        share = self.alignment * (1.0 - progress)
        losses, fits = (
            torch.stack([torch.stack([f(o, r) for r in references], 1) for o in outputs], 1)
            for f in (
                lambda o, r: self.negative_log_likelihood(o, r, share),
                lambda o, r: alignable(o.frames, r.ids, r.counts),
            )
        )
        least, _ = best_permutation(losses, fits)
        known = torch.stack([r.known for r in references]).all(dim=0)
        items = torch.stack([r.counts + 1 for r in references]).sum(dim=0)
        count = int(items[known].sum())
        if count == 0:
            return TaskOutput(0.0 * least.sum(), 0)
        return TaskOutput((least * len(references))[known].sum() / count, count)

    def negative_log_likelihood(
        self, posteriors: Posteriors, reference: Reference, alignment: float
    ) -> Tensor:
        """Negative log-likelihood of the reference, `(B,)` in nats; `alignment` is the weight of
        the frames' cross-entropy beside CTC."""
        given = posteriors.log_probabilities, posteriors.frames, reference.ids, reference.counts
        loss = ctc_losses(*given)
        if alignment > 0.0 and reference.spans is not None:
            aligned = alignment_losses(*given, reference.spans, posteriors.hidden)
            loss = (1.0 - alignment) * loss + alignment * aligned
        if self.decoder is not None:
            attended = self.decoder.losses(posteriors.hidden, reference.ids, reference.counts)
            loss = (1.0 - self.attention) * loss + self.attention * attended
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

    def windows(
        self, encode: Encode, recording: Tensor, enrolled: SpeakerEncoding | None = None
    ) -> Iterator[Window]:
        """The windows of `recording (S,)`, one after the other."""
        return windows_of(
            recording,
            lambda part, lengths: self.posteriors(encode, part, lengths, enrolled),
            self.core.hop,
        )

    def infer(
        self,
        encode: Encode,
        recording: Tensor,
        enrollments: Sequence[Enrollment] = (),
        decoding: Decoding | None = None,
    ) -> list[list[str]]:
        """See Task: the words (or phones) of each speaker, in the order of the enrolments or of the
        outputs, by `decoding`, or the recogniser's own.

        Decodings that are `windowed` (an attention decoder's) give the words of one window after
        the other; first-in-first-out outputs then count speakers by their starts in each window.
        """
        decoding = decoding or self.decoding()
        enrolled = encode_enrollments(encode, enrollments) if enrollments else None
        windows = list(self.windows(encode, recording, enrolled))
        # an attention decoder has seen no recordings longer than those of its training
        parts = [[window] for window in windows] if decoding.windowed else [windows]
        words = [self.words(decoded(part, decoding)) for part in parts]
        return [[w for part in words for w in part[speaker]] for speaker in range(len(words[0]))]

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Unit error rate of greedy decoding in percent (by the attention decoder, where there is
        one), each scene's outputs in the order that has the fewest errors, and the number of units
        in the hypotheses over that in the references."""
        greedy = self.decoding(beam=1, ctc_weight=0.0)
        errors = written = total = 0
        for batch in batches:
            assert batch.mixture is not None and batch.mixture_lengths is not None
            enrolled = self.enrolled(encode, batch)
            outputs = self.posteriors(encode, batch.mixture, batch.mixture_lengths, enrolled)
            references = self.references(batch, self.units.targets(batch))
            known = torch.stack([r.known for r in references]).all(dim=0)
            for row in torch.nonzero(known)[:, 0].tolist():
                decoded = [[int(unit) for unit in greedy(output, row)] for output in outputs]
                hypotheses = self.by_speaker(decoded)
                own = self.by_speaker([r.ids[row, : r.counts[row]].tolist() for r in references])
                errors += fewest_edits(hypotheses, own)
                written += sum(map(len, hypotheses))
                total += sum(map(len, own))
        return {
            "error_percent": 100.0 * errors / max(total, 1),
            "written_share": written / max(total, 1),
        }


def fewest_edits(hypotheses: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> int:
    """Edits in the assignment of outputs to references that has the fewest."""
    table = [[edit_distance(h, r) for r in references] for h in hypotheses]
    tried = orders(len(references)).tolist()
    return min(sum(table[i][j] for i, j in enumerate(order)) for order in tried)


def layer_of(module: nn.Module | None) -> frozenset[str]:
    """The name of the encoder's layer that a fusion reads, if any."""
    layer = getattr(module, "layer", None)
    return frozenset({layer}) if isinstance(layer, str) else frozenset()
