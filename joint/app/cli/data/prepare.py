"""`joint prepare`: check a corpus and write manifests, tables and trials for it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.app.cli.checked import CheckedCommand
from joint.data.choices import HELD_OUT, SENTENCE_COUNT, Check
from joint.terminal import warn
from recipes.voxceleb.parts import TrainOn

if TYPE_CHECKING:
    from joint.data.prepare.manifests import PrepareReport

prepare = typer.Typer(
    no_args_is_help=True,
    help="Check a corpus and write the manifests, tables and trials that the other commands read.",
)

LISTED = 10
"""Skipped recordings named on the terminal; skipped.tsv names all of them."""

Output = Annotated[
    Path,
    typer.Argument(
        metavar="OUT",
        help="The folder to write: a new one, or one that `joint prepare` wrote, to replace it.",
    ),
]

Source: TypeAlias = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="The folder of the unpacked corpus.")
]
HeldOut: TypeAlias = Annotated[
    int,
    typer.Option(
        "--held-out",
        metavar="N",
        min=0,
        help="The number of training speakers to hold out for validation.",
    ),
]
CheckOption: TypeAlias = Annotated[
    Check,
    typer.Option(
        "--check",
        metavar="full|header",
        help="full: decode each recording. header: read only its header, which is faster but does "
        "not find silence, NaN, clipping and truncated files.",
    ),
]
Jobs: TypeAlias = Annotated[
    int,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="The number of recordings to process in parallel; by default that of CPU cores.",
    ),
]
Sentences: TypeAlias = Annotated[
    int,
    typer.Option(
        "--sentences",
        metavar="N",
        min=0,
        help="The number of rows of sentences.tsv and of conversions.tsv, what `joint evaluate "
        "synthesis` and `joint evaluate conversion` read; fewer where there are not so many.",
    ),
]
CORES = os.cpu_count() or 1


@prepare.command(cls=CheckedCommand)
def speechocean762(
    corpus: Annotated[
        Path,
        typer.Argument(
            metavar="CORPUS", help="The folder with train/, test/, WAVE/ and resource/."
        ),
    ],
    output: Output,
    everybody: Annotated[
        bool,
        typer.Option(
            "--everybody",
            help="Hold no speakers out: for a final training, after all choices are made.",
        ),
    ] = False,
    sentences: Sentences = SENTENCE_COUNT,
    jobs: Jobs = CORES,
) -> None:
    """Prepare speechocean762 (OpenSLR 101), in its original or another audio format.

    12 of its training speakers are held out for validation. Bad recordings are skipped, counted and
    listed with the reason in OUT/skipped.tsv.

    Example: joint prepare speechocean762 ~/corpora/speechocean762 exp/data
    """
    from recipes.speechocean762.prepare import HELD_OUT as VALIDATION_SPEAKERS
    from recipes.speechocean762.prepare import prepare as run

    held_out = None if everybody else VALIDATION_SPEAKERS
    report_of(run(corpus, output, held_out, jobs, sentences))


@prepare.command(cls=CheckedCommand)
def voxceleb(
    corpus: Source,
    output: Output,
    train_on: Annotated[
        TrainOn,
        typer.Option(
            "--train-on",
            metavar="voxceleb2|voxceleb1|both",
            help="The part whose dev split is the training set; with VoxCeleb1 in it, only "
            "trials_O can be tested.",
        ),
    ] = TrainOn.VOXCELEB2,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare VoxCeleb1 and 2, with veri_test2.txt (and the lists of E and H) beside them.

    OUT/test gets trials_O, trials_E and trials_H. The m4a files of VoxCeleb2 must be converted to
    WAV; where they are not, the error shows the command that converts them.

    Example: joint prepare voxceleb ~/corpora/voxceleb data/voxceleb --check header
    """
    from recipes.voxceleb.prepare import prepare as run

    report_of(run(corpus, output, train_on, held_out, check, jobs))


@prepare.command(cls=CheckedCommand)
def cnceleb(
    corpus: Source,
    output: Output,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare CN-Celeb: CN-Celeb_flac, or a folder with it and CN-Celeb2_flac (OpenSLR 82).

    The training set is dev.lst, with all of CN-Celeb2 if present; OUT/test gets trials.

    Example: joint prepare cnceleb ~/corpora/cnceleb data/cnceleb
    """
    from recipes.cnceleb.prepare import prepare as run

    report_of(run(corpus, output, held_out, check, jobs))


@prepare.command(cls=CheckedCommand)
def threedspeaker(
    corpus: Source,
    output: Output,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare 3D-Speaker: the folder with train/, test/ and files/ from its archives.

    OUT/test gets trials_cross_device, trials_cross_distance and trials_cross_dialect.

    Example: joint prepare threedspeaker ~/corpora/3dspeaker data/threedspeaker
    """
    from recipes.threedspeaker.prepare import prepare as run

    report_of(run(corpus, output, held_out, check, jobs))


@prepare.command(cls=CheckedCommand)
def voxblink(
    corpus: Source,
    output: Output,
    utterances: Annotated[
        Path | None,
        typer.Option(
            "--utterances",
            metavar="FILE",
            help="Only the utterances that this file lists, in the format of utt_clean.",
        ),
    ] = None,
    genders: Annotated[
        Path | None, typer.Option("--genders", metavar="FILE", help="The corpus's spk2gender file.")
    ] = None,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare VoxBlink or VoxBlink2, downloaded and cut into SPEAKER/VIDEO/UTTERANCE.wav.

    It is a training set; test on VoxCeleb1.

    Example: joint prepare voxblink ~/corpora/voxblink2 data/voxblink --check header
    """
    from recipes.voxblink.prepare import prepare as run

    report_of(run(corpus, output, utterances, genders, held_out, check, jobs))


@prepare.command(cls=CheckedCommand)
def kaldi(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with wav.scp, text and utt2spk.")
    ],
    output: Output,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare your own corpus from Kaldi tables; spk2gender and spk2age are optional.

    Bad recordings are skipped, counted and listed with the reason in OUT/skipped.tsv.

    Example: joint prepare kaldi mycorpus/train exp/mycorpus/train
    """
    from joint.data.prepare.kaldi import prepare_kaldi

    report_of(prepare_kaldi(folder, output, check, jobs))


def report_of(report: "PrepareReport") -> None:
    """Print what was written and what was skipped."""
    for message in report.warned[:LISTED]:
        warn(message)
    for skipped in report.skipped[:LISTED]:
        warn(f"skipped {skipped.utterance}: {skipped.reason}")
    if len(report.skipped) > LISTED:
        more = len(report.skipped) - LISTED
        warn(f"{more} more skipped, all listed in {report.output / 'skipped.tsv'}")
    for split, count in report.utterances.items():
        print(
            f"{split}: {count} utterances, {report.speakers[split]} speakers, "
            f"{report.hours[split]:.2f} h"
        )
    print(f"{report.output}: ready, {len(report.skipped)} recordings skipped")
