"""The autoregressive model: the first codebook's codes, one after the other.

phones │ prompt's codes │ BEGIN c₁ c₂ …  ──► causal transformer ──► c₁ c₂ c₃ … , and the next phone
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.data.phones import UNKNOWN
from joint.outputs import SpeakerEncoding
from tasks.codec_synthesis.examples import CodeExamples
from tasks.codec_synthesis.network import Transformer, positions, spoken_in
from tasks.codec_synthesis.sampling import Draw
from tasks.codec_synthesis.vectors import CodePredictor, CodeReader, CodeVectors

STEPS = 3
"""In a frame of codes the text stays at its phone, or goes on by one or two."""
LONGEST_PHONE = 40
"""Frames of codes (1 s) after which the text goes on."""


class AutoregressiveModel(nn.Module):
    """A language model of the first quantiser's codes behind phones and a prompt (Wang et al.,
    VALL-E, 2023, section 4.2.1).

    With `monotonic` it also reads the phone that is spoken in each frame, and predicts whether the
    next frame's is the same or a following one (as Han et al., VALL-E R, 2024): the text ends, and
    speech with it, where the last phone does. Without, as VALL-E, a stop token ends it.

    Args:
        phones: Of the inventory.
        vectors: Of the codec.
        dim, blocks, heads, dropout, fusion: See Transformer.
    """

    def __init__(
        self,
        phones: int,
        vectors: CodeVectors,
        dim: int,
        blocks: int,
        heads: int,
        dropout: float,
        fusion: Callable[[int], Conditioning] | None,
        monotonic: bool,
    ) -> None:
        super().__init__()
        self.size, self.monotonic = vectors.size, monotonic
        self.phones = nn.Embedding(phones, dim)
        self.codes = CodeReader(vectors, 0, dim, 1)  # the last one begins
        self.parts = nn.Embedding(3, dim)
        self.body = Transformer(dim, blocks, heads, dropout, fusion)
        self.output = CodePredictor(vectors, 0, dim, 1)  # the last one stops
        self.steps = nn.Linear(dim, STEPS)

    def loss(
        self, examples: CodeExamples, first: int = 0
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Mean cross-entropy of the codes, with that of the stop or of the text's steps; text and
        codes begin at the position `first`."""
        codes, mask = examples.codes[..., 0], examples.mask
        begin = torch.full_like(codes[:, :1], self.size)
        targets = codes.masked_fill(~mask, UNKNOWN)
        inputs = torch.cat([begin, codes], dim=1)
        spoken: Tensor | None = None
        text = self.text(examples.phones, first)
        if self.monotonic:
            inputs, spoken = inputs[:, :-1], spoken_in(text, examples.places)
        else:
            mask = F.pad(mask, (1, 0), value=True)
            targets = F.pad(targets, (0, 1), value=UNKNOWN)
            targets.scatter_(1, examples.mask.sum(dim=1, keepdim=True), self.size)
        prefix = self.prefix(text, examples.prompt[..., 0])
        known = torch.cat([examples.phones != UNKNOWN, examples.prompt_mask], dim=1)
        x = torch.cat([prefix, self.targets(inputs, spoken, first)], dim=1)
        hidden = self.body(x, _reads(known, mask), examples.encoding)[:, prefix.shape[1] :]
        logits = self.output(hidden[mask])
        expected = targets[mask]
        loss = F.cross_entropy(logits, expected)
        metrics: dict[str, float | Tensor] = {
            "code_loss": loss,
            "code_accuracy": (logits.argmax(dim=1) == expected).float().mean(),
        }
        if self.monotonic:
            steps = self.steps(hidden).float()[mask]
            metrics["step_loss"] = step_loss = F.cross_entropy(steps, _steps(examples)[mask])
            loss = loss + step_loss
        return loss, metrics

    def text(self, phones: Tensor, first: int = 0) -> Tensor:
        """The embeddings `(B, P, D)` of `phones (B, P)` at the positions from `first` on."""
        text: Tensor = self.phones(phones.clamp(min=0))
        return text + positions(first, text.shape[1], text)

    def prefix(self, text: Tensor, prompt: Tensor) -> Tensor:
        """What stands before the codes, `(B, P + N, D)`: the `text (B, P, D)`, and the codes of the
        `prompt (B, N)`."""
        voice = self.codes(prompt)
        voice = voice + positions(0, voice.shape[1], voice) + self.parts.weight[1]
        return torch.cat([text + self.parts.weight[0], voice], dim=1)

    def targets(self, codes: Tensor, spoken: Tensor | None, first: int = 0) -> Tensor:
        """The embeddings `(B, T, D)` of `codes (B, T)` at the positions from `first` on, with the
        text that is `spoken (B, T, D)` where it is followed."""
        x = self.codes(codes)
        x = x + positions(first, x.shape[1], x) + self.parts.weight[2]
        return x if spoken is None else x + spoken

    @torch.no_grad()
    def sample(
        self,
        phones: Tensor,
        prompt: Tensor,
        encoding: SpeakerEncoding,
        draw: Draw,
        longest: int,
    ) -> tuple[Tensor, Tensor]:
        """Codes `(T,)` of `phones (P,)` behind a `prompt (N,)`, at most `longest`, and which of the
        phones is spoken in each, `(T,)` (zeros unless `monotonic`)."""
        text = self.text(phones[None])
        caches = self.body.caches()
        self.body(self.prefix(text, prompt[None]), None, encoding, caches)
        code, place, stayed = self.size, 0, 0
        codes: list[int] = []
        places: list[int] = []
        while len(codes) < longest:
            latest = torch.tensor([[code]], device=phones.device)
            spoken = text[:, place : place + 1] if self.monotonic else None
            x = self.targets(latest, spoken, len(codes))
            hidden = self.body(x, None, encoding, caches)[0, 0]
            logits = self.output(hidden)
            if self.monotonic or not codes:  # something is spoken
                logits[self.size] = -torch.inf
            code = draw(logits)
            if code == self.size:
                break
            codes.append(code)
            places.append(place)
            if self.monotonic:
                step = draw.plain(self.steps(hidden).float())
                stayed = 0 if step else stayed + 1
                if stayed >= LONGEST_PHONE:
                    step, stayed = 1, 0
                place += step
                if place >= len(phones):
                    break
        return phones.new_tensor(codes), phones.new_tensor(places)


def _reads(prefix: Tensor, mask: Tensor) -> Tensor:
    """`(B, L, L)`: all read what counts of the `prefix (B, M)`, codes of `mask (B, T)` also those
    before."""
    before, count = prefix.shape[1], mask.shape[1]
    keys = torch.cat([prefix, mask], dim=1)[:, None]
    place = torch.arange(before + count, device=mask.device)
    causal = (place[None, :] <= place[:, None]) | (place[None, :] < before)
    causal[:before, before:] = False
    return keys & causal


def _steps(examples: CodeExamples) -> Tensor:
    """How far the text goes on behind each frame of codes, `(B, T)`; past its end at the last."""
    counts = (examples.phones != UNKNOWN).sum(dim=1, keepdim=True)
    last = examples.mask.sum(dim=1, keepdim=True) - 1
    following = F.pad(examples.places[:, 1:], (0, 1)).scatter(1, last, counts)
    return (following - examples.places).clamp(0, STEPS - 1)
