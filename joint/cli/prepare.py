"""`joint prepare`: a corpus into checked manifests and tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.cli.terminal import warn

if TYPE_CHECKING:
    from joint.data.manifests import PrepareReport

prepare = typer.Typer(
    no_args_is_help=True,
    help="Check a corpus and write manifests and tables that training and evaluation read.",
)

LISTED = 10
"""Skipped recordings named on the terminal; all of them stand in skipped.tsv."""

Output = Annotated[
    Path, typer.Argument(metavar="OUT", help="A new folder, or an earlier preparation to replace.")
]


@prepare.command()
def speechocean762(
    corpus: Annotated[
        Path,
        typer.Argument(metavar="CORPUS", help="The folder with train/, test/, WAVE/, resource/."),
    ],
    output: Output,
) -> None:
    """The corpus as OpenSLR 101 ships it, or a re-encoded copy.

    12 of its training speakers become the validation split. Bad recordings are skipped,
    counted and listed with the reason in OUT/skipped.tsv.

    Example: joint prepare speechocean762 ~/corpora/speechocean762 exp/data
    """
    from recipes.speechocean762.prepare import prepare as run

    _report(run(corpus, output))


@prepare.command()
def kaldi(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with wav.scp, text and utt2spk.")
    ],
    output: Output,
) -> None:
    """Your own Kaldi tables; spk2gender and spk2age are used where they are present.

    Bad recordings are skipped, counted and listed with the reason in OUT/skipped.tsv.

    Example: joint prepare kaldi mycorpus/train exp/mycorpus/train
    """
    from joint.data.kaldi import prepare_kaldi

    _report(prepare_kaldi(folder, output))


def _report(report: "PrepareReport") -> None:
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
