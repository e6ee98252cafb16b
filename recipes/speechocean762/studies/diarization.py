"""Diarization error rates on conversations of two speakers, composed of the corpus.

    python -m recipes.speechocean762.studies.diarization DATA/test speechocean762-librispeech-joint

DATA/test must be aligned (`joint align`): a reference turn is a stretch of words without a pause of
0.3 s. In a conversation, two speakers of the folder read whole utterances alternately, as recorded:
without overlap, or each starting at 15 to 100 % of the previous one as in `mix2_recognition.csv`,
but after the end of the same speaker's last utterance. With `--cohort DATA/train` windows are also
clustered by VBx, whose model is fitted on that folder. With `--ts-vad` the speakers that each way
finds are looked for again by the checkpoint's task `activity`, where they may overlap.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from joint import load
from joint.conversation.clustering import Cluster, clustered, spectral
from joint.conversation.turns import Turn, in_order, write_turns
from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.experiments.tables import comparison_table
from joint.inspection.speech import PAUSE, Region, SileroSpeech
from joint.terminal import errors_in_one_line
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Samples
from recipes.speechocean762.studies.command import study_parser
from tasks.diarization.evaluate import evaluate_diarization
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segments import oracle_speech
from tasks.diarization.windows import turns_of

SHARES = (0.15, 1.0)
COLLAR = 0.25
"""On either side of a start or end, as NIST's md-eval counts it."""
COLUMNS = {
    "der_percent": "DER %",
    "missed_percent": "missed",
    "false_alarm_percent": "false alarm",
    "confusion_percent": "confused",
    "number_right_percent": "number right %",
    "collar": f"DER %, collar {COLLAR:g} s",
}
Ways = Mapping[str, Callable[[np.ndarray], np.ndarray]]
"""How the speakers of windows are found from their embeddings."""


def ways(threshold: float | None, vbx: Cluster | None = None) -> Ways:
    """With and without the number of speakers, by an encoder's threshold, and by VBx."""
    found: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "number given": lambda embeddings: spectral(embeddings, speakers=2),
        "number found": lambda embeddings: clustered(embeddings, threshold=threshold),
        "number by eigengap": spectral,
    }
    if vbx is not None:
        found["number given, VBx"] = lambda embeddings: vbx(embeddings, 2)
        found["number found, VBx"] = lambda embeddings: vbx(embeddings, None)
    return found


@dataclass(frozen=True)
class Conversation:
    """The recording `waveform (S,)` and its reference turns."""

    name: str
    waveform: np.ndarray
    turns: list[Turn]


