"""The decoder of UniCATS: the first quantiser's codes, by diffusion, between known ones."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from tasks.codec_synthesis.diffusion.noise import MaskAndReplace
from tasks.codec_synthesis.examples import CodeExamples
from tasks.codec_synthesis.network import Transformer, positions
from tasks.codec_synthesis.sampling import Draw
from tasks.codec_synthesis.vectors import CodePredictor, CodeReader, CodeVectors

SMALLEST = 1e-30
"""Below it a probability has no logarithm."""


class DiffusionDecoder(nn.Module):
    """Estimates the codes of all frames from noisy ones, the text and the context, which is not
    noisy (contextual VQ-diffusion: Du et al., UniCATS, AAAI 2024).

    Args:
        vectors: Of the codec, whose latents say what the context's codes are.
        dim, blocks, heads, dropout, fusion: See Transformer; `dim` is also that of the text.
        steps, masked: See MaskAndReplace.
        auxiliary: Weight λ of the cross-entropy of the clean codes beside the bound (Gu et al.,
            VQ-Diffusion, section 4.2).
    """

    def __init__(
        self,
        vectors: CodeVectors,
        dim: int,
        blocks: int,
        heads: int,
        dropout: float,
        fusion: Callable[[int], Conditioning],
        steps: int,
        masked: float,
        auxiliary: float,
    ) -> None:
        super().__init__()
        self.noise = MaskAndReplace(vectors.size, steps, masked)
        self.codes = CodeReader(vectors, 0, dim, 1)  # the last one is the mask
        self.known = nn.Embedding(2, dim)
        self.context = nn.Linear(vectors.width, dim)
        self.body = Transformer(dim, blocks, heads, dropout, fusion, steps + 1)
        self.output = CodePredictor(vectors, 0, dim)
        self.auxiliary = auxiliary

    def forward(
        self,
        noisy: Tensor,
        step: Tensor,
        text: Tensor,
        latents: Tensor,
        examples: CodeExamples,
        first: int = 0,
    ) -> Tensor:
        """Logits `(B, T, size)` of the clean codes.

        Args:
            noisy: `(B, T)`, at the `step (B,)` of the diffusion.
            text: Of the phone that is spoken in each frame, `(B, T, D)`.
            latents: Of all quantisers, `(B, T, W)`; those of the context are read.
            first: Position of the first frame.
        """
        known = (examples.mask & ~examples.made).long()
        x = self.codes(noisy) + text + self.known(known)
        x = x + self.context(latents) * known[..., None] + positions(first, x.shape[1], x)
        reads = examples.mask[:, None].expand(-1, x.shape[1], -1)
        hidden = self.body(x, reads, examples.encoding, stage=step)
        logits: Tensor = self.output(hidden)
        return logits

    def loss(
        self, text: Tensor, latents: Tensor, examples: CodeExamples, first: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """The variational bound in nats a frame, estimated at one random step of each row, those of
        the rows spread evenly, and the auxiliary loss of as many steps, λ times; see `forward`."""
        codes, made = examples.codes[..., 0], examples.made
        steps = self.noise.steps
        rows = len(codes)
        place = (torch.randperm(rows) + torch.rand(rows)) / rows
        step = 1 + (place * steps).long().clamp(max=steps - 1).to(codes.device)
        noisy = torch.where(made, self.noise.noised(codes, step), codes)
        logits = self(noisy, step, text, latents, examples, first)
        clean = F.one_hot(codes, self.noise.size).float()
        # at the first step this is the likelihood of the codes
        true, found = (
            self.noise.posterior(start, noisy, step, step - 1)[made].clamp(min=SMALLEST).log()
            for start in (clean, logits.softmax(dim=2))
        )
        bound = steps * (true.exp() * (true - found)).sum(dim=1).mean()
        entropy = F.cross_entropy(logits[made], codes[made])
        metrics: dict[str, float | Tensor] = {
            "bound": bound,
            "code_loss": entropy,
            "code_accuracy": (logits[made].argmax(dim=1) == codes[made]).float().mean(),
        }
        return bound + self.auxiliary * steps * entropy, metrics

    @torch.no_grad()
    def sample(
        self,
        text: Tensor,
        latents: Tensor,
        examples: CodeExamples,
        draw: Draw,
        steps: int | None = None,
    ) -> Tensor:
        """The first codes `(T,)` of one row: those of the context stay, the others come of noise in
        so many `steps`, all those of the training where None; see `forward`."""
        made = examples.made
        count = self.noise.steps if steps is None else min(steps, self.noise.steps)
        times = torch.linspace(self.noise.steps, 0, count + 1).round().long().to(made.device)
        codes = examples.codes[..., 0].clone()
        codes[made] = draw.rows(self.noise.probabilities(codes, times[:1])[made])
        for step, before in zip(times[:-1, None], times[1:, None], strict=True):
            start = draw.shares(self(codes, step, text, latents, examples))
            codes[made] = draw.rows(self.noise.posterior(start, codes, step, before)[made])
        return codes[0]
