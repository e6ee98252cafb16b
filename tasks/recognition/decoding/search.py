"""From the core's frames to what is said: the best path, a beam with a language model, or the
attention decoder's beam."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.losses.ctc import BLANK, ctc_losses
from tasks.recognition.core import Transcript
from tasks.recognition.decoding.language_model import UNKNOWN_WORD, NGram
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.task import best_path

BORDER = "|"
"""What flashlight puts between words; nobody says it."""
LONGEST = 400
"""An attention decoder stops after so many symbols."""
BRANCHES = 15
"""Symbols that a beam tries at a frame."""
FAR = 1e4
"""Logarithms of likelihoods further apart than this do not happen."""


class Decoding(Protocol):
    """Reads one recording of a transcript: symbols, or words where it knows words."""

    def __call__(self, transcript: Transcript, row: int) -> Sequence[int] | Sequence[str]: ...


class BestPath:
    """The symbols of the most likely path."""

    def __call__(self, transcript: Transcript, row: int) -> list[int]:
        """See Decoding."""
        return best_path(transcript, row)


class BeamSearch:
    """CTC beam search by flashlight's decoders: paths of one sequence add up.

    Without a `lexicon` it gives symbols, and the language model is one of their `symbol_names`.
    With one, which maps words to sequences of symbols, it gives words, and the model is one of
    words. `weight` multiplies the model's logarithms to the base of 10; `bonus` is what the blank
    of each frame loses, in nats, so that more is written. Raises ConfigError for a beam below 1 and
    where `flashlight-text` is not installed.
    """

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

    def __call__(self, transcript: Transcript, row: int) -> list[int] | list[str]:
        """See Decoding."""
        own = transcript.log_probabilities[row, : transcript.frames[row]].float().cpu().clone()
        own[:, BLANK] -= self.bonus
        # between words is silence, as blanks are; between symbols nothing
        border = own[:, BLANK, None] if self.gives_words else own.new_full((len(own), 1), -FAR)
        return self.decode(torch.cat([own, border], dim=1).contiguous())


def symbol_decoder(
    names: Sequence[str], model: str | None, beam: int, tried: int, weight: float
) -> Callable[[Tensor], list[int]]:
    """Gives the symbols of scores `(F, V + 1)`, `model` the path of an ARPA file of their `names`.

    torchaudio has none that lets a symbol last for several frames and knows a language model.
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
    """Gives the words of scores `(F, V + 1)`, `model` the path of an ARPA file of words."""
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
    # a border behind each word, or its last symbol could not last
    lines = (
        f"{word} {' '.join(names[i] for i in spelling)} {BORDER}\n"
        for word, several in lexicon.items()
        for spelling in several
    )
    path.write_text("".join(lines), encoding="utf-8")
    return path


def symbol_names(vocabulary: int) -> list[str]:
    """What language models of symbols call them: symbols themselves may be spaces."""
    return [f"u{i}" for i in range(vocabulary)]


class AttentionSearch:
    """The attention decoder's beam, each sequence's score shared with CTC's of the whole sequence
    when it has ended: `ctc` is its part. A beam of 1 is the greedy path."""

    def __init__(self, decoder: AttentionDecoder, beam: int = 5, ctc: float = 0.3) -> None:
        if beam < 1:
            raise ConfigError("beam", str(beam), "1 or more")
        self.decoder, self.beam, self.ctc = decoder, beam, ctc

    def __call__(self, transcript: Transcript, row: int) -> list[int]:
        """See Decoding."""
        frames = int(transcript.frames[row])
        heard = Frames(transcript.hidden.features[row : row + 1, :frames], None)
        border = self.decoder.border
        going: list[tuple[list[int], float]] = [([], 0.0)]
        ended: list[tuple[list[int], float]] = []
        for _ in range(min(frames, LONGEST)):
            before = torch.tensor([[border, *said] for said, _ in going])
            several = heard.with_features(heard.features.expand(len(going), -1, -1))
            scores = self.decoder(several, before)[:, -1]
            scores[:, BLANK] = float("-inf")
            total = scores + torch.tensor([score for _, score in going])[:, None]
            best, places = total.flatten().topk(min(self.beam, total.numel()))
            found = [
                (going[place // total.shape[1]][0], place % total.shape[1], score)
                for score, place in zip(best.tolist(), places.tolist(), strict=True)
            ]
            ended += [(said, score) for said, symbol, score in found if symbol == border]
            going = [([*said, symbol], score) for said, symbol, score in found if symbol != border]
            if not going or len(ended) >= self.beam:
                break
        return max(ended or going, key=lambda item: self._score(item, transcript, row))[0]

    def _score(self, item: tuple[list[int], float], transcript: Transcript, row: int) -> float:
        said, score = item
        if not self.ctc:
            return score
        ids = torch.tensor([said or [BLANK]])
        loss = ctc_losses(
            transcript.log_probabilities[row : row + 1],
            transcript.frames[row : row + 1],
            ids,
            torch.tensor([len(said)]),
        )
        return (1.0 - self.ctc) * score - self.ctc * float(loss)
