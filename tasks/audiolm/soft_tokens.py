"""The shared encoder's embeddings as soft tokens of a small text language model."""

from collections.abc import Sequence
from inspect import signature
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tasks.audiolm.answers import AnswerTokens
from tasks.audiolm.loading import library, located, text_model
from tasks.audiolm.prompts import Prompt, soft_prompt
from tasks.audiolm.queries import Recordings
from tasks.audiolm.task import ATTENTION, PairTask


class SoftTokenTask(PairTask):
    """Embeddings of both recordings, through a learnt projection, stand in the prompt as tokens
    (Thebaud et al., "Speaker verification with speech-aware LLMs", 2026); projection and low-rank
    changes are trained, and the encoder as the task's switch says. Args: see PairTask, and

        tokens_per_voice: How many tokens each voice becomes.
        compared: A further token after the two voices, the projection of the product of the two
            embeddings, element by element, so that the model need not learn to multiply.
    """

    reads_waveforms: ClassVar[bool] = False

    def __init__(
        self,
        embedding_dim: int,
        source: str,
        rank: int = 16,
        alpha: float = 32.0,
        layers: Sequence[str] = ATTENTION,
        pairs: int = 64,
        hard_share: float = 0.75,
        bank: int = 512,
        text_dependent: bool = False,
        tokens_per_voice: int = 1,
        compared: bool = True,
    ) -> None:
        where = located(source)
        model, tokenizer = text_model(where)

        def encode(text: str) -> list[int]:
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])

        super().__init__(
            source,
            model,
            where,
            AnswerTokens.of(encode, source),
            model,
            embedding_dim,
            rank,
            alpha,
            layers,
            pairs,
            hard_share,
            bank,
            text_dependent,
        )
        self.tokenizer, self.encode = tokenizer, encode
        table: Tensor = self.table
        width = table.shape[1]
        self.projection = SoftTokens(embedding_dim, width, tokens_per_voice, table, compared)

    @property
    def table(self) -> Tensor:
        """The embeddings of the language model's vocabulary, `(V, H)`."""
        embeddings: Any = self.model.get_input_embeddings()  # type: ignore[operator]
        weight: Tensor = embeddings.weight
        return weight

    def prompt(self, asked: str | None = None, spoken: str | None = None) -> Prompt:
        """The text around the soft tokens; see `soft_prompt`."""
        return soft_prompt(self.tokenizer, asked, spoken)

    def log_ratios(
        self, first: Recordings, second: Recordings, asked: Sequence[str] | None = None
    ) -> Tensor:
        """See PairTask. What all rows have in common is run once."""
        voices = self.projection(first.embedding, second.embedding).to(self.table.dtype)
        before, rows = self.prompt().before, [voices]
        last = torch.full((len(voices),), voices.shape[1] - 1, device=voices.device)
        if asked is not None:
            assert second.words is not None
            spoken = second.words
            prompts = [self.prompt(a, s) for a, s in zip(asked, spoken, strict=True)]
            before = prompts[0].before
            texts = [self._embedded(p.row) for p in prompts]
            joint = [torch.cat([t, v]) for t, v in zip(texts, voices, strict=True)]
            # padding behind the last token changes nothing before it
            rows = [pad_sequence(joint, batch_first=True)]
            last = torch.tensor([len(row) - 1 for row in joint], device=voices.device)
        network: Any = self.model.get_decoder()  # type: ignore[operator]
        cache = library("transformers").DynamicCache(config=network.config)
        kept = {name_of_cache(network): cache, "use_cache": True}
        network(inputs_embeds=self._embedded(before)[None], **kept)
        cache.batch_repeat_interleave(len(voices))
        hidden = network(inputs_embeds=rows[0], **kept)
        answer = hidden.last_hidden_state[torch.arange(len(voices), device=voices.device), last]
        output: Any = self.model.get_output_embeddings()  # type: ignore[operator]
        return self.tokens.log_ratio(F.linear(answer, output.weight[self.tokens.ids]))

    def _embedded(self, text: str) -> Tensor:
        ids = torch.tensor(self.encode(text), device=self.table.device)
        return F.embedding(ids, self.table)


def name_of_cache(network: nn.Module) -> str:
    """What a model calls the keys and values of earlier tokens: transformers renames it."""
    return "cache" if "cache" in signature(network.forward).parameters else "past_key_values"


class SoftTokens(nn.Module):
    """Two embeddings `(B, E)` as tokens `(B, T, H)`, at the scale of the vocabulary's `table`."""

    def __init__(
        self, embedding_dim: int, width: int, count: int, table: Tensor, compared: bool
    ) -> None:
        super().__init__()
        self.count, self.embedding_dim = count, embedding_dim
        self.voice = nn.Linear(embedding_dim, count * width)
        self.product = nn.Linear(embedding_dim, width) if compared else None
        # which of the two recordings it is
        scale = float(table.float().std())
        self.place = nn.Parameter(scale * torch.randn(2, 1, width))
        nn.init.normal_(self.voice.weight, 0.0, scale * embedding_dim**-0.5)
        nn.init.zeros_(self.voice.bias)
        if self.product is not None:
            nn.init.normal_(self.product.weight, 0.0, scale * embedding_dim**-0.5)
            nn.init.zeros_(self.product.bias)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """`T` is 2 · count, and 1 more with the product."""
        # elements of variance 1, whatever the encoder's scale
        first, second = (self.embedding_dim**0.5 * F.normalize(x.float()) for x in (first, second))
        tokens = [
            self.voice(x).unflatten(1, (self.count, -1)) + place
            for x, place in zip((first, second), self.place, strict=True)
        ]
        if self.product is not None:
            tokens.append(self.product(first * second)[:, None])
        return torch.cat(tokens, dim=1)
