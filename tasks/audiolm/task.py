"""Verification as a question to a language model: what its two forms have in common."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import CheckpointError, ConfigError
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_enrollments
from tasks.audiolm.answers import AnswerTokens
from tasks.audiolm.bank import Bank
from tasks.audiolm.figures import pair_figures
from tasks.audiolm.loading import Source, fingerprint, is_lora, with_lora
from tasks.audiolm.pairs import draw_pairs
from tasks.audiolm.queries import Queries, Recordings, about_voices, about_words_too, joined

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The linear layers of attention, as most language models call them."""


class Answer(NamedTuple):
    """Of each of K enrolled people: `log_ratio (K,)`, log P(yes) − log P(no), and `yes (K,)`, the
    share of yes in the two."""

    log_ratio: Tensor
    yes: Tensor


class PairTask(Task):
    """Is one recording of the person of another? Answered by a language model, frozen but for
    low-rank changes, by the probabilities of yes and no (Ren, Xu, Li, Wang, Zhang, "Can audio large
    language models verify speaker identity?", 2025).

    The language model is not saved in checkpoints: only what is trained, and a fingerprint of the
    model's files, by which another model is refused.

    Args:
        source: what the language model is read from, see `loading.SOURCES`.
        rank, alpha, layers: See `with_lora`.
        pairs: Of a step, half of them of one speaker.
        hard_share: See `draw_pairs`; by the cosine of the shared encoder.
        bank: Recordings of earlier steps that pairs are drawn from too, under a frozen encoder.
        text_dependent: Ask for voice and words together.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "speaker", "utterance"}
    )
    reads_waveforms: ClassVar[bool]
    """Whether `log_ratios` needs waveforms, beside embeddings."""

    def __init__(
        self,
        source: str,
        model: nn.Module,
        where: Source,
        tokens: AnswerTokens,
        adapted: nn.Module,
        embedding_dim: int,
        rank: int,
        alpha: float,
        layers: Sequence[str],
        pairs: int,
        hard_share: float,
        bank: int,
        text_dependent: bool,
    ) -> None:
        super().__init__()
        if pairs < 2 or pairs % 2:
            raise ConfigError("pairs", str(pairs), "an even number")
        if not 0.0 <= hard_share <= 1.0:
            raise ConfigError("hard_share", f"{hard_share:g}", "0 to 1")
        with_lora(adapted, rank, alpha, layers)
        self.source, self.model, self.tokens = source, model, tokens
        self.pairs, self.hard_share, self.text_dependent = pairs, hard_share, text_dependent
        self.bank = Bank(bank, embedding_dim) if bank else None
        self.register_buffer(
            "fingerprint", torch.frombuffer(bytearray(fingerprint(where)), dtype=torch.uint8)
        )
        self.fingerprint: Tensor
        self.register_state_dict_post_hook(_without_base)
        self.register_load_state_dict_post_hook(_base_may_be_missing)

    @property
    def fields(self) -> frozenset[str]:
        """See Task: the words where they are asked for."""
        return self.requires | ({"enrollment_texts"} if self.text_dependent else set())

    def train(self, mode: bool = True) -> "PairTask":
        """The language model stays in eval mode, without dropout."""
        super().train(mode)
        self.model.eval()
        return self

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        given, own = state_dict.get(f"{prefix}fingerprint"), self.fingerprint
        if given is not None and not torch.equal(given.to(own), own):
            found = f"files of fingerprint {_shown(own)}"
            expected = f"{_shown(given)}, the language model that this was trained on"
            raise CheckpointError(self.source, found, expected)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def before_step(self, encoder: nn.Module, progress: float) -> None:
        """A training that begins with another's weights does not begin with its recordings."""
        if progress == 0.0 and self.bank is not None:
            self.bank.clear()

    @abstractmethod
    def log_ratios(
        self, first: Recordings, second: Recordings, asked: Sequence[str] | None = None
    ) -> Tensor:
        """log P(yes) − log P(no), `(P,)` float32, of P pairs; `asked` are the words of
        text-dependent queries, which the second recordings' own are compared with."""

    def answers(self, recordings: Recordings, queries: Queries, at_once: int) -> Tensor:
        """The `log_ratios (P,)` of many queries about a table of recordings, on the CPU."""
        found = []
        for start in range(0, len(queries), at_once):
            part = slice(start, start + at_once)
            asked = None if queries.asked is None else queries.asked[part]
            first, second = (
                recordings.rows(x[part]) for x in (queries.pairs.first, queries.pairs.second)
            )
            found.append(self.log_ratios(first, second, asked).float().cpu())
        return torch.cat(found)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Binary cross-entropy of the log ratios, mean over pairs."""
        recordings, speaker, utterance = self._encoded(encode, batch)
        if self.bank is not None and self.training and not recordings.embedding.requires_grad:
            recordings, speaker, utterance = self.bank.add(recordings, speaker, utterance)
        seed = int(torch.randint(2**31, ()))
        queries = self._queries(recordings, speaker, utterance, self.pairs, seed)
        first, second = (recordings.rows(x) for x in (queries.pairs.first, queries.pairs.second))
        ratios = self.log_ratios(first, second, queries.asked)
        answer = queries.answer.to(ratios)
        loss = F.binary_cross_entropy_with_logits(ratios, answer)
        right = ((ratios > 0) == (answer > 0)).float().mean()
        return TaskOutput(loss, len(queries), {"accuracy_percent": 100.0 * right})

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Accuracy and EER of `pairs` pairs for each batch, drawn from all of them, and the EER of
        the cosine."""
        found = [self._encoded(encode, batch) for batch in batches]
        rows = [recordings for recordings, _, _ in found]
        recordings = joined(rows)
        speaker, utterance = (torch.cat([f[i] for f in found]) for i in (1, 2))  # type: ignore[misc]
        queries = self._queries(recordings, speaker, utterance, self.pairs * len(rows), seed=0)
        ratios = self.answers(recordings, queries, self.pairs)
        return pair_figures(ratios, queries, recordings.embedding)

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Answer:
        """See Task: whether the recording is of each of K enrolled people. Words are not asked for.

        Raises ConfigError for no enrolment, for a task that asks for words, and where recordings
        are needed for an enrolment by a kept embedding.
        """
        if not enrollments:
            raise ConfigError("enrolments", "none", "one for each person to compare with")
        if self.text_dependent:
            raise ConfigError("text_dependent", "true", "a task that asks for voices alone")
        known = encode_enrollments(encode, enrollments)
        own = encode_enrollments(encode, [Enrollment.of(recording)])
        first, second = (
            Recordings(x.embedding, *(x.need_recording("audiolm") if self.reads_waveforms else ()))
            for x in (known, own)
        )
        ratios = self.log_ratios(first, second.rows(torch.zeros(len(enrollments)).long()))
        return Answer(ratios, ratios.sigmoid())

    def _encoded(self, encode: Encode, batch: SceneBatch) -> tuple[Recordings, Tensor, Tensor]:
        """The enrolments of a batch, with `speaker (N,)` and `utterance (N,)`."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.speaker is not None and batch.utterance is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        words = None
        if self.text_dependent:
            assert batch.enrollment_texts is not None
            words = tuple(text for row in batch.enrollment_texts for text in row)
        waveform = lengths = None
        if self.reads_waveforms:
            waveform, lengths = encoding.need_recording("audiolm")
        recordings = Recordings(encoding.embedding, waveform, lengths, words)
        return recordings, batch.speaker.flatten(), batch.utterance.flatten()

    def _queries(
        self, recordings: Recordings, speaker: Tensor, utterance: Tensor, count: int, seed: int
    ) -> Queries:
        unit = F.normalize(recordings.embedding.detach().float())
        generator = torch.Generator().manual_seed(seed)
        with torch.autocast(unit.device.type, enabled=False):
            cosine = unit @ unit.T
        pairs = draw_pairs(cosine, speaker, utterance, count, self.hard_share, generator)
        if not self.text_dependent:
            return about_voices(pairs)
        assert recordings.words is not None
        return about_words_too(pairs, recordings.words, generator)


def _without_base(task: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    """Leave the language model's own weights out of a state."""
    base = f"{prefix}model."
    for name in [n for n in state if n.startswith(base) and not is_lora(n)]:
        del state[name]


def _base_may_be_missing(task: nn.Module, keys: Any) -> None:
    """A state without the language model's own weights is complete."""
    model: Any = task.model
    own = tuple(f"model.{name}" for name in model.state_dict() if not is_lora(name))
    keys.missing_keys[:] = [name for name in keys.missing_keys if not name.endswith(own)]


def _shown(fingerprint: Tensor) -> str:
    return bytes(fingerprint.tolist()).hex()[:12]
