"""How a recogniser's frames become words: options that its verbs share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.text.units import Units
    from tasks.recognition.decoding.search import Decoding
    from tasks.recognition.task import RecognitionTask

Mode: TypeAlias = Annotated[
    Literal["single", "simo", "siso", "target"] | None,
    typer.Option("--mode", help="Which recogniser, where the checkpoint has several."),
]
TaskName: TypeAlias = Annotated[
    str | None, typer.Option("--task", metavar="NAME", help="The recogniser's name in its recipe.")
]
Beam: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--beam", metavar="N", min=1, help="Beam search of so many; else the likeliest path."
    ),
]
LanguageModel: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--language-model",
        metavar="DIR",
        help="A prepared folder whose texts teach an n-gram; never one that is tested on.",
    ),
]
Lexicon: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        help="Lines WORD PHONES: a recogniser of phones then writes words.",
    ),
]
Order: TypeAlias = Annotated[
    int, typer.Option("--order", metavar="N", min=1, help="Of the n-gram.")
]
Weight: TypeAlias = Annotated[
    float, typer.Option("--weight", metavar="W", help="Of the language model.")
]
Bonus: TypeAlias = Annotated[
    float,
    typer.Option(
        "--bonus", metavar="B", help="What the blank of each frame loses: more is written."
    ),
]
ORDER, WEIGHT, BONUS = 4, 1.0, 0.0
NO_TIMES = "a search, which has no times", "the likeliest path where voices get names or times"
"""What is wrong with a beam where turns are written, and what is right."""


def decoding_of(
    task: "RecognitionTask",
    beam: int | None = None,
    language_model: Path | None = None,
    lexicon: Path | None = None,
    order: int = ORDER,
    weight: float = WEIGHT,
    bonus: float = BONUS,
) -> "Decoding | None":
    """The search that the options describe, None for the likeliest path. Raises ConfigError for a
    language model or lexicon without a beam, a lexicon for letters or pieces; DataError."""
    if beam is None:
        for given, name in ((language_model, "--language-model"), (lexicon, "--lexicon")):
            if given is not None:
                raise ConfigError(name, "no beam", "--beam N too")
        return None
    from joint.text.pronunciation import read_lexicon
    from joint.text.units import PhoneUnits
    from tasks.recognition.decoding.language_model import NGram
    from tasks.recognition.decoding.search import BeamSearch

    units, vocabulary = task.units, len(task.units) + task.symbols_besides
    spelt = None
    if lexicon is not None:
        if not isinstance(units, PhoneUnits):
            raise ConfigError("--lexicon", "a recogniser of letters or pieces", "one of phones")
        place = {phone: i for i, phone in enumerate(units.symbols)}
        spelt = {
            word.upper(): [[place[phone] for phone in spoken] for spoken in several]
            for word, several in read_lexicon(lexicon).items()
            if all(phone in place for spoken in several for phone in spoken)
        }
    model = None
    if language_model is not None:
        sentences = sentences_of(language_model, units, spelt is not None)
        model = NGram(sentences, order, spelt or ())
    return BeamSearch(vocabulary, model, spelt, beam, weight, bonus)


def sentences_of(folder: Path, units: "Units", words: bool) -> list[list[str]]:
    """The utterances of a prepared folder as an n-gram learns them: words, or the names of units.
    Raises DataError."""
    from joint.data.corpus import Corpus
    from joint.text.units import TextUnits
    from tasks.recognition.decoding.search import symbol_names

    corpus, names = Corpus.load(folder), symbol_names(len(units))
    if words:
        return [u.text.upper().split() for u in corpus.utterances]
    if isinstance(units, TextUnits):
        return [[names[i] for i in units.encode(u.text)] for u in corpus.utterances]
    spoken = [u.pronunciation for u in corpus.utterances if u.pronunciation is not None]
    return [[names[i] for i in phones] for phones in spoken]
