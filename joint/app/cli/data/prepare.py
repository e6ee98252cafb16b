"""`joint prepare`: a corpus into checked manifests and tables."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.data.choices import HELD_OUT, Check
from joint.terminal import warn
from recipes.voxceleb.parts import TrainOn

if TYPE_CHECKING:
    from joint.data.prepare.manifests import PrepareReport

prepare = typer.Typer(
    no_args_is_help=True,
    help="Check a corpus and write manifests and tables that training and evaluation read.",
)

LISTED = 10
"""Skipped recordings named on the terminal; all of them stand in skipped.tsv."""

Output = Annotated[
    Path, typer.Argument(metavar="OUT", help="A new folder, or an earlier preparation to replace.")
]

Source: TypeAlias = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="The folder it was unpacked into.")
]
HeldOut: TypeAlias = Annotated[
    int,
    typer.Option(
        "--held-out", metavar="N", min=0, help="Training speakers that become the validation split."
    ),
]
CheckOption: TypeAlias = Annotated[
    Check,
    typer.Option(
        "--check",
        help="Decode every recording, or read its header alone: silence, NaN, clipping and "
        "truncated FLAC files then show up in the training.",
    ),
]
Jobs: TypeAlias = Annotated[
    int, typer.Option("--jobs", metavar="N", min=1, help="Recordings checked at once.")
]
CORES = os.cpu_count() or 1


@prepare.command()
def speechocean762(
    corpus: Annotated[
        Path,
        typer.Argument(metavar="CORPUS", help="The folder with train/, test/, WAVE/, resource/."),
    ],
    output: Output,
    everybody: Annotated[
        bool,
        typer.Option(
            "--everybody",
            help="Train on the 12 as well, without a validation split: for a last training, "
            "when all is chosen.",
        ),
    ] = False,
) -> None:
    """The corpus as OpenSLR 101 ships it, or a re-encoded copy.

    12 of its training speakers become the validation split. Bad recordings are skipped,
    counted and listed with the reason in OUT/skipped.tsv.

    Example: joint prepare speechocean762 ~/corpora/speechocean762 exp/data
    """
    from recipes.speechocean762.prepare import HELD_OUT as VALIDATION_SPEAKERS
    from recipes.speechocean762.prepare import prepare as run

    report_of(run(corpus, output, None if everybody else VALIDATION_SPEAKERS))


@prepare.command()
def voxceleb(
    corpus: Source,
    output: Output,
    train_on: Annotated[
        TrainOn,
        typer.Option(
            "--train-on",
            help="The dev split of which part; with VoxCeleb1 in it only trials_O is left to test.",
        ),
    ] = TrainOn.VOXCELEB2,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """VoxCeleb1 and 2, however unpacked, beside veri_test2.txt (and the lists of E and H).

    OUT/test gets trials_O, trials_E and trials_H. VoxCeleb2's m4a files must be converted first;
    without WAV files beside them the command to do so is printed.

    Example: joint prepare voxceleb ~/corpora/voxceleb data/voxceleb --check header
    """
    from recipes.voxceleb.prepare import prepare as run

    report_of(run(corpus, output, train_on, held_out, check, jobs))


@prepare.command()
def cnceleb(
    corpus: Source,
    output: Output,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """CN-Celeb_flac, or a folder that holds it and CN-Celeb2_flac (OpenSLR 82).

    Trains on dev.lst and, where it is there, on all of CN-Celeb2; OUT/test gets trials.

    Example: joint prepare cnceleb ~/corpora/cnceleb data/cnceleb
    """
    from recipes.cnceleb.prepare import prepare as run

    report_of(run(corpus, output, held_out, check, jobs))


@prepare.command()
def threedspeaker(
    corpus: Source,
    output: Output,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """3D-Speaker: a folder with train/, test/ and files/ as its archives unpack.

    OUT/test gets trials_cross_device, trials_cross_distance and trials_cross_dialect.

    Example: joint prepare threedspeaker ~/corpora/3dspeaker data/threedspeaker
    """
    from recipes.threedspeaker.prepare import prepare as run

    report_of(run(corpus, output, held_out, check, jobs))


@prepare.command()
def voxblink(
    corpus: Source,
    output: Output,
    utterances: Annotated[
        Path | None,
        typer.Option("--utterances", metavar="FILE", help="Only those listed, as utt_clean does."),
    ] = None,
    genders: Annotated[
        Path | None, typer.Option("--genders", metavar="FILE", help="The corpus's spk2gender.")
    ] = None,
    held_out: HeldOut = HELD_OUT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """VoxBlink or VoxBlink2, as downloaded and cropped: SPEAKER/VIDEO/UTTERANCE.wav.

    To train on alone; models are tested on VoxCeleb1.

    Example: joint prepare voxblink ~/corpora/voxblink2 data/voxblink --check header
    """
    from recipes.voxblink.prepare import prepare as run

    report_of(run(corpus, output, utterances, genders, held_out, check, jobs))


@prepare.command()
def kaldi(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with wav.scp, text and utt2spk.")
    ],
    output: Output,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Your own Kaldi tables; spk2gender and spk2age are used where they are present.

    Bad recordings are skipped, counted and listed with the reason in OUT/skipped.tsv.

    Example: joint prepare kaldi mycorpus/train exp/mycorpus/train
    """
    from joint.data.prepare.kaldi import prepare_kaldi

    report_of(prepare_kaldi(folder, output, check, jobs))


def report_of(report: "PrepareReport") -> None:
    """What was written, and what was skipped, on the terminal."""
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
