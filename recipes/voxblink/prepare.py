"""VoxBlink and VoxBlink2, as their scripts download and crop them, into manifests to train on.

The corpus's folder holds `audio/id00000/VIDEO/00000.wav` (VoxBlink) or `id000000/VIDEO/00000.wav`
(VoxBlink2) and, where present, the resource files `spk2gender`, `utt_clean` and `utt_full`. Neither
has a verification test of its own: models are tested on VoxCeleb1.
"""

from pathlib import Path

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.data.prepare.trials import read_rows
from joint.errors import DataError
from joint.files import read_lines
from recipes.voxceleb.tree import find_clips, find_speakers

GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f"}


def prepare(
    corpus: str | Path,
    output: str | Path,
    utterances: Path | None = None,
    genders: Path | None = None,
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> PrepareReport:
    """Check what was downloaded and write `train` and `validation` into `output`.

    `utterances` names those to take, `SPEAKER-VIDEO-NAME` a line (`utt_clean`); `genders` is
    `spk2gender`. Raises DataError where nothing of it is there.
    """
    root = Path(corpus)
    wanted = None if utterances is None else {name for _, (name,) in read_rows(utterances, 1)}
    known = {} if genders is None else read_genders(genders)
    train = [
        Utterance(clip.id, str(clip.path), clip.speaker, "", known.get(clip.speaker))
        for clip in find_clips(root, find_speakers(root))
        if wanted is None or clip.id in wanted
    ]
    warned = []
    if wanted is not None:
        if not train:
            raise DataError(root, f"none of {utterances}", "its utterances, downloaded and cropped")
        if lost := len(wanted) - len(train):
            warned.append(f"{lost} of {len(wanted)} utterances of {utterances} were not downloaded")
    return write_corpus(
        SpeakerCorpus(where=root, train=train, warned=warned), output, held_out, check, jobs
    )


def read_genders(path: Path) -> dict[str, str]:
    """Gender of every speaker of `SPEAKER GENDER` or `SPEAKER,GENDER` lines that say m or f.

    Raises DataError for an unreadable file.
    """
    rows = [line.replace(",", " ").split() for line in read_lines(path, "SPEAKER GENDER")]
    return {r[0]: GENDERS[r[1].lower()] for r in rows if len(r) == 2 and r[1].lower() in GENDERS}
