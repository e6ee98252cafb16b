"""Pairs of recordings in the prompt of a language model that takes audio."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from joint.units import SAMPLE_RATE
from tasks.audiolm.answers import AnswerTokens, Probabilities
from tasks.audiolm.loading import audio_model, located
from tasks.audiolm.prompts import Form, clips_of, conversation
from tasks.audiolm.queries import Recordings
from tasks.audiolm.task import ATTENTION, PairTask


class ClipTask(PairTask):
    """A model such as Qwen2-Audio is given the recordings themselves; its text part gets low-rank
    changes, and the shared encoder only chooses the pairs that are hard. Args: see PairTask, and

        form: `two clips` in one prompt, or one clip in which they are `concatenated` with silence
            between them; of each recording the first 14 s.
    """

    reads_waveforms: ClassVar[bool] = True

    def __init__(
        self,
        embedding_dim: int,
        source: str,
        form: Form = "two clips",
        rank: int = 8,
        alpha: float = 16.0,
        layers: Sequence[str] = ATTENTION,
        pairs: int = 8,
        hard_share: float = 0.75,
        text_dependent: bool = False,
    ) -> None:
        conversation(form)
        where = located(source)
        model, processor = audio_model(where)

        def encode(text: str) -> list[int]:
            return list(processor.tokenizer(text, add_special_tokens=False)["input_ids"])

        super().__init__(
            source,
            model,
            where,
            AnswerTokens.of(encode, source),
            model.get_decoder(),  # type: ignore[operator]
            embedding_dim,
            rank,
            alpha,
            layers,
            pairs,
            hard_share,
            0,
            text_dependent,
        )
        processor.tokenizer.padding_side = "left"  # so that the answer is behind the last token
        self.form: Form = form
        self.processor = processor

    def prompt(self, asked: str | None = None) -> str:
        """The text of the prompt, in which an audio token stands for each clip."""
        turns = conversation(self.form, asked)
        text: str = self.processor.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return text

    def logits(
        self, first: Recordings, second: Recordings, asked: Sequence[str] | None = None
    ) -> Tensor:
        """Of the token behind each prompt, `(P, V)`."""
        clips: list[np.ndarray] = []
        for one, other in zip(waveforms(first), waveforms(second), strict=True):
            clips += clips_of(self.form, one, other)
        texts = [self.prompt()] * len(first.embedding)
        if asked is not None:
            texts = [self.prompt(words) for words in asked]
        weight = next(self.model.parameters())
        with torch.autocast(weight.device.type, enabled=False):  # spectra are float32
            inputs = self.processor(
                text=texts,
                audio=clips,
                sampling_rate=SAMPLE_RATE,
                return_tensors="pt",
                padding=True,
            )
        given = {
            name: value.to(weight.device, weight.dtype if value.is_floating_point() else None)
            for name, value in inputs.items()
            if isinstance(value, Tensor)
        }
        network: Any = self.model
        found: Tensor = network(**given, use_cache=False).logits[:, -1]
        return found

    def log_ratios(
        self, first: Recordings, second: Recordings, asked: Sequence[str] | None = None
    ) -> Tensor:
        """See PairTask."""
        return self.tokens.log_ratio(self.logits(first, second, asked)[:, self.tokens.ids])

    def probabilities(self, first: Recordings, second: Recordings) -> Probabilities:
        """That the next token means yes, that it means no, and the rest: a model that has not
        learnt to answer gives much of it to other tokens."""
        return self.tokens.probabilities(self.logits(first, second))


def waveforms(recordings: Recordings) -> list[np.ndarray]:
    """Each recording `(S,)` without padding."""
    assert recordings.waveform is not None and recordings.lengths is not None
    rows = recordings.waveform.detach().float().cpu()
    lengths = recordings.lengths.tolist()
    return [row[:length].numpy() for row, length in zip(rows, lengths, strict=True)]
