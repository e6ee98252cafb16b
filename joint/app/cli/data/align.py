"""`joint align`: the phones of a prepared corpus and their times, by forced alignment."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.data.prepare import CORES, Jobs
from joint.terminal import warn

LISTED = 5
"""Unaligned utterances named on the terminal; unaligned.tsv names all of them."""


def align(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...", help="Folders that `joint prepare` wrote, such as OUT/train."
        ),
    ],
    lexicon: Annotated[
        Path | None,
        typer.Option(
            "--lexicon",
            metavar="FILE",
            help="Lines `WORD PHONES` in ARPAbet; words that are missing are looked up in CMUdict, "
            "then pronounced by espeak-ng.",
        ),
    ] = None,
    jobs: Jobs = CORES,
    times: Annotated[
        bool,
        typer.Option(
            "--times/--no-times",
            help="Without times, only the sequence of phones is written, for CTC.",
        ),
    ] = True,
) -> None:
    """Add the phones and their times to a prepared English corpus (needs the extra `phones`).

    Phones are aligned by pocketsphinx with its own model and written into the manifests.
    Recordings that cannot be aligned are counted and listed with the reason in DATA/unaligned.tsv.
    An interrupted run continues where it stopped.

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
