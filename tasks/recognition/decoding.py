"""From the core's frames to what is said: the best path, a beam with a language model, or the
attention decoder's beam."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import torch

from joint.ctc import BLANK, ctc_losses
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from tasks.recognition.attention import AttentionDecoder
from tasks.recognition.core import Transcript
from tasks.recognition.face import best_path
from tasks.recognition.language_model import UNKNOWN_WORD, NGram

BORDER = "|"
"""What flashlight would put between words; nobody says it."""
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
    """CTC beam search by flashlight's decoder, through torchaudio.

    Without a `lexicon` it gives symbols, and the language model is one of their `symbol_names`.
    With one, which maps words to sequences of symbols, it gives words, and the model is one of
    words. Raises ConfigError for a beam below 1 and where `flashlight-text` is not installed.
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
        try:
            from torchaudio.models.decoder import ctc_decoder
        except ImportError as error:
            raise ConfigError("beam search", str(error), "pip install flashlight-text") from None
        names = symbol_names(vocabulary)
        self.gives_words = lexicon is not None
        self.places = {name: i for i, name in enumerate(names)}
        if lexicon is None and language_model is not None:
            # every symbol a word: without words torchaudio mixes up those of the language model
            lexicon = {name: [[i]] for name, i in self.places.items() if i != BLANK}
        with TemporaryDirectory() as folder:
            model = words = None
            if language_model is not None:
                model = str(language_model.write_arpa(Path(folder) / "model.arpa"))
            if lexicon is not None:
                words = str(_write_lexicon(Path(folder) / "lexicon.txt", lexicon, names))
            self.search = ctc_decoder(
                lexicon=words,
                tokens=[*names, BORDER],
                lm=model,
                nbest=1,
                beam_size=beam,
                beam_size_token=min(vocabulary, BRANCHES) if beam > 1 else 1,
                beam_threshold=FAR,
                lm_weight=0.0 if language_model is None else weight,
                word_score=bonus,
                blank_token=names[BLANK],
                sil_token=BORDER,
                unk_word=UNKNOWN_WORD,
            )

    def __call__(self, transcript: Transcript, row: int) -> list[int] | list[str]:
        """See Decoding."""
        own = transcript.log_probabilities[row, : transcript.frames[row]].float().cpu()
        never = own.new_full((len(own), 1), -FAR)
        found = self.search(torch.cat([own, never], dim=1)[None].contiguous())[0]
        if not found:
            return []
        if self.gives_words:
            return list(found[0].words)
        if found[0].words:
            return [self.places[name] for name in found[0].words]
        return [int(i) for i in found[0].tokens if BLANK < int(i) < own.shape[1]]


def _write_lexicon(
    path: Path, lexicon: Mapping[str, Sequence[Sequence[int]]], names: Sequence[str]
) -> Path:
    lines = (
        f"{word} {' '.join(names[i] for i in spelling)}\n"
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
