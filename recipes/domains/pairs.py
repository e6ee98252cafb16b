"""Three pairs of domains, each a folder of prepared corpora.

`source` and `validation` have recordings of the source domain with their speakers, `target`
recordings of the target domain whose speakers are all called `unknown`, `labelled` the same with
their speakers, and `test` further speakers of the target domain with a list of trials. No person is
in two of them, but for `labelled`.
"""

from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from lhotse import RecordingSet
from numpy.random import default_rng

from joint.audio import encode_audio, read_audio
from joint.data.corpus import RECORDINGS, Corpus, Utterance
from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.data.prepare.trials import Trial, write_trials
from joint.errors import DataError
from joint.files import atomic_path, atomic_write, file_name
from joint.units import SAMPLE_RATE
from recipes.selfsupervised.pseudo_labels import relabel
from tasks.verification.conditions import CONDITIONS
from tasks.verification.trials import Trials, listed_trials

UNKNOWN = "unknown"
"""Who speaks in every recording of the target domain."""
EVERY = 3
"""Of LibriSpeech's test recordings one of so many is sent through the telephone."""
SEED = 7
SPEECHOCEAN762 = ("speechocean762/train", "speechocean762/test")
LIBRISPEECH = ("librispeech/train", "librispeech/validation")


def children(data: Path, output: Path) -> None:
    """From adults of speechocean762 to its children; the trials are those of its own list in which
    both are children."""
    corpus = data / "speechocean762"
    for part, name, group in (
        ("train", "source", "adult"),
        ("validation", "validation", "adult"),
        ("train", "labelled", "child"),
        ("test", "test", "child"),
    ):
        whole = open_corpus(corpus / part)
        write_subset(corpus / part, of_group(whole, group), output / name)
    _write_trials(corpus / "test", output / "test")


def accented(data: Path, output: Path) -> None:
    """From audio books that are read by native speakers (LibriSpeech) to English with a Mandarin
    accent (speechocean762), with its own trials."""
    books, corpus = data / "librispeech", data / "speechocean762"
    for folder, name in (
        (books / "train", "source"),
        (books / "validation", "validation"),
        (corpus / "train", "labelled"),
        (corpus / "test", "test"),
    ):
        write_subset(folder, open_corpus(folder).by_id.keys(), output / name)
    _write_trials(corpus / "test", output / "test")


def telephone(data: Path, output: Path) -> None:
    """From LibriSpeech to the same recordings through a simulated telephone line (300 to 3400 Hz,
    8 bits); the trials are those of test-clean's list whose recordings are both among every third
    of each speaker's, both through the line."""
    books = data / "librispeech"
    for name in ("train", "validation"):
        write_subset(
            books / name,
            open_corpus(books / name).by_id.keys(),
            output / ("source" if name == "train" else name),
        )
    train, test = open_corpus(books / "train"), open_corpus(books / "test-clean")
    through_telephone(books / "train", train.utterances, output / "labelled")
    own = (test.utterances[i] for rows in test.of_speaker for i in rows[::EVERY])
    through_telephone(books / "test-clean", own, output / "test")
    _write_trials(books / "test-clean", output / "test")


class Pair(NamedTuple):
    """A pair of domains: what they are called in a table, what writes the folders, and the prepared
    folders that it reads, at last the one with the list of trials."""

    source: str
    target: str
    write: Callable[[Path, Path], None]
    reads: tuple[str, ...]


PAIRS = {
    "children": Pair("adults", "children", children, SPEECHOCEAN762),
    "accented": Pair("native, read", "accented", accented, (*LIBRISPEECH, *SPEECHOCEAN762)),
    "telephone": Pair(
        "wide band", "telephone", telephone, (*LIBRISPEECH, "librispeech/test-clean")
    ),
}


def check_pair(name: str, data: Path, output: Path) -> None:
    """Open what `write_pair` will read, if it has anything to write.

    Raises DataError for a folder of `data` or a list of trials that is not there, and what opening
    them raises.
    """
    if is_written(output):
        return
    for folder in PAIRS[name].reads:
        open_corpus(data / folder)
    listed_trials(data / PAIRS[name].reads[-1])


def write_pair(name: str, data: Path, output: Path) -> None:
    """Write the folders of a pair, unless they are all there: the trials come last.

    Raises DataError for a target domain without recordings, and what opening a corpus raises.
    """
    if not is_written(output):
        PAIRS[name].write(data, output)


def is_written(output: Path) -> bool:
    """Whether all folders of a pair are there."""
    return (output / "test" / "trials").is_file()


def of_group(corpus: Corpus, group: str) -> list[str]:
    """The utterances of an age group. Raises DataError where there is none."""
    if not (found := [u.id for u in corpus.utterances if u.age_group == group]):
        raise DataError(corpus.where, f"no recording of a {group}", f"some, of known age ({group})")
    return found


def through_telephone(folder: Path, utterances: Iterable[Utterance], output: Path) -> None:
    """Write these utterances of a prepared folder, and their recordings through the line; the same
    each time."""
    write_subset(folder, [u.id for u in utterances], output)
    changed = []
    for recording in RecordingSet.from_jsonl_lazy(output / RECORDINGS):
        waveform = read_audio(recording.sources[0].source)
        rng = default_rng((SEED, crc32(recording.id.encode())))
        narrow = CONDITIONS["telephone"](waveform, rng)
        path = f"audio/{file_name(recording.id)}.flac"
        atomic_write(output / path, encode_audio(narrow, path, form="FLAC"))
        recording.sources[0].source = path
        recording.sampling_rate, recording.num_samples = SAMPLE_RATE, len(narrow)
        recording.duration = len(narrow) / SAMPLE_RATE
        changed.append(recording)
    RecordingSet.from_recordings(changed).to_file(output / RECORDINGS)


def _write_trials(whole: Path, test: Path) -> None:
    """Write `target` beside `labelled`, then the trials of `whole` among the recordings of
    `test`."""
    labelled = open_corpus(test.with_name("labelled"))
    relabel(
        test.with_name("labelled"), dict.fromkeys(labelled.by_id, UNKNOWN), test.with_name("target")
    )
    with atomic_path(test / "trials") as unfinished:
        write_trials(unfinished, kept_trials(listed_trials(whole), open_corpus(test).by_id, whole))


def kept_trials(trials: Trials, known: Container[str], where: Path) -> list[Trial]:
    """The trials of which both recordings are `known`. Raises DataError where none is left."""
    sides = zip(trials.labels, trials.first, trials.second, strict=True)
    named = [(int(label), trials.names[one], trials.names[other]) for label, one, other in sides]
    kept = [Trial(*row) for row in named if row[1] in known and row[2] in known]
    if not kept:
        raise DataError(where / "trials", "no trial of the target domain", "some")
    return kept
