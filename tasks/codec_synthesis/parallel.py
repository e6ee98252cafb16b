"""The non-autoregressive model: the codes of the further quantisers, all frames at once."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.data.phones import UNKNOWN
from tasks.codec_synthesis.examples import CodeExamples
from tasks.codec_synthesis.network import Transformer, positions, spoken_in
from tasks.codec_synthesis.vectors import CodePredictor, CodeReader, CodeVectors


class ParallelModel(nn.Module):
    """Predicts the codes of quantiser j from those of all before it, the phones and all codes of
    the prompt, or around what is infilled (Wang et al., VALL-E, 2023, section 4.2.2).

    Args:
        phones, quantizers: Of the inventory, and of the codec.
        vectors: Of the codec.
        dim, blocks, heads, dropout, fusion: See Transformer.
        monotonic: Whether the phone that is spoken in each frame is known too.
    """

    def __init__(
        self,
        phones: int,
        vectors: CodeVectors,
        quantizers: int,
        dim: int,
        blocks: int,
        heads: int,
        dropout: float,
        fusion: Callable[[int], Conditioning] | None,
        monotonic: bool,
    ) -> None:
        super().__init__()
        self.monotonic, self.vectors = monotonic, vectors
        self.phones = nn.Embedding(phones, dim)
        self.codes = nn.ModuleList(CodeReader(vectors, n, dim) for n in range(quantizers))
        self.parts = nn.Embedding(3, dim)
        self.body = Transformer(dim, blocks, heads, dropout, fusion, quantizers)
        self.outputs = nn.ModuleList(CodePredictor(vectors, n, dim) for n in range(1, quantizers))

    def loss(
        self, examples: CodeExamples, first: int = 0
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Mean cross-entropy of the codes of one quantiser of each utterance, drawn at random, as
        evenly as they are many; see `forward`."""
        order = torch.randperm(len(examples), device=examples.codes.device)
        stages = 1 + order % len(self.outputs)
        hidden = self(examples, stages, first)
        logits, expected = [], []
        for stage in stages.unique().tolist():
            here = examples.made & (stages == stage)[:, None]
            logits.append(self.outputs[stage - 1](hidden[here]))
            expected.append(examples.codes[..., stage][here])
        targets = torch.cat(expected)
        scores = torch.cat(logits)
        loss = F.cross_entropy(scores, targets)
        accuracy = (scores.argmax(dim=1) == targets).float().mean()
        return loss, {"further_code_loss": loss, "further_code_accuracy": accuracy}

    def logits(self, examples: CodeExamples, stage: int) -> Tensor:
        """Logits `(B, T, size)` of the codes of the quantiser `stage`, 1 and more."""
        stages = torch.full((len(examples),), stage, device=examples.codes.device)
        found: Tensor = self.outputs[stage - 1](self(examples, stages))
        return found

    def forward(self, examples: CodeExamples, stages: Tensor, first: int = 0) -> Tensor:
        """Hidden features `(B, T, D)` of the codes of each utterance's quantiser, `stages (B,)`, 1
        and more, where text and codes begin at the position `first`."""
        text = self.phones(examples.phones.clamp(min=0))
        text = text + positions(first, text.shape[1], text)
        everything = torch.full_like(stages, len(self.codes))
        voice = self._embedded(examples.prompt, everything, text)
        codes = self._embedded(examples.codes, stages, text)
        if examples.infilled is not None:
            known = self._embedded(examples.codes, everything, text)
            codes = torch.where(examples.infilled[..., None], codes, known)
        if self.monotonic:
            codes = codes + spoken_in(text, examples.places)
        voice = voice + positions(0, voice.shape[1], voice)
        codes = codes + positions(first, codes.shape[1], codes)
        parts = (text, voice, codes)
        x = torch.cat([part + self.parts.weight[n] for n, part in enumerate(parts)], dim=1)
        known = torch.cat([examples.phones != UNKNOWN, examples.prompt_mask, examples.mask], dim=1)
        reads = known[:, None].expand(-1, x.shape[1], -1)
        hidden: Tensor = self.body(x, reads, examples.encoding, stage=stages)
        return hidden[:, -codes.shape[1] :]

    @torch.no_grad()
    def fill(self, examples: CodeExamples) -> Tensor:
        """The codes `(B, T, Q)` whose first quantiser's are those of the examples, each further one
        the expected one where they are made; see CodeVectors."""
        codes = examples.codes.clone()
        filled = CodeExamples(**{**vars(examples), "codes": codes})
        for stage in range(1, len(self.codes)):
            found = self.vectors.expected(stage, self.logits(filled, stage))
            codes[..., stage] = torch.where(examples.made, found, codes[..., stage])
        return codes

    def _embedded(self, codes: Tensor, counts: Tensor, like: Tensor) -> Tensor:
        """The sum `(B, T, D)` of the embeddings of the codes of each row's first quantisers, as
        many as `counts (B,)`."""
        total = torch.zeros(*codes.shape[:2], like.shape[2], device=like.device, dtype=like.dtype)
        for place in range(int(counts.max())):
            read = (counts > place)[:, None, None]
            total = total + self.codes[place](codes[..., place]) * read
        return total
