"""N-gram language models, written as ARPA files for the CTC beam search."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from joint.errors import ConfigError
from joint.files import atomic_write

START, END, UNKNOWN_WORD = "<s>", "</s>", "<unk>"
NEVER = -99.0
"""The logarithm to the base of 10 that ARPA files give a probability of 0."""


class NGram:
    """An n-gram model with interpolated Witten-Bell smoothing (Witten and Bell, 1991).

    `sentences` are sequences of words or of other units; `known` are further words of the
    vocabulary. Raises ConfigError for an order below 1 and for no sentences.
    """

    def __init__(
        self, sentences: Iterable[Sequence[str]], order: int = 3, known: Iterable[str] = ()
    ) -> None:
        if order < 1:
            raise ConfigError("order", str(order), "1 or more")
        self.order = order
        self.counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for sentence in sentences:
            padded = [START, *sentence, END]
            for i in range(1, len(padded)):
                for reach in range(min(order, i + 1)):
                    self.counts[tuple(padded[i - reach : i])][padded[i]] += 1
        if not self.counts:
            raise ConfigError("language model", "no sentence", "one at least")
        self.words = sorted({*self.counts[()], *known, UNKNOWN_WORD})
        self.probability = cache(self._probability)

    def _probability(self, word: str, history: tuple[str, ...]) -> float:
        """Probability of `word` after `history`, of which the last order-1 words count."""
        history = history[-(self.order - 1) :] if self.order > 1 else ()
        shorter = self.probability(word, history[1:]) if history else 1.0 / len(self.words)
        if not (followed := self.counts.get(history)):
            return shorter
        kinds, total = len(followed), followed.total()
        return (followed[word] + kinds * shorter) / (total + kinds)

    def write_arpa(self, path: Path) -> Path:
        """Write the model in the ARPA format; back-off weights give its interpolation exactly."""
        lines = ["\\data\\"]
        grams = [self._grams(length) for length in range(1, self.order + 1)]
        lines += [f"ngram {length}={len(found)}" for length, found in enumerate(grams, start=1)]
        for length, found in enumerate(grams, start=1):
            lines += ["", f"\\{length}-grams:", *found]
        atomic_write(path, "\n".join([*lines, "", "\\end\\", ""]))
        return path

    def _grams(self, length: int) -> list[str]:
        histories = [h for h in self.counts if len(h) == length - 1]
        grams = {(*history, word) for history in histories for word in self.counts[history]}
        if length == 1:
            grams |= {(word,) for word in self.words} | {(START,)}
        return [self._line(gram) for gram in sorted(grams)]

    def _line(self, gram: tuple[str, ...]) -> str:
        *history, word = gram
        found = NEVER
        if word != START:
            found = math.log10(self.probability(word, tuple(history)))
        line = f"{found:.6f}\t{' '.join(gram)}"
        if len(gram) < self.order and (followed := self.counts.get(gram)):
            line += f"\t{math.log10(len(followed) / (followed.total() + len(followed))):.6f}"
        return line
