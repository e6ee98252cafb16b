"""Pieces of words as units: byte-pair encoding, learnt from the texts of the training.

The recipe says how many, `units: {_target_: joint.text.pieces.PieceUnits, pieces: 500}`.
Which ones is learnt as weights are, and kept as weights are: in a tensor of the checkpoint. So a
checkpoint needs no corpus, and a training that goes on or begins with another's recogniser writes
with the pieces that its output layer knows, whatever the corpus.
"""

from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.text.units import TextUnits, in_capitals, writable

MARK = "▁"
"""The beginning of a word, as sentencepiece writes it; no text holds it."""
LONGEST = 16
"""Characters of a piece."""
WHERE = "units.pieces"


class PieceUnits(TextUnits):
    """`pieces` of words; one never reaches over a space, small letters count as large ones.

    They are learnt by `begin`, once; before, they write nothing. Raises ConfigError for no pieces.
    After Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units",
    ACL 2016.
    """

    codes: Tensor

    def __init__(self, pieces: int) -> None:
        super().__init__()
        if pieces < 1:
            raise ConfigError(WHERE, str(pieces), "1 or more")
        # the code points of each piece, in the order in which they were learnt; 0 fills up
        self.register_buffer("codes", torch.zeros(pieces, LONGEST, dtype=torch.int32))
        self.register_load_state_dict_post_hook(_read_again)
        self._read()

    def begin(self, corpus: Corpus) -> None:
        """Learn the pieces of the corpus's texts unless a checkpoint has brought them; see Units.

        Raises ConfigError for more pieces than the texts give or fewer than they have characters
        and where sentencepiece is not installed, DataError for a text that the pieces cannot write.
        """
        texts = [utterance.text for utterance in corpus.utterances]
        if not self.codes.any():
            for row, piece in zip(self.codes, learnt(texts, len(self.codes)), strict=True):
                row[: len(piece)] = row.new_tensor([ord(character) for character in piece])
            self._read()
        for text in texts:
            self._written(text)

    def encode(self, text: str) -> list[int]:
        """See TextUnits."""
        words = self._written(text).split()
        return [self.place[piece] for word in words for piece in self._parts(MARK + word)]

    def words(self, ids: Sequence[int]) -> list[str]:
        """What stands between marks."""
        return "".join(self.symbols[i] for i in ids).replace(MARK, " ").split()

    def _parts(self, word: str) -> list[str]:
        """A word from its characters: of all neighbours those become one that did so first when
        the pieces were learnt, until none do. Sentencepiece finds the same; without it, only
        learning asks for the package."""
        parts = list(word)
        while len(parts) > 1:
            pairs = [self.place.get(a + b, len(self)) for a, b in pairwise(parts)]
            first = min(pairs)
            if first == len(self):
                break
            at = pairs.index(first)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts

    def _written(self, text: str) -> str:
        expected = f"one of the {len(self.characters)} that the pieces are made of"
        return writable(text, self.characters, expected)

    def _read(self) -> None:
        """From the tensor to symbols."""
        rows = self.codes.tolist()
        self.symbols = ("", *("".join(chr(code) for code in row if code) for row in rows))
        self.place = {piece: i for i, piece in enumerate(self.symbols)}
        self.characters = {" ", *(piece for piece in self.symbols if len(piece) == 1)} - {MARK}


def _read_again(units: PieceUnits, _: Any) -> None:
    units._read()


def learnt(texts: Iterable[str], count: int) -> list[str]:
    """So many pieces of the texts: those that join others in the order in which they were found,
    then every character, the most frequent first. The same texts give the same.

    Raises ConfigError where sentencepiece is not installed, and for a count that cannot be.
    """
    try:
        from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    except ImportError:
        raise ConfigError(
            WHERE, "no package sentencepiece", "pip install 'joint-speaker[recognition]'"
        ) from None
    spoken = [words for text in texts if (words := in_capitals(text))]
    least = len({MARK}.union(*spoken) - {" "})
    if not spoken:
        raise ConfigError("data.train", "no texts", "some that pieces can be learnt from")
    if count < least:
        raise ConfigError(WHERE, str(count), f"{least} or more, the characters of the texts")
    model = BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(spoken),
        model_writer=model,
        model_type="bpe",
        vocab_size=count + 1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        max_sentencepiece_length=LONGEST,
        max_sentence_length=2**30,  # bytes; it would drop longer ones
        normalization_rule_name="identity",
        num_threads=1,
        unk_id=0,  # in the place of CTC's blank, which is no piece either
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    found = SentencePieceProcessor(model_proto=model.getvalue())
    if len(found) <= count:
        most = f"{len(found) - 1} or fewer, all that the texts give"
        raise ConfigError(WHERE, str(count), most)
    return [found.id_to_piece(i) for i in range(1, len(found))]
