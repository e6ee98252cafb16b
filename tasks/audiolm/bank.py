"""Recordings of earlier steps, for pairs: more speakers to choose the most similar ones among."""

import torch
from torch import Tensor, nn

from tasks.audiolm.queries import Recordings

LETTERS = 96
"""Of a text, in UTF-8: its first words."""


class Bank(nn.Module):
    """The last `size` recordings: embeddings, speakers, utterances and texts.

    For an encoder that is not updated, whose embeddings stay right: each is computed once. What is
    kept belongs to a checkpoint, so that a training is resumed exactly.
    """

    def __init__(self, size: int, embedding_dim: int) -> None:
        super().__init__()
        self.register_buffer("embedding", torch.zeros(size, embedding_dim))
        self.register_buffer("speaker", torch.full((size,), -1))
        self.register_buffer("utterance", torch.full((size,), -1))
        self.register_buffer("letters", torch.zeros(size, LETTERS, dtype=torch.uint8))
        self.embedding: Tensor
        self.speaker: Tensor
        self.utterance: Tensor
        self.letters: Tensor

    def clear(self) -> None:
        """Forget all of it."""
        self.speaker.fill_(-1)

    @torch.no_grad()
    def add(
        self, recordings: Recordings, speaker: Tensor, utterance: Tensor
    ) -> tuple[Recordings, Tensor, Tensor]:
        """Put in recordings, with `speaker (N,)` and `utterance (N,)`, in place of the oldest, and
        give all that there are: the newest first."""
        words = recordings.words or ("",) * len(speaker)
        letters = torch.stack([_letters(text) for text in words]).to(self.letters.device)
        new = {
            "embedding": recordings.embedding.float(),
            "speaker": speaker,
            "utterance": utterance,
            "letters": letters,
        }
        size = len(self.speaker)
        for name, rows in new.items():
            kept = getattr(self, name)
            kept.copy_(torch.cat([rows.to(kept), kept])[:size])
        count = int((self.speaker >= 0).sum())
        texts = tuple(bytes(row.tolist()).rstrip(b"\0").decode() for row in self.letters[:count])
        known = Recordings(self.embedding[:count].clone(), words=texts)
        return known, self.speaker[:count].clone(), self.utterance[:count].clone()


def _letters(text: str) -> Tensor:
    """A text as so many bytes, whole words of it."""
    kept = text.encode()
    while len(kept) > LETTERS:
        kept = kept.rpartition(b" ")[0]
    return torch.tensor(list(kept.ljust(LETTERS, b"\0")), dtype=torch.uint8)
