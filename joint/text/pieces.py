"""Word pieces as units: byte-pair encoding, learnt from the texts of the training corpus.

The recipe says how many: `units: {_target_: joint.text.pieces.PieceUnits, pieces: 500}`. The pieces
are kept in a tensor of the checkpoint, as weights are. So a checkpoint needs no corpus, and a
training that resumes, or is initialised from another recogniser, uses the pieces of that output
layer whatever its own corpus.
"""

from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.text.units import TextUnits, normalised

MARK = "▁"
"""The beginning of a word, as sentencepiece writes it; no text may contain it."""
LONGEST = 16
"""Characters of a piece."""
WHERE = "units.pieces"


class PieceUnits(TextUnits):
    """`pieces` of words; no piece spans a space, lower case counts as upper case.

    `setup` learns them, once; before that the vocabulary is empty. Raises ConfigError for fewer
    than one piece. After Sennrich, Haddow and Birch, "Neural machine translation of rare words with
    subword units", ACL 2016.
    """

    codes: Tensor

    def __init__(self, pieces: int) -> None:
        super().__init__()
        if pieces < 1:
            raise ConfigError(WHERE, str(pieces), "1 or more")
        # the code points of each piece, in the order in which they were learnt, padded with 0
        self.register_buffer("codes", torch.zeros(pieces, LONGEST, dtype=torch.int32))
        self.register_load_state_dict_post_hook(_update_symbols)
        self.update_symbols()

    def setup(self, corpus: Corpus) -> None:
        """Learn the pieces from the texts of `corpus` unless a checkpoint has brought them, then
        check all texts; see TextUnits.

        Raises ConfigError for more pieces than the texts give or fewer than they have characters
        and where sentencepiece is not installed, DataError for a text that the pieces cannot write.
        """
        if not self.codes.any():
            pieces = learn_pieces((u.text for u in corpus.utterances), len(self.codes))
            for row, piece in zip(self.codes, pieces, strict=True):
                row[: len(piece)] = row.new_tensor([ord(character) for character in piece])
            self.update_symbols()
        super().setup(corpus)

    def encode(self, text: str) -> list[int]:
        """See TextUnits."""
        words = self.spelled(text).split()
        return [self.place[piece] for word in words for piece in self._split(MARK + word)]

    def words(self, ids: Sequence[int]) -> list[str]:
        """The text between marks."""
        return "".join(self.symbols[i] for i in ids).replace(MARK, " ").split()

    @property
    def alphabet(self) -> str:
        """See TextUnits."""
        return f"one of the {len(self.characters)} characters of the pieces"

    def _split(self, word: str) -> list[str]:
        """The pieces of a word: its characters, of which the pair that was learnt first is merged
        again and again. Equals sentencepiece, which is then needed for learning alone."""
        parts = list(word)
        while len(parts) > 1:
            ranks = [self.place.get(a + b, len(self)) for a, b in pairwise(parts)]
            first = min(ranks)
            if first == len(self):
                break
            at = ranks.index(first)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts

    def update_symbols(self) -> None:
        """Read the symbols from the tensor of the checkpoint."""
        rows = self.codes.tolist()
        self.symbols = ("", *("".join(chr(code) for code in row if code) for row in rows))
        self.place = {piece: i for i, piece in enumerate(self.symbols)}
        self.characters = {" ", *(piece for piece in self.symbols if len(piece) == 1)} - {MARK}


def _update_symbols(units: PieceUnits, _: Any) -> None:
    units.update_symbols()


def learn_pieces(texts: Iterable[str], count: int) -> list[str]:
    """Learn `count` pieces: merged ones in the order of their merges, then every character, the
    most frequent first. The same texts give the same pieces.

    Raises ConfigError where sentencepiece is not installed, and for an impossible count.
    """
    try:
        from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    except ImportError:
        raise ConfigError(
            WHERE, "no package sentencepiece", "pip install 'joint-speaker[recognition]'"
        ) from None
    sentences = [words for text in texts if (words := normalised(text))]
    least = len({MARK}.union(*sentences) - {" "})
    if not sentences:
        raise ConfigError("data.train", "no texts", "texts from which pieces can be learnt")
    if count < least:
        raise ConfigError(WHERE, str(count), f"{least} or more, the characters of the texts")
    model = BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
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
    learnt = SentencePieceProcessor(model_proto=model.getvalue())
    if len(learnt) <= count:
        most = f"{len(learnt) - 1} or fewer, the most that the texts give"
        raise ConfigError(WHERE, str(count), most)
    return [learnt.id_to_piece(i) for i in range(1, len(learnt))]
