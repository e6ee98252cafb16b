"""`joint align`: the phones of a prepared corpus, with their times."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.data.prepare import CORES, Jobs
from joint.terminal import warn

LISTED = 5
"""Unaligned utterances named on the terminal; all of them stand in unaligned.tsv."""


def align(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DATA…", help="Folders that `joint prepare` wrote: OUT/train …"),
    ],
    lexicon: Annotated[
        Path | None,
        typer.Option(
            "--lexicon",
            metavar="FILE",
            help="Words and their ARPAbet phones; others come from CMUdict, then espeak-ng.",
        ),
    ] = None,
    jobs: Jobs = CORES,
    times: Annotated[
        bool,
        typer.Option("--times/--no-times", help="Without times: the phones of the words, for CTC."),
    ] = True,
) -> None:
    """Find out when each phone is said (English; needs the extra `phones`).

    Forced alignment with pocketsphinx and its own model. The intervals go into the folder's
    manifests, where phonetic tasks and analyses find them; recordings whose words cannot be found
    are counted and listed with the reason in DATA/unaligned.tsv. An interrupted run goes on where
    it was.

    Example: joint align data/mycorpus/train data/mycorpus/test --lexicon lexicon.txt
    """
    from joint.text.pronunciation import read_lexicon
    from tasks.phonetics.align import align_folder
    from tasks.phonetics.annotate import UNALIGNED, pronounce_folder

    known = {} if lexicon is None else read_lexicon(lexicon)
    for folder in folders:
        report = align_folder(folder, known, jobs) if times else pronounce_folder(folder, known)
        for name, reason in list(report.unaligned.items())[:LISTED]:
            warn(f"not aligned {name}: {reason}")
        if len(report.unaligned) > LISTED:
            warn(f"{len(report.unaligned) - LISTED} more, all listed in {folder / UNALIGNED}")
        share = 100.0 * report.aligned / report.utterances
        print(
            f"{folder}: {report.aligned} of {report.utterances} utterances aligned, {share:.1f} %"
        )
