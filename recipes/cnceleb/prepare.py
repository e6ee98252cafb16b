"""CN-Celeb1 and CN-Celeb2 (OpenSLR 82) into lhotse manifests, Kaldi tables and the trials.

The corpus's folder is `CN-Celeb_flac`, or holds it and, to train on both, `CN-Celeb2_flac`; a tree
that was converted to WAV works as well. `eval/enroll` has one file a model, which is the speaker's
enrolment utterances joined (`eval/lists/enroll.map` names them); trials are those of `trials.lst`.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.data.prepare.trials import Trial, label_of, read_rows
from joint.errors import DataError

AUDIO = (".flac", ".wav")
TRIALS = "eval/lists/trials.lst"


def prepare(
    corpus: str | Path,
    output: str | Path,
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> PrepareReport:
    """Check the corpus and write `train`, `validation` and `test` with `trials` into `output`.

    Train are the speakers of `dev/dev.lst` and, where CN-Celeb2 is there, of its `spk.lst`.
    Raises DataError for missing lists and folders and for speakers in train and test.
    """
    root = Path(corpus)
    first, second = find_parts(root)
    train = list(_of_speakers(first, first / "dev" / "dev.lst"))
    if second is not None:
        train += _of_speakers(second, second / "spk.lst")
    test = [
        Utterance(path.stem, str(path), path.stem.split("-")[0], "")
        for folder in ("enroll", "test")
        for path in _audio(first / "eval" / folder)
    ]
    return write_corpus(
        SpeakerCorpus(
            where=root,
            train=train,
            test=test,
            trials={"trials": partial(read_trials, first / TRIALS)},
            custom={u.id: {"genre": genre} for u in [*train, *test] if (genre := genre_of(u))},
            language="Chinese",
        ),
        output,
        held_out,
        check,
        jobs,
    )


def find_parts(root: Path) -> tuple[Path, Path | None]:
    """The folders of CN-Celeb1 and, where there is one, of CN-Celeb2. Raises DataError."""
    first = [path.parents[2] for path in (root / TRIALS, *sorted(root.glob(f"*/{TRIALS}")))]
    first = [folder for folder in first if (folder / TRIALS).is_file()]
    if not first:
        raise DataError(root, f"no {TRIALS}", "CN-Celeb_flac, or a folder that holds it")
    second = sorted(path.parent for path in root.glob("*/spk.lst"))
    return first[0], second[0] if second else None


def read_trials(path: Path) -> Iterator[Trial]:
    """`id00800-enroll test/id00800-singing-01-005.wav 1`, the file being FLAC or not.

    Raises DataError.
    """
    for where, (model, tested, label) in read_rows(path, 3):
        yield Trial(label_of(where, label), model, Path(tested).stem)


def genre_of(utterance: Utterance) -> str | None:
    """`singing` of `id00800-singing-01-005`; None of an enrolment, which may join several."""
    pieces = utterance.id.split("-")
    return pieces[1] if len(pieces) > 2 else None


def _of_speakers(part: Path, listed: Path) -> Iterator[Utterance]:
    """Utterances of the speakers that a list names, `SPEAKER-GENRE-SESSION-NUMBER`."""
    for _, (speaker,) in read_rows(listed, 1):
        for path in _audio(part / "data" / speaker):
            yield Utterance(f"{speaker}-{path.stem}", str(path), speaker, "")


def _audio(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in AUDIO)
    except OSError as error:
        raise DataError(folder, error.strerror or str(error), "a folder of recordings") from error
