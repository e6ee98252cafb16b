"""Decoding options of the recognition commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.text.units import Units
    from tasks.recognition.decoding.best_path import Decoding
    from tasks.recognition.task import RecognitionTask

Mode: TypeAlias = Annotated[
    Literal["single", "simo", "siso", "target"] | None,
    typer.Option(
        "--mode",
        metavar="single|simo|siso|target",
        help="The mode of the recogniser, where the checkpoint has several.",
    ),
]
TaskName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="NAME",
        help="The recogniser's name in the recipe, where the checkpoint has several.",
    ),
]
Beam: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--beam",
        metavar="N",
        min=1,
        help="Number of hypotheses of the beam search; by default 10 with an attention decoder, "
        "and greedy decoding with CTC alone.",
    ),
]
CtcWeight: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--ctc-weight",
        metavar="W",
        min=0.0,
        max=1.0,
        help="Weight of CTC's score beside the attention decoder's, from 0 to 1; 1 is CTC "
        "alone. By default that of the recogniser.",
    ),
]
LanguageModel: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--language-model",
        metavar="DATA",
        help="With --beam: a corpus whose texts train an n-gram model; never the test set.",
    ),
]
Lexicon: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        help="With --beam: lines `WORD PHONES`, with which a recogniser of phones outputs words.",
    ),
]
Order: TypeAlias = Annotated[
    int, typer.Option("--order", metavar="N", min=1, help="Order of the n-gram model.")
]
Weight: TypeAlias = Annotated[
    float,
    typer.Option("--weight", metavar="W", help="Weight of the language model's log-probabilities."),
]
Bonus: TypeAlias = Annotated[
    float,
    typer.Option(
        "--bonus",
        metavar="B",
        help="Subtracted from the log-probability of CTC's blank in each frame, against deletions.",
    ),
]
ORDER, WEIGHT, BONUS = 4, 1.0, 0.0
NO_TIMES = (
    "a search, whose words have no times",
    "none where speakers are named or times are given, which takes CTC's best path",
)
"""Why a search is refused where turns are written, and what is expected."""


def decoding_of(
    task: "RecognitionTask",
    beam: int | None = None,
    language_model: Path | None = None,
    lexicon: Path | None = None,
    order: int = ORDER,
    weight: float = WEIGHT,
    bonus: float = BONUS,
    ctc_weight: float | None = None,
) -> "Decoding":
    """The decoding that the options describe: with an attention decoder its beam search, else, or
    with a `ctc_weight` of 1, CTC's best path or beam search.

    Raises ConfigError for a language model or lexicon without a beam or beside an attention
    decoder, a lexicon for letters or pieces, a `ctc_weight` without a decoder; DataError.
    """
    from tasks.recognition.decoding.best_path import BestPath

    if task.decoder is None and ctc_weight is not None:
        raise ConfigError("--ctc-weight", "a recogniser of CTC alone", "an attention decoder too")
    if task.decoder is not None and ctc_weight != 1.0:
        for given, name in ((language_model, "--language-model"), (lexicon, "--lexicon")):
            if given is not None:
                raise ConfigError(name, "an attention decoder", "CTC alone: --ctc-weight 1 too")
        return task.decoding(beam, ctc_weight)
    if beam is None:
        for given, name in ((language_model, "--language-model"), (lexicon, "--lexicon")):
            if given is not None:
                raise ConfigError(name, "no beam", "--beam N too")
        return BestPath()
    from joint.text.pronunciation import read_lexicon
    from joint.text.units import PhoneUnits
    from tasks.recognition.decoding.ctc_beam import CtcBeamSearch
    from tasks.recognition.decoding.language_model import NGram

    units, vocabulary = task.units, len(task.units) + task.extra_symbols
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
    return CtcBeamSearch(vocabulary, model, spelt, beam, weight, bonus)


def sentences_of(folder: Path, units: "Units", words: bool) -> list[list[str]]:
    """The texts of a prepared folder from which an n-gram is learnt, as words or as the names of
    units. Raises DataError."""
    from joint.data.opening import open_corpus
    from joint.text.units import TextUnits
    from tasks.recognition.decoding.ctc_beam import symbol_names

    corpus, names = open_corpus(folder), symbol_names(len(units))
    if words:
        return [u.text.upper().split() for u in corpus.utterances]
    if isinstance(units, TextUnits):
        return [[names[i] for i in units.encode(u.text)] for u in corpus.utterances]
    spoken = [u.pronunciation for u in corpus.utterances if u.pronunciation is not None]
    return [[names[i] for i in phones] for phones in spoken]
