"""What a density is conditioned on: the attributes that a description says, or its words."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from tasks.generation.vocabulary import Description, Vocabulary

LEARNING_STEPS, LEARNING_TEXTS, LEARNING_RATE = 300, 64, 0.01
"""Of a text encoder: seconds of one core."""


class AttributeCondition(nn.Module):
    """Metadata of a voice, a one-hot vector for each attribute, zeros where it is not known
    (Stanton, Shannon, Mariooryad, Skerry-Ryan, Battenberg, Bagby, Kao, "Speaker generation", ICASSP
    2022, §3.2)."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.places = {
            (attribute, value): place
            for place, (attribute, value) in enumerate(
                (name, value) for name, values in vocabulary.values.items() for value in values
            )
        }
        self.dim = len(self.places)

    def learn(self, rng: np.random.Generator) -> None:
        """There is nothing to learn."""

    def forward(self, descriptions: Sequence[Description]) -> Tensor:
        """Descriptions → `(B, C)`."""
        found = torch.zeros(len(descriptions), self.dim)
        for row, description in enumerate(descriptions):
            for item in description.attributes.items():
                found[row, self.places[item]] = 1.0
        return found


class TextCondition(nn.Module):
    """A small text encoder over the words of a description: embeddings, a bidirectional GRU, the
    mean over words, and the probability of every value of an attribute (as the prompt encoders of
    Zhang et al., "PromptSpeaker", ASRU 2023, and Shimizu et al., "PromptTTS++", ICASSP 2024, with a
    network of our own in place of BERT).

    It learns from texts alone, before the density that it conditions: a hundred speakers are too
    few to learn words from.
    """

    padding: ClassVar[int] = 0

    def __init__(self, vocabulary: Vocabulary, word_dim: int = 16, hidden: int = 16) -> None:
        super().__init__()
        self.vocabulary, self.target = vocabulary, AttributeCondition(vocabulary)
        self.dim = self.target.dim
        self.places = {word: place for place, word in enumerate(vocabulary.words, start=1)}
        self.words = nn.Embedding(len(self.places) + 1, word_dim, padding_idx=self.padding)
        self.recurrent = nn.GRU(word_dim, hidden // 2, batch_first=True, bidirectional=True)
        self.output = nn.Linear(hidden, self.dim)

    def learn(self, rng: np.random.Generator) -> None:
        """Learn to tell what texts say, from texts that `rng` draws; then it is frozen."""
        optimizer = torch.optim.Adam(self.parameters(), LEARNING_RATE)
        for _ in range(LEARNING_STEPS):
            texts = [self.vocabulary.drawn(rng) for _ in range(LEARNING_TEXTS)]
            loss = F.binary_cross_entropy_with_logits(self._scores(texts), self.target(texts))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.requires_grad_(False)

    def forward(self, descriptions: Sequence[Description]) -> Tensor:
        """Descriptions → `(B, C)`."""
        return self._scores(descriptions).sigmoid()

    def _scores(self, descriptions: Sequence[Description]) -> Tensor:
        rows = [torch.tensor([self.places[w] for w in d.words]) for d in descriptions]
        counts = torch.tensor([len(row) for row in rows])
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.padding)
        packed = pack_padded_sequence(self.words(padded), counts, True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        scores: Tensor = self.output(states.sum(dim=1) / counts[:, None])
        return scores