def compose(
    corpus: Corpus, count: int, utterances: int, overlapping: bool, seed: int
) -> Iterator[Conversation]:
    """`count` conversations of two speakers with `utterances` each; the same for the same seed.

    Raises DataError for fewer than two speakers with enough aligned utterances.
    """
    own: dict[str, list[Utterance]] = {}
    for utterance in corpus.utterances:
        if utterance.words:
            own.setdefault(utterance.speaker, []).append(utterance)
    each = -(-utterances // 2)
    speakers = sorted(name for name, utterances_of in own.items() if len(utterances_of) >= each)
    if len(speakers) < 2:
        expected = f"two with {each} aligned utterances (`joint align`)"
        raise DataError(corpus.where, f"{len(speakers)} speakers", expected)
    generator = random.Random(seed)
    for number in range(count):
        pair = generator.sample(speakers, 2)
        parts = zip(*(generator.sample(own[name], each) for name in pair), strict=True)
        chosen = [utterance for turn in parts for utterance in turn][:utterances]
        shares = [generator.uniform(*SHARES) if overlapping else 1.0 for _ in chosen]
        yield _joined(f"conversation{number:03d}", chosen, shares)


def _joined(name: str, chosen: list[Utterance], shares: list[float]) -> Conversation:
    waveforms = [utterance.waveform() for utterance in chosen]
    starts: list[Samples] = []
    for i in range(len(chosen)):
        earliest = 0 if i < 2 else starts[i - 2] + len(waveforms[i - 2])
        after = 0 if i < 1 else starts[i - 1] + round(shares[i] * len(waveforms[i - 1]))
        starts.append(max(earliest, after))
    ends = [start + len(w) for start, w in zip(starts, waveforms, strict=True)]
    mixture = np.zeros(max(ends), dtype=np.float32)
    turns: list[Turn] = []
    for utterance, waveform, start in zip(chosen, waveforms, starts, strict=True):
        mixture[start : start + len(waveform)] += waveform
        turns += spoken(utterance, start)
    return Conversation(name, mixture, in_order(turns))


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


def compare(
    folder: Path,
    checkpoint: str,
    count: int,
    utterances: int,
    seed: int,
    output: Path | None,
    cohort: Path | None = None,
    ts_vad: bool = False,
) -> str:
    """A table with a row for each kind of conversation, speech segmentation (reference or Silero),
    and way to find the number of speakers; references and estimates are written to `output` as
    SegLST.

    Raises JointError.
    """
    tasks = ("activity",) if ts_vad else ()
    corpus, model, silero = open_corpus(folder), load(checkpoint, tasks=tasks), SileroSpeech()
    again = model.second_pass() if ts_vad else None
    diarizer = Diarizer(model.embed, model.diarization_threshold)
    vbx = model.vbx(open_corpus(cohort), progress=True) if cohort is not None else None
    chosen = ways(diarizer.threshold, vbx)
    measured = {}
    for kind, overlapping in (("in turn", False), ("overlapping", True)):
        reference: dict[str, list[Turn]] = {}
        estimates: dict[str, dict[str, list[Turn]]] = {}
        for each in shown(
            compose(corpus, count, utterances, overlapping, seed), kind, True, total=count
        ):
            reference[each.name] = each.turns
            found = {"reference": oracle_speech(each.turns), "silero": silero(each.waveform)}
            for source, speech in found.items():
                diarized = _diarized(diarizer, each.waveform, speech, chosen)
                if again is not None:
                    diarized |= {
                        f"{way}, TS-VAD": again(each.waveform, turns)
                        for way, turns in diarized.items()
                    }
                for way, turns in diarized.items():
                    name = f"{kind}, speech by {source}, {way}"
                    estimates.setdefault(name, {})[each.name] = turns
        for name, estimate in estimates.items():
            near = evaluate_diarization(reference, estimate, 2 * COLLAR)["der_percent"]
            measured[name] = [evaluate_diarization(reference, estimate) | {"collar": near}]
        if output is not None:
            for name, sessions in {f"{kind}, reference": reference, **estimates}.items():
                write_turns(output / f"{name}.json", sessions)
    return comparison_table("conversations", COLUMNS, measured)


def _diarized(
    diarizer: Diarizer, waveform: np.ndarray, speech: Sequence[Region], chosen: Ways
) -> dict[str, list[Turn]]:
    """Turns by each way to find the number of speakers; none in too little speech."""
    windows, embeddings = diarizer.embedded(waveform, speech)
    if len(windows) < 2:
        return {way: [] for way in chosen}
    found = {way: cluster(embeddings).tolist() for way, cluster in chosen.items()}
    return {way: turns_of(windows, [str(label) for label in found[way]]) for way in chosen}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="an aligned folder, such as DATA/test")
    parser.add_argument("checkpoint", help="a checkpoint, or the name of a shipped one")
    parser.add_argument("--count", type=int, default=50, help="conversations of each kind")
    parser.add_argument("--utterances", type=int, default=4, help="in each conversation")
    parser.add_argument("--seed", type=int, default=762)
    parser.add_argument("--output", type=Path, help="a folder for references and estimates")
    parser.add_argument("--cohort", type=Path, help="labelled speakers to fit VBx on")
    parser.add_argument("--ts-vad", action="store_true", help="a second pass, too")
    given = parser.parse_args(arguments)
    chosen = given.count, given.utterances, given.seed, given.output, given.cohort, given.ts_vad
    print(compare(given.data, given.checkpoint, *chosen))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
