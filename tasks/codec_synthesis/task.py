"""VALL-E: the phones of a text become the codes of a codec, behind a prompt of the speaker.

phones, prompt's codes ──► autoregressive model ──► first codes ──► parallel model ──► all codes ──►
codec ──► waveform; both models may be conditioned on the speaker's encoding besides
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from joint.conditioning.fusion import Conditioning
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.acoustic import Fusion
from joint.synthesis.codec.codec import CODE_HOP, Codec, codes_of
from joint.synthesis.examples import aligned_utterances, no_examples, only
from joint.synthesis.level import levelled
from joint.synthesis.speaking import AS_PREDICTED, SpeakingOptions
from joint.task import ENROLLMENT, Encode
from joint.units import SAMPLE_RATE, Seconds
from tasks.codec_synthesis.autoregressive import AutoregressiveModel
from tasks.codec_synthesis.base import CodecSpeakingTask
from tasks.codec_synthesis.examples import CodeExamples, stretches
from tasks.codec_synthesis.network import LATEST
from tasks.codec_synthesis.parallel import ParallelModel
from tasks.codec_synthesis.sampling import Draw
from tasks.codec_synthesis.vectors import CodeVectors

LONGEST_TEXT = 12
"""Frames of codes (0.3 s) of each phone, on average, after which speech ends in any case."""


class CodecSynthesisTask(CodecSpeakingTask):
    """Speaks by codec language models, in the voice of a prompt, of an embedding, or of both (Wang
    et al., "Neural codec language models are zero-shot text to speech synthesizers", 2023: VALL-E).

    The prompt is another recording of the speaker, without its words: in training the enrolment of
    the scene, at inference the recording that enrols.

    Args:
        codec: See CodecSpeakingTask.
        fusion: Makes the conditionings on the embedding; None: the prompt alone.
        prompt: The longest; 0: the embedding alone.
        dim, blocks, heads, dropout: Of each of the two transformers.
        monotonic: See AutoregressiveModel.
        stretch: Longest random stretch of each utterance that a training step learns from.
        temperature, top_p: Of the first quantiser's codes at inference.

    Raises ConfigError for a task without both prompt and fusion.
    """

    controls = frozenset({"temperature", "top_p"})

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        codec: Codec,
        fusion: Fusion | None = None,
        prompt: Seconds = 3.0,
        dim: int = 256,
        blocks: int = 6,
        heads: int = 4,
        dropout: float = 0.1,
        monotonic: bool = True,
        stretch: Seconds = 4.0,
        temperature: float = 0.9,
        top_p: float = 0.9,
    ) -> None:
        super().__init__(phones, codec)
        if fusion is None and not prompt:
            raise ConfigError("prompt", "0, and no fusion", "a prompt, a fusion, or both")
        vectors, (quantizers, _) = CodeVectors(codec), codec.sizes

        def conditioned(width: int) -> Conditioning:
            assert fusion is not None
            return fusion(width, embedding_dim)

        made = conditioned if fusion is not None else None
        shape: dict[str, Any] = {"dim": dim, "blocks": blocks, "heads": heads, "dropout": dropout}
        shape |= {"fusion": made, "monotonic": monotonic}
        self.first = AutoregressiveModel(len(phones), vectors, **shape)
        self.further = ParallelModel(len(phones), vectors, quantizers, **shape)
        self.prompt, self.longest = (
            round(prompt * SAMPLE_RATE),
            int(stretch * SAMPLE_RATE / CODE_HOP),
        )
        self.monotonic, self.temperature, self.top_p = monotonic, temperature, top_p

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the utterances whose phones and their times are known: of the first quantiser's
        codes and of those of another one."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        examples = self.examples_of(batch, encoding)
        if examples is None:
            return no_examples(self, encoding)
        position = int(torch.randint(LATEST, ())) if self.monotonic else 0
        first, metrics = self.first.loss(examples, position)
        further, others = self.further.loss(examples, position)
        return TaskOutput(first + further, len(examples), {**metrics, **others})

    def examples_of(self, batch: SceneBatch, encoding: SpeakerEncoding) -> CodeExamples | None:
        """The codes of the aligned utterances of a batch, and of their prompts."""
        found = aligned_utterances(batch)
        if found is None:
            return None
        codes = self.codec.encode(levelled(found.waveform.float()), found.lengths)
        stretch = stretches(found.timed, codes, self.longest)
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        enrolled, lengths = batch.enrollment[found.rows, 0], batch.enrollment_lengths[found.rows, 0]
        prompt = self._prompt(enrolled, lengths)
        return CodeExamples(*stretch, *prompt, only(encoding, found.rows))

    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """See SpeakingTask: the waveform."""
        codes = self.codes_of_text(encoding, phones, options)
        return self.codec.decode(codes[None])[0]

    @torch.no_grad()
    def codes_of_text(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """The codes `(T, Q)` of `phones (P,)`."""
        draw = Draw.asked(options.sampling, self.temperature, self.top_p)
        prompt, mask = self._enrolled(encoding, phones)
        longest = LONGEST_TEXT * len(phones) + LONGEST_TEXT
        first, places = self.first.sample(phones, prompt[0, :, 0], encoding, draw, longest)
        codes = first.new_zeros(1, len(first), prompt.shape[2])
        codes[0, :, 0] = first
        everything = torch.ones_like(first[None], dtype=torch.bool)
        examples = CodeExamples(
            phones[None], codes, everything, places[None], prompt, mask, encoding
        )
        return self.further.fill(examples)[0]

    def _enrolled(self, encoding: SpeakerEncoding, like: Tensor) -> tuple[Tensor, Tensor]:
        if not self.prompt:
            return self._none(1, like.device)
        return self._prompt(*encoding.need_recording("the prompt of codec synthesis"))

    def _prompt(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The codes `(B, N, Q)` of the beginnings of recordings `(B, S)`, and which count."""
        if not self.prompt:
            return self._none(len(waveform), waveform.device)
        lengths = lengths.clamp(max=self.prompt)
        sound = levelled(waveform[:, : int(lengths.max())].float())
        codes = self.codec.encode(sound, lengths)
        frame = torch.arange(codes.shape[1], device=codes.device)
        return codes, frame < codes_of(lengths)[:, None]

    def _none(self, rows: int, device: torch.device) -> tuple[Tensor, Tensor]:
        quantizers, _ = self.codec.sizes
        codes = torch.zeros(rows, 0, quantizers, dtype=torch.int64, device=device)
        return codes, codes[..., 0].bool()
