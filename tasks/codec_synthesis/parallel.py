"""The non-autoregressive model: the codes of the further quantisers, all frames at once."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.data.phones import UNKNOWN
from tasks.codec_synthesis.examples import CodeExamples
from tasks.codec_synthesis.network import Transformer, positions


class ParallelModel(nn.Module):
    """Predicts the codes of quantiser j from those of all before it, the phones and all codes of
    the prompt, or around what is infilled (Wang et al., VALL-E, 2023, section 4.2.2).

    Args:
        phones, size, quantizers: Of the inventory, of each codebook, and of the codec.
        dim, blocks, heads, dropout, fusion: See Transformer.
        monotonic: Whether the phone that is spoken in each frame is known too.
    """

    def __init__(
        self,
        phones: int,
        size: int,
        quantizers: int,
        dim: int,
        blocks: int,
        heads: int,
        dropout: float,
        fusion: Callable[[int], Conditioning] | None,
        monotonic: bool,
    ) -> None:
        super().__init__()
        self.monotonic = monotonic
        self.phones = nn.Embedding(phones, dim)
        self.codes = nn.ModuleList(nn.Embedding(size, dim) for _ in range(quantizers))
        self.parts = nn.Embedding(3, dim)
        self.body = Transformer(dim, blocks, heads, dropout, fusion, quantizers)
        self.outputs = nn.ModuleList(nn.Linear(dim, size) for _ in range(quantizers - 1))

    def loss(
        self, examples: CodeExamples, first: int = 0
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Mean cross-entropy of the codes of one quantiser, drawn at random; see `forward`."""
        stage = int(torch.randint(1, len(self.codes), ()))
        logits = self(examples, stage, first)[examples.made]
        expected = examples.codes[..., stage][examples.made]
        loss = F.cross_entropy(logits, expected)
        accuracy = (logits.argmax(dim=1) == expected).float().mean()
        return loss, {"further_code_loss": loss, "further_code_accuracy": accuracy}

    def forward(self, examples: CodeExamples, stage: int, first: int = 0) -> Tensor:
        """Logits `(B, T, size)` of the codes of the quantiser `stage`, 1 and more, where the first
        frame has the position `first`."""
        text = self.phones(examples.phones.clamp(min=0))
        voice = self._embedded(examples.prompt, len(self.codes), text)
        codes = self._embedded(examples.codes, stage, text)
        if examples.infilled is not None:
            known = self._embedded(examples.codes, len(self.codes), text)
            codes = torch.where(examples.infilled[..., None], codes, known)
        if self.monotonic:
            codes = codes + self.phones(examples.spoken)
        x = torch.cat(
            [
                part + positions(begin, part.shape[1], part) + self.parts.weight[number]
                for number, (part, begin) in enumerate(((text, 0), (voice, 0), (codes, first)))
            ],
            dim=1,
        )
        known = torch.cat([examples.phones != UNKNOWN, examples.prompt_mask, examples.mask], dim=1)
        reads = known[:, None].expand(-1, x.shape[1], -1)
        stages = torch.full((len(x),), stage, device=x.device)
        hidden = self.body(x, reads, examples.encoding, stage=stages)
        logits: Tensor = self.outputs[stage - 1](hidden[:, -codes.shape[1] :]).float()
        return logits

    @torch.no_grad()
    def fill(self, examples: CodeExamples) -> Tensor:
        """The codes `(B, T, Q)` whose first quantiser's are those of the examples, each further one
        the most probable where they are made."""
        codes = examples.codes.clone()
        filled = CodeExamples(**{**vars(examples), "codes": codes})
        for stage in range(1, len(self.codes)):
            found = self(filled, stage).argmax(dim=2)
            codes[..., stage] = torch.where(examples.made, found, codes[..., stage])
        return codes

    def _embedded(self, codes: Tensor, count: int, like: Tensor) -> Tensor:
        """The sum `(B, T, D)` of the embeddings of the first `count` quantisers' codes."""
        total = torch.zeros(*codes.shape[:2], like.shape[2], device=like.device, dtype=like.dtype)
        for place in range(count):
            total = total + self.codes[place](codes[..., place])
        return total
