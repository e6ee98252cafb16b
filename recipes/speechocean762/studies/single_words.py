"""Cut single words out of the aligned corpus, for text-dependent verification: few sentences are
read by several speakers, but the digits are.

    python -m recipes.speechocean762.studies.single_words DATA WORDS
    joint prepare kaldi WORDS/train DATA/words/train
    joint prepare kaldi WORDS/validation DATA/words/validation

DATA has the folders `train`, `validation` and `test`, prepared and aligned. WORDS gets the same
folders with recordings, Kaldi tables and lists of trials. Target trials have one speaker and one
word; non-target trials have another speaker (`trials_impostor`), another word (`trials_word`) or
both (`trials_both`). In `trials_adapted` the recordings of every trial have different words, and
target trials have one speaker.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.data.prepare.manifests import SKIPPED, written_whole
from joint.data.prepare.tables import write_tables
from joint.data.prepare.trials import Trial, write_trials
from joint.errors import DataError
from joint.terminal import errors_in_one_line
from joint.units import SAMPLE_RATE, Seconds
from recipes.speechocean762.studies.command import study_parser

DIGITS = ("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PARTS = ("train", "validation", "test")
CONTEXT: Seconds = 0.05
SHORTEST: Seconds = 0.32
TARGETS, NONTARGETS, SEED = 3000, 4, 762


def cut_words(data: Path, output: Path, words: Sequence[str]) -> dict[str, int]:
    """Write the `words` of every part of `data` into the new folder `output`, atomically; returns
    the number of each part. Raises DataError for a part without phones or without such words."""
    counts = {}
    with written_whole(output) as folder:
        for part in PARTS:
            if not (data / part).is_dir():
                continue
            corpus = open_corpus(data / part)
            if not corpus.phones:
                raise DataError(data / part, "no phones", "a folder that 'joint align' has aligned")
            (folder / part / "audio").mkdir(parents=True)
            rows = list(_cut(corpus, folder / part, frozenset(words)))
            if not rows:
                raise DataError(data / part, f"none of {', '.join(words)}", "words of the corpus")
            write_tables(folder / part, rows)
            for name, trials in word_trials(rows).items():
                write_trials(folder / part / name, trials)
            counts[part] = len(rows)
        (folder / SKIPPED).write_text("split\tutterance\treason\n", encoding="utf-8")
    return counts


def _cut(corpus: Corpus, folder: Path, words: frozenset[str]) -> Iterator[Utterance]:
    for utterance in corpus.utterances:
        chosen = [(i, w) for i, w in enumerate(utterance.words or ()) if w.word in words]
        waveform = utterance.waveform() if chosen else np.zeros(0, np.float32)
        for i, word in chosen:
            room = max(CONTEXT, (SHORTEST - (word.end - word.start) / SAMPLE_RATE) / 2)
            start = max(0, word.start - round(room * SAMPLE_RATE))
            end = min(len(waveform), word.end + round(room * SAMPLE_RATE))
            if end - start < SHORTEST * SAMPLE_RATE * 0.95:
                continue  # at the edge of the recording
            path = Path("audio") / f"{utterance.id}-{i}.flac"
            soundfile.write(folder / path, waveform[start:end], SAMPLE_RATE, subtype="PCM_16")
            yield Utterance(
                f"{utterance.id}-{i}",
                str(path),
                utterance.speaker,
                word.word,
                utterance.gender,
            )


def word_trials(rows: Sequence[Utterance]) -> dict[str, list[Trial]]:
    """The four lists of trials; the same for the same recordings."""
    rng = np.random.default_rng(SEED)
    speaker, word = (np.array([getattr(r, key) for r in rows]) for key in ("speaker", "text"))
    first, second = np.triu_indices(len(rows), 1)
    one, same = speaker[first] == speaker[second], word[first] == word[second]
    lists = {
        "trials_impostor": (one & same, ~one & same),
        "trials_word": (one & same, one & ~same),
        "trials_both": (one & same, ~one & ~same),
        "trials_adapted": (one & ~same, ~one & ~same),
    }
    found = {}
    for name, (targets, others) in lists.items():
        chosen = _some(np.flatnonzero(targets), TARGETS, rng)
        against = _some(np.flatnonzero(others), NONTARGETS * max(len(chosen), 1), rng)
        found[name] = [
            Trial(label, rows[first[i]].id, rows[second[i]].id)
            for label, positions in ((1, chosen), (0, against))
            for i in positions
        ]
    return found


def _some(positions: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    chosen = rng.permutation(positions)[:count]
    return np.sort(chosen)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="a folder of prepared and aligned folders")
    parser.add_argument("output", type=Path, help="a new folder")
    parser.add_argument("--words", nargs="+", default=list(DIGITS), help="to cut, else the digits")
    options = parser.parse_args(arguments)
    with errors_in_one_line():
        for part, count in cut_words(options.data, options.output, options.words).items():
            print(f"{options.output / part}: {count} words")


if __name__ == "__main__":
    main()
