"""3D-Speaker into lhotse manifests, Kaldi tables and its three lists of trials.

The corpus's folder holds `train/`, `test/` and `files/` as its three archives unpack. An utterance
is called `3D_SPK_06154_001_Device03_Distance00_Dialect00`; device, distance and dialect become
fields of its supervision.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.data.prepare.tables import read_table, read_wav_scp
from joint.data.prepare.trials import Trial, label_of, read_rows
from joint.errors import DataError

TRIALS = ("trials_cross_device", "trials_cross_distance", "trials_cross_dialect")
TABLES = ("train_wav.scp", "train_utt2spk", "test_wav.scp", "test_utt2spk")
LEFT_OUT = "Device09"
"""The corpus's own recipes neither train on this device nor test on it."""

_CONDITIONS = re.compile(
    r"_(?P<device>Device\d+)_(?P<distance>Distance\d+)_(?P<dialect>Dialect\d+)$"
)


def prepare(
    corpus: str | Path,
    output: str | Path,
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> PrepareReport:
    """Check the corpus and write `train`, `validation` and `test` with its trials into `output`.

    Raises DataError for missing or malformed files and for speakers in train and test.
    """
    root = Path(corpus)
    files = root / "files"
    if missing := [name for name in (*TABLES, *TRIALS) if not (files / name).is_file()]:
        raise DataError(files, f"no {', '.join(missing)}", "what 3dspeaker_files.tar.gz holds")
    # The archives of the two parts are apart, and the test set alone is enough to evaluate.
    train = list(_split(files, "train")) if (root / "train").is_dir() else []
    test = list(_split(files, "test"))
    return write_corpus(
        SpeakerCorpus(
            where=root,
            train=train,
            test=test,
            trials={name: partial(read_trials, files / name) for name in TRIALS},
            custom={u.id: conditions(u.id) for u in (*train, *test)},
            language="Chinese",
        ),
        output,
        held_out,
        check,
        jobs,
    )


def conditions(utterance: str) -> dict[str, str]:
    """`{"device": "Device03", "distance": …, "dialect": …}` of an utterance's name, or nothing."""
    found = _CONDITIONS.search(utterance)
    return found.groupdict() if found else {}


def read_trials(path: Path) -> Iterator[Trial]:
    """`UTT1 UTT2 target`, or `1`, `0`, `nontarget`. Raises DataError."""
    for where, (first, second, label) in read_rows(path, 3):
        yield Trial(label_of(where, label), first, second)


def _split(files: Path, split: str) -> Iterator[Utterance]:
    paths = read_wav_scp(files / f"{split}_wav.scp")
    speakers = read_table(files / f"{split}_utt2spk", paths)
    for name, path in paths.items():
        if LEFT_OUT not in name:
            yield Utterance(name, str(path), speakers[name], "")
