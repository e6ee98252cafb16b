"""The parts of LibriSpeech that LibriSpeechMix and LibriMix are made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from joint.data.corpus import Utterance
from recipes.librispeech.tree import Tree

VALIDATION, TEST = "dev-clean", "test-clean"
"""The parts with lists of mixtures, beside those to train on."""


@dataclass(frozen=True)
class LibriSpeech:
    """Utterances to train on, of `train_parts`, those of dev-clean (none where it is not there),
    and test-clean's."""

    root: Path
    train_parts: list[str]
    train: list[Utterance]
    validation: list[Utterance]
    test: list[Utterance]
    warned: list[str]

    @classmethod
    def load(
        cls, folder: str | Path, train_parts: Sequence[str] = (), test_only: bool = False
    ) -> "LibriSpeech":
        """Read the texts of `folder`, or of LibriSpeech/ in it; no audio is opened.

        `train_parts` names the parts to train on, such as `train-clean-100`; none: all that are
        there, which may be none. With `test_only` test-clean alone is read. `warned` says what is
        missing or ignored. Raises DataError for a part that is not there, for a chapter without
        transcripts and for a recording without a text.
        """
        tree = Tree.open(folder)
        wanted = list(train_parts) or [name for name in tree.parts if name.startswith("train-")]
        tree.require([*wanted, TEST])
        with_validation = VALIDATION in tree.parts and not test_only
        wanted = [] if test_only else wanted
        train = unique(u for part in wanted for u in tree.utterances(part))
        validation = list(tree.utterances(VALIDATION)) if with_validation else []
        test = list(tree.utterances(TEST))
        warned = tree.warnings()
        if not validation and not test_only:
            warned.append(f"no {VALIDATION} in {tree.root}: no lists of it")
        return cls(tree.root, wanted, train, validation, test, warned)

    @property
    def splits(self) -> dict[str, list[Utterance]]:
        """What is there to make lists of: `test`, and `validation` where dev-clean is there."""
        return {"test": self.test} | ({"validation": self.validation} if self.validation else {})


def unique(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Each utterance once: those of train-clean-5 are in train-clean-100 too."""
    return list({utterance.id: utterance for utterance in utterances}.values())
