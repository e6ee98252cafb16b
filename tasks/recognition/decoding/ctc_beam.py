"""CTC beam search with an n-gram language model or a lexicon, by flashlight's decoders."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import torch
from torch import Tensor

from joint.errors import ConfigError
from joint.losses.ctc import BLANK
from tasks.recognition.core import Posteriors
from tasks.recognition.decoding.language_model import UNKNOWN_WORD, NGram

BORDER = "|"
"""Flashlight's word boundary; no unit of the recogniser."""
BRANCHES = 15
"""Symbols that a hypothesis is extended with in a frame."""
FAR = 1e4
"""More than any difference of log-likelihoods."""


class CtcBeamSearch:
    """CTC beam search by flashlight's decoders; the probabilities of a sequence's paths add up.

    Without a `lexicon` it gives symbols, and the language model is one of their `symbol_names`.
    With one, which maps words to sequences of symbols, it gives words, and the model is one of
    words. `weight` multiplies the model's logarithms to the base of 10; `bonus` is subtracted from
    the blank's log-probability in each frame, in nats, against deletions. Raises ConfigError for a
    beam below 1 and where `flashlight-text` is not installed.
    """

    windowed: ClassVar[bool] = False

    def __init__(
        self,
        vocabulary: int,
        language_model: NGram | None = None,
        lexicon: Mapping[str, Sequence[Sequence[int]]] | None = None,
        beam: int = 50,
        weight: float = 1.0,
        bonus: float = 0.0,
    ) -> None:
        if beam < 1:
            raise ConfigError("beam", str(beam), "1 or more")
        self.gives_words, self.bonus = lexicon is not None, bonus
        names = symbol_names(vocabulary)
        tried = min(vocabulary, BRANCHES) if beam > 1 else 1
        weight = 0.0 if language_model is None else weight
        self.decode: Callable[[Tensor], list[int] | list[str]]
        try:
            with TemporaryDirectory() as folder:
                model = None
                if language_model is not None:
                    model = str(language_model.write_arpa(Path(folder) / "model.arpa"))
                if lexicon is None:
                    self.decode = symbol_decoder(names, model, beam, tried, weight)
                else:
                    path = _write_lexicon(Path(folder) / "lexicon.txt", lexicon, names)
                    self.decode = word_decoder(names, model, path, beam, tried, weight)
        except ImportError as error:
            raise ConfigError("beam search", str(error), "pip install flashlight-text") from None

    def __call__(self, posteriors: Posteriors, row: int) -> list[int] | list[str]:
        """See Decoding."""
        own = posteriors.log_probabilities[row, : posteriors.frames[row]].float().cpu().clone()
        own[:, BLANK] -= self.bonus
        # between words the boundary is as likely as the blank; between symbols it is impossible
        border = own[:, BLANK, None] if self.gives_words else own.new_full((len(own), 1), -FAR)
        return self.decode(torch.cat([own, border], dim=1).contiguous())


def symbol_decoder(
    names: Sequence[str], model: str | None, beam: int, tried: int, weight: float
) -> Callable[[Tensor], list[int]]:
    """A function from scores `(F, V + 1)` to symbols; `model` is the path of an ARPA file of their
    `names`.

    torchaudio's decoder without a lexicon cannot repeat a symbol beside a language model.
    """
    from flashlight.lib.text import decoder as flashlight
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    options = flashlight.LexiconFreeDecoderOptions(
        beam, tried, FAR, weight, 0.0, beam > 1, flashlight.CriterionType.CTC
    )
    known = flashlight.ZeroLM() if model is None else KenLM(model, Dictionary([*names, BORDER]))
    search = flashlight.LexiconFreeDecoder(options, known, len(names), BLANK, [])

    def decode(scores: Tensor) -> list[int]:
        path = search.decode(scores.data_ptr(), *scores.shape)[0].tokens
        return [symbol for symbol, _ in groupby(path) if BLANK < symbol < len(names)]

    return decode


def word_decoder(
    names: Sequence[str], model: str | None, lexicon: Path, beam: int, tried: int, weight: float
) -> Callable[[Tensor], list[str]]:
    """A function from scores `(F, V + 1)` to words; `model` is the path of an ARPA file."""
    from torchaudio.models.decoder import ctc_decoder

    search = ctc_decoder(
        lexicon=str(lexicon),
        tokens=[*names, BORDER],
        lm=model,
        nbest=1,
        beam_size=beam,
        beam_size_token=tried + 1 if beam > 1 else 1,
        beam_threshold=FAR,
        lm_weight=weight,
        log_add=beam > 1,
        blank_token=names[BLANK],
        sil_token=BORDER,
        unk_word=UNKNOWN_WORD,
    )

    def decode(scores: Tensor) -> list[str]:
        found = search(scores[None])[0]
        return list(found[0].words) if found else []

    return decode


def _write_lexicon(
    path: Path, lexicon: Mapping[str, Sequence[Sequence[int]]], names: Sequence[str]
) -> Path:
    # a boundary after each word, or its last symbol could not be repeated
    lines = (
        f"{word} {' '.join(names[i] for i in spelling)} {BORDER}\n"
        for word, several in lexicon.items()
        for spelling in several
    )
    path.write_text("".join(lines), encoding="utf-8")
    return path


def symbol_names(vocabulary: int) -> list[str]:
    """Names of symbols in language models, as symbols themselves may be spaces."""
    return [f"u{i}" for i in range(vocabulary)]
