"""Common Voice (Ardila et al.: "Common Voice: A Massively-Multilingual Speech Corpus", LREC 2020)
into recordings that are cut to their speech, lhotse manifests and Kaldi tables to train on.

A release holds `LANGUAGE/validated.tsv` and `LANGUAGE/clips/*.mp3`. Its test.tsv is one of speech
recognition, without trials of speakers: there is no test split.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import track

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport, Skipped, refuse_other_content
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.errors import ConfigError, DataError, first_of
from joint.files import check_folder
from joint.units import Seconds
from recipes.commonvoice.choices import MIN_SPEECH
from recipes.commonvoice.release import TABLE, find_languages, read_clips

AUDIO = "audio"
"""The folder of the recordings in the output."""


def prepare(
    release: str | Path,
    output: str | Path,
    languages: Sequence[str] = (),
    min_speech: Seconds = MIN_SPEECH,
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> PrepareReport:
    """Cut the validated clips of all `languages`, or of some, and write `train` and `validation`.

    Clips with less than `min_speech` are skipped. The recordings, `audio/LANGUAGE/CLIP.flac` in
    `output`, are written one after the other, and those of an interrupted or an earlier preparation
    are taken as they are. Speakers of one clip stay in `train`. Raises DataError for what is no
    release, a language that is not there, and where no clip can be used.
    """
    root, output = Path(release), Path(os.path.abspath(output))
    if not 0 <= min_speech < float("inf"):
        raise ConfigError("--min-speech", f"{min_speech:g}", "seconds, 0 or more")
    refuse_other_content(output, AUDIO)
    check_folder(output)
    chosen, without = find_languages(root, languages)
    warned = [f"{root}: no {TABLE} in {first_of(without)}: left out"] if without else []
    clips, language_of = [], {}
    for language in chosen:
        for clip in read_clips(language):
            clips.append(clip)
            language_of[clip.id] = language.name
    if repeated := [name for name, count in Counter(c.id for c in clips).items() if count > 1]:
        raise DataError(root, f"{repeated[0]} in two languages", "every clip once")
    train, skipped = _cut(clips, language_of, output / AUDIO, min_speech, jobs)
    if not train:
        last = skipped[-1].reason if skipped else "the tables are empty"
        raise DataError(root, f"no usable clip ({last})", "at least one")
    corpus = SpeakerCorpus(
        root, train, language=language_of, skipped=skipped, warned=warned, audio=AUDIO
    )
    return write_corpus(corpus, output, held_out, check, jobs)


def _cut(
    clips: Sequence[Utterance],
    language_of: Mapping[str, str],
    folder: Path,
    min_speech: Seconds,
    jobs: int,
) -> tuple[list[Utterance], list[Skipped]]:
    """The clips that can be used, with the paths of their recordings, and the others, under their
    language, since splits are made of what is left."""
    from recipes.commonvoice.cutting import Cut, cut_all  # imports torch

    cuts = [
        Cut(Path(clip.path), folder / language_of[clip.id] / f"{Path(clip.path).stem}.flac")
        for clip in clips
    ]
    console, kept, skipped = Console(stderr=True), [], []
    for clip, cut, error in track(
        zip(clips, cuts, cut_all(cuts, min_speech, jobs), strict=True),
        "cutting clips",
        total=len(clips),
        console=console,
        disable=not console.is_terminal,
    ):
        if error is None:
            kept.append(replace(clip, path=str(cut.target)))
        else:
            skipped.append(Skipped(language_of[clip.id], clip.id, str(error)))
    return kept, skipped
