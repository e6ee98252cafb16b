"""UniCATS: the phones of a text become codes between those of the context.

phones ──► encoder ──► durations ──► frames ─┐
codes of the context before and behind ──────┴► diffusion ──► first codes ──► parallel model ──►
all codes ──► codec ──► waveform; every part may be conditioned on the speaker's encoding besides
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from joint.conditioning.fusion import Conditioning, FilmFusion, NoFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.acoustic import Fusion
from joint.synthesis.codec.codec import CODE_HOP, FRAMES, Codec
from joint.synthesis.decoders.base import AS_TRAINED, Sampling
from joint.synthesis.examples import aligned_utterances, no_examples, only
from joint.synthesis.lengths import TimedPhones
from joint.synthesis.level import levelled
from joint.synthesis.mel import HOP
from joint.synthesis.speaking import AS_PREDICTED, Exchanged, InfillingTask, SpeakingOptions
from joint.synthesis.timing.spans import last_phones, random_spans
from joint.task import ENROLLMENT, Encode
from joint.units import SAMPLE_RATE, Seconds
from tasks.codec_synthesis.base import CodecSpeakingTask
from tasks.codec_synthesis.diffusion.decoder import DiffusionDecoder
from tasks.codec_synthesis.diffusion.text import TimedText
from tasks.codec_synthesis.examples import CodeExamples, places_of, stretches
from tasks.codec_synthesis.network import LATEST
from tasks.codec_synthesis.parallel import ParallelModel
from tasks.codec_synthesis.sampling import Draw
from tasks.codec_synthesis.vectors import CodeVectors


class UnicatsTask(CodecSpeakingTask, InfillingTask):
    """Speaks phones as the continuation of an enrolment whose phones are known, or in the place of
    others within a recording (Du et al., "UniCATS: a unified context-aware text-to-speech framework
    with contextual VQ-diffusion and vocoding", AAAI 2024).

    The paper's diffusion makes semantic tokens, of which a vocoder that reads the context makes the
    waveform. Here it makes the codec's first codes, which phones are distilled into; VALL-E's
    parallel model, which reads the context too, makes the others.

    Args:
        codec: See CodecSpeakingTask.
        fusion: Makes the conditionings on the speaker's embedding; NoFusion: context alone.
        context: Whether what is not made is read; without it the embedding alone says whose voice
            it is.
        prompt: The longest end of an enrolment that is gone on from.
        dim, blocks, heads, dropout: Of each of the two transformers.
        text_blocks: Of the encoder of phones.
        diffusion_steps, masked, auxiliary: See DiffusionDecoder.
        without_context, continued, least_infilled: See `random_spans`.
        duration_weight: Of the durations' loss.
        stretch: Longest random stretch of each utterance that a training step learns from.
        temperature, top_p: Of the estimate of the codes at each step of inference.

    Raises ConfigError where neither context nor embedding is read.
    """

    controls = frozenset({"rate", "steps", "temperature", "top_p"})

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        codec: Codec,
        fusion: Fusion = FilmFusion,
        context: bool = True,
        prompt: Seconds = 3.0,
        dim: int = 256,
        blocks: int = 6,
        heads: int = 4,
        dropout: float = 0.1,
        text_blocks: int = 4,
        diffusion_steps: int = 100,
        masked: float = 0.9,
        auxiliary: float = 0.01,
        without_context: float = 0.1,
        continued: float = 0.3,
        least_infilled: float = 0.1,
        duration_weight: float = 0.5,
        stretch: Seconds = 4.0,
        temperature: float = 1.0,
        top_p: float = 0.85,
    ) -> None:
        super().__init__(phones, codec)

        def conditioned(width: int) -> Conditioning:
            return fusion(width, embedding_dim)

        vectors, (quantizers, _) = CodeVectors(codec), codec.sizes
        shape: dict[str, Any] = {"dim": dim, "blocks": blocks, "heads": heads, "dropout": dropout}
        shape["fusion"] = conditioned
        self.text = TimedText(len(phones), dim, text_blocks, conditioned)
        self.decoder = DiffusionDecoder(
            vectors,
            steps=diffusion_steps,
            masked=masked,
            auxiliary=auxiliary,
            **shape,
        )
        self.further = ParallelModel(len(phones), vectors, quantizers, monotonic=True, **shape)
        self.by_embedding = not any(isinstance(part, NoFusion) for part in self.modules())
        if not (context or self.by_embedding):
            raise ConfigError("context", "false, and no fusion", "one of them: whose voice it is")
        self.reads_prompt = context
        self.spans = least_infilled, without_context if context else 1.0, continued
        self.prompt = round(prompt * SAMPLE_RATE / HOP)
        self.longest = int(stretch * SAMPLE_RATE / CODE_HOP)
        self.duration_weight = duration_weight
        self.temperature, self.top_p = temperature, top_p

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the utterances whose phones and their times are known: of the diffusion, of the
        codes of another quantiser, and of the durations."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        found = aligned_utterances(batch)
        if found is None:
            return no_examples(self, encoding)
        timed, encoding = found.timed, only(encoding, found.rows)
        codes = self.codec.encode(levelled(found.waveform.float()), found.lengths)
        phones, codes, mask, places = stretches(timed, codes, self.longest)
        infilled = random_spans(mask, *self.spans)
        examples = self._examples(phones, codes, mask, places, encoding, infilled)
        first = int(torch.randint(LATEST, ()))
        loss, metrics = self.decoder.loss(*self.content_of(examples), examples, first)
        further, others = self.further.loss(examples, first)
        duration = self.text.loss(timed, encoding)
        loss = loss + further + self.duration_weight * duration
        metrics |= {**others, "duration_loss": duration}
        return TaskOutput(loss, len(examples), metrics)

    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """See SpeakingTask: the waveform. With a prompt the end of the enrolment's recording is the
        context; without one the embedding says alone whose voice it is. Raises ConfigError where
        the task reads no embedding and there is no prompt."""
        quantizers, _ = self.codec.sizes
        before, lasting, codes = phones[:0], phones[:0], phones.new_zeros(0, quantizers)
        if self.reads_prompt and options.prompt is not None:
            before, lasting, codes = self.prompt_of(encoding, options.prompt)
        elif not self.by_embedding:
            raise ConfigError("enrolment", "no words of it", "its text: this synthesis goes on")
        spoken = torch.cat([before, phones])
        durations = torch.cat([lasting, torch.zeros_like(phones)])
        durations = self.text.lasting(encoding, spoken, durations, options.rate)
        whole = self.infill(encoding, spoken, durations, codes, codes[:0], options.sampling)
        return self.codec.decode(whole[None, len(codes) :])[0]

    def exchange(
        self,
        encoding: SpeakerEncoding,
        recording: Tensor,
        timed: TimedPhones,
        place: tuple[int, int],
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Exchanged:
        """See InfillingTask: the waveform."""
        first, last = place
        spoken, lasting = timed.phones[0], timed.durations[0]
        start, behind = int(lasting[:first].sum()), int(lasting[:last].sum())
        spoken = torch.cat([spoken[:first], phones, spoken[last:]])
        lasting = torch.cat([lasting[:first], torch.zeros_like(phones), lasting[last:]])
        durations = self.text.lasting(encoding, spoken, lasting, options.rate)
        new = slice(first, first + len(phones))
        # what stands behind keeps its frames of codes, each of several of the log-mel
        durations[new.stop - 1] += (behind - start - int(durations[new].sum())) % FRAMES
        codes = self.codec.encode(recording[None])[0]
        around = codes[: start // FRAMES], codes[-(-behind // FRAMES) :]
        whole = self.infill(encoding, spoken, durations, *around, options.sampling)
        waveform = self.codec.decode(whole[None])[0]
        return Exchanged(waveform, start, start + int(durations[new].sum()))

    @torch.no_grad()
    def infill(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        durations: Tensor,
        before: Tensor,
        behind: Tensor,
        sampling: Sampling = AS_TRAINED,
    ) -> Tensor:
        """The codes `(T, Q)` of `phones (P,)` that last `durations (P,)` frames of the log-mel: at
        their beginning those `before (M, Q)`, at their end those `behind (N, Q)`, as they are."""
        ends = durations.cumsum(dim=0)
        count = -(-int(ends[-1]) // FRAMES)
        made = phones.new_zeros(count - len(before) - len(behind), before.shape[1])
        codes = torch.cat([before, made, behind])
        frame = torch.arange(count, device=phones.device)
        infilled = (frame >= len(before)) & (frame < count - len(behind))
        places = places_of(frame, ends).clamp(max=len(phones) - 1)
        everything = torch.ones_like(infilled)[None]
        examples = self._examples(
            phones[None], codes[None], everything, places[None], encoding, infilled[None]
        )
        draw = Draw.asked(sampling, self.temperature, self.top_p)
        text, latents = self.content_of(examples)
        # the examples share the memory of the codes
        codes[:, 0] = self.decoder.sample(text, latents, examples, draw, sampling.steps)
        return self.further.fill(examples)[0]

    def _examples(
        self,
        phones: Tensor,
        codes: Tensor,
        mask: Tensor,
        places: Tensor,
        encoding: SpeakerEncoding,
        infilled: Tensor,
    ) -> CodeExamples:
        """Without a prompt: the context stands among the codes."""
        none = codes[:, :0]
        prompt = none, none[..., 0].bool()
        return CodeExamples(phones, codes, mask, places, *prompt, encoding, infilled)

    def content_of(self, examples: CodeExamples) -> tuple[Tensor, Tensor]:
        """The text of each frame `(B, T, D)`, and the latents of its codes `(B, T, W)`."""
        text = self.text(examples.phones, examples.encoding)
        places = examples.places[..., None].expand(-1, -1, text.shape[2])
        return text.gather(1, places), self.codec.quantizer.decode(examples.codes)

    def prompt_of(
        self, encoding: SpeakerEncoding, prompt: TimedPhones
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Phones, durations and codes of the end of an enrolment, from a phone on."""
        waveform, _ = encoding.need_recording("the context of codec synthesis")
        prompt = prompt.to(waveform.device)
        kept = last_phones(prompt, self.prompt)
        phones, durations = prompt.phones[0], prompt.durations[0]
        start, end = int(durations[~kept].sum()), int(durations.sum())
        codes = self.codec.encode(levelled(waveform.float())[:, start * HOP :])[0]
        return phones[kept], durations[kept], codes[: (end - start) // FRAMES]
