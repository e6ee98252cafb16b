"""Conversations composed of a corpus's recordings, with their references, in a folder.

    python -m recipes.speechocean762.studies.conversations DATA/test FOLDER --count 10
    python -m recipes.speechocean762.studies.conversations DATA/test FOLDER --count 1 --speakers 4
        --utterances 900 --shares 0.7 1.3 --repeated

DATA/test must be aligned (`joint align`): a reference turn is a stretch of words without a pause of
0.3 s. Speakers of the folder read whole utterances by turns, as recorded; each starts after a share
of the one before it, but after the end of the same speaker's last one. FOLDER gets `NAME.wav`,
`all.rttm`, for `joint evaluate diarization`, and `words.json` and `phones.json` (SegLST), for
`joint evaluate transcript`, with the phones that the aligner found; and `enrolled/SPEAKER.wav`, an
utterance that is in none of the conversations, of every speaker who has one.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from joint.audio import write_audio
from joint.conversation.turns import Turn, in_order, write_turns
from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.inspection.speech import PAUSE
from joint.terminal import errors_in_one_line
from joint.units import SAMPLE_RATE, Samples
from recipes.speechocean762.studies.command import study_parser

OVERLAPPING = (0.15, 1.0)
"""Shares as in `mix2_recognition.csv`."""

Shares = tuple[float, float]
"""Between which shares of an utterance the next one begins, drawn uniformly."""


@dataclass(frozen=True)
class Conversation:
    """The recording `waveform (S,)` and its reference turns, with words and with phones; and the
    utterances in it."""

    name: str
    waveform: np.ndarray
    turns: list[Turn]
    phones: list[Turn]
    utterances: list[str]


def compose(
    corpus: Corpus,
    count: int,
    utterances: int,
    shares: Shares | None,
    seed: int,
    speakers: int = 2,
    repeated: bool = False,
) -> Iterator[Conversation]:
    """`count` conversations of so many `speakers` with `utterances` in all; the same for the same
    seed. Without `shares` one utterance follows the other. Where they may be `repeated`, speakers
    read theirs again.

    Raises DataError for too few speakers with enough aligned utterances.
    """
    own: dict[str, list[Utterance]] = {}
    for utterance in corpus.utterances:
        if utterance.words:
            own.setdefault(utterance.speaker, []).append(utterance)
    each = -(-utterances // speakers)
    least = 1 if repeated else each
    known = sorted(name for name, utterances_of in own.items() if len(utterances_of) >= least)
    if len(known) < speakers:
        expected = f"{speakers} with {least} aligned utterances (`joint align`)"
        raise DataError(corpus.where, f"{len(known)} speakers", expected)
    generator = random.Random(seed)
    for number in range(count):
        people = generator.sample(known, speakers)
        parts = zip(*(drawn(generator, own[name], each) for name in people), strict=True)
        chosen = [utterance for turn in parts for utterance in turn][:utterances]
        begins = [1.0 if shares is None else generator.uniform(*shares) for _ in chosen]
        yield _joined(f"conversation{number:03d}", corpus, chosen, begins)


def drawn(generator: random.Random, own: Sequence[Utterance], count: int) -> list[Utterance]:
    """So many of a speaker's `own` utterances, none of them again before all were drawn."""
    found: list[Utterance] = []
    while len(found) < count:
        found += generator.sample(own, min(count - len(found), len(own)))
    return found


def _joined(
    name: str, corpus: Corpus, chosen: list[Utterance], shares: list[float]
) -> Conversation:
    starts: list[Samples] = []
    ends: dict[str, Samples] = {}
    waveforms = [utterance.waveform() for utterance in chosen]
    for i, utterance in enumerate(chosen):
        after = 0 if i < 1 else starts[i - 1] + round(shares[i] * len(waveforms[i - 1]))
        starts.append(max(ends.get(utterance.speaker, 0), after))
        ends[utterance.speaker] = starts[i] + len(waveforms[i])
    mixture = np.zeros(max(ends.values()), dtype=np.float32)
    turns: list[Turn] = []
    phones: list[Turn] = []
    for utterance, waveform, start in zip(chosen, waveforms, starts, strict=True):
        mixture[start : start + len(waveform)] += waveform
        own = spoken(utterance, start)
        turns += own
        phones += [replace(turn, text=phones_in(corpus, utterance, turn, start)) for turn in own]
    names = [utterance.id for utterance in chosen]
    return Conversation(name, mixture, in_order(turns), in_order(phones), names)


def spoken(utterance: Utterance, offset: Samples) -> list[Turn]:
    """Turns of an aligned utterance that starts at `offset`; a pause separates turns."""
    turns: list[Turn] = []
    for word in utterance.words or ():
        start, end = offset + word.start, offset + word.end
        if turns and start - turns[-1].end < PAUSE * SAMPLE_RATE:
            last = turns.pop()
            start, text = last.start, f"{last.text} {word.word}"
        else:
            text = word.word
        turns.append(Turn(utterance.speaker, start, end, text))
    return turns


def phones_in(corpus: Corpus, utterance: Utterance, turn: Turn, offset: Samples) -> str:
    """The phones, without silence, of a `turn` of an aligned utterance that starts at `offset`."""
    if (known := utterance.phones) is None:
        return ""
    begins = np.concatenate([[0], known.ends[:-1]]) + offset
    inside = (begins >= turn.start) & (begins < turn.end) & (known.phones > 0)
    return " ".join(corpus.phones[phone] for phone in known.phones[inside])


def write(folder: Path, corpus: Corpus, conversations: Iterator[Conversation]) -> list[str]:
    """Write recordings, references and enrolments from the corpus; gives the names of the
    conversations. Raises JointError."""
    words: dict[str, list[Turn]] = {}
    phones: dict[str, list[Turn]] = {}
    used: set[str] = set()
    (folder / "enrolled").mkdir(parents=True, exist_ok=True)
    for each in conversations:
        write_audio(folder / f"{each.name}.wav", each.waveform)
        words[each.name], phones[each.name] = each.turns, each.phones
        used.update(each.utterances)
    speakers = {turn.speaker for turns in words.values() for turn in turns}
    free = {u.speaker: u for u in corpus.utterances if u.id not in used}
    for speaker in sorted(speakers & set(free)):
        write_audio(folder / "enrolled" / f"{speaker}.wav", free[speaker].waveform())
    write_turns(folder / "all.rttm", words)
    write_turns(folder / "words.json", words)
    write_turns(folder / "phones.json", phones)
    return list(words)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="an aligned folder, such as DATA/test")
    parser.add_argument("folder", type=Path, help="where to write the conversations")
    parser.add_argument("--count", type=int, default=10, help="conversations")
    parser.add_argument("--speakers", type=int, default=2, help="in each conversation")
    parser.add_argument("--utterances", type=int, default=4, help="in each conversation")
    parser.add_argument("--shares", type=float, nargs=2, metavar=("LEAST", "MOST"))
    parser.add_argument("--repeated", action="store_true", help="utterances may be read again")
    parser.add_argument("--seed", type=int, default=762)
    given = parser.parse_args(arguments)
    shares = tuple(given.shares or OVERLAPPING)
    corpus = open_corpus(given.data)
    composed = compose(
        corpus,
        given.count,
        given.utterances,
        shares,
        given.seed,
        given.speakers,
        given.repeated,
    )
    print(f"{len(write(given.folder, corpus, composed))} conversations in {given.folder}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
