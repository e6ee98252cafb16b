"""`joint prepare` for LibriSpeech, and for corpora of overlapped speech that are mixed from it."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from joint.app.cli.data.prepare import (
    CORES,
    CheckOption,
    Jobs,
    Output,
    Sentences,
    report_of,
)
from joint.data.choices import HELD_OUT, SENTENCE_COUNT, Check
from recipes.librimix.choices import Mode, Rate

LibriSpeech: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="LIBRISPEECH", help="The folder with test-clean, dev-clean and train-*."
    ),
]
TrainParts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--train-part",
        metavar="PART",
        help="Train on this part, such as train-clean-100; may be repeated. By default all.",
    ),
]
HeldOutOfTrain: TypeAlias = Annotated[
    int,
    typer.Option(
        "--held-out",
        metavar="N",
        min=0,
        help="The number of training speakers to hold out for validation if dev-clean is missing.",
    ),
]

TestOnly: TypeAlias = Annotated[
    bool, typer.Option("--test-only", help="Prepare test-clean alone, and its lists.")
]


def librispeech(
    corpus: Annotated[
        Path,
        typer.Argument(metavar="LIBRISPEECH", help="The folder with train-*, dev-* and test-*."),
    ],
    output: Output,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--parts",
            metavar="PART,…",
            help="Only these parts, such as train-clean-5,test-clean; may be repeated. By default "
            "all that are there.",
        ),
    ] = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            "--held-out",
            metavar="N",
            min=0,
            help="The number of training speakers to hold out for validation, half of them women; "
            "by default one in seven, at least 4 and at most 50.",
        ),
    ] = None,
    sentences: Sentences = SENTENCE_COUNT,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare LibriSpeech (OpenSLR 12), mini LibriSpeech (31), or what parts of them are there.

    OUT/train has all training parts without the held-out speakers, OUT/validation these, and
    OUT/PART each part; every part gets trials, and each test part and OUT/validation the lists of
    `joint evaluate synthesis` and `joint evaluate conversion`.

    Example: joint prepare librispeech ~/corpora/LibriSpeech data/librispeech --parts train-clean-5
    """
    from recipes.librispeech.prepare import prepare as run

    named = [name for value in parts or () for name in value.replace(",", " ").split()]
    report_of(run(corpus, output, named, held_out, check, jobs, sentences))


def librispeechmix(
    librispeech: LibriSpeech,
    lists: Annotated[
        Path, typer.Argument(metavar="LISTS", help="The folder with test-clean-2mix.jsonl.")
    ],
    output: Output,
    train_parts: TrainParts = None,
    held_out: HeldOutOfTrain = HELD_OUT,
    test_only: TestOnly = False,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare LibriSpeechMix: mixtures of 1 to 3 speakers, from LibriSpeech and published lists.

    OUT/test and OUT/validation (dev-clean) get mix1_recognition.csv, mix2_… and mix3_….

    Example: joint prepare librispeechmix ~/corpora/LibriSpeech LibriSpeechMix/list data/lsmix
    """
    from recipes.librispeechmix.prepare import prepare as run

    parts = train_parts or ()
    report_of(run(librispeech, lists, output, parts, held_out, check, jobs, test_only))


def librimix(
    librispeech: LibriSpeech,
    mixtures: Annotated[
        Path,
        typer.Argument(
            metavar="LIBRIMIX", help="Libri2Mix, or a folder with Libri2Mix and Libri3Mix."
        ),
    ],
    output: Output,
    enrollments: Annotated[
        list[Path] | None,
        typer.Option(
            "--enrollments",
            metavar="MAP",
            help="Published enrolments: SpeakerBeam's map_mixture2enrollment, or a folder with "
            "such files below; may be repeated. By default drawn with a fixed seed.",
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option("--mode", metavar="min|max", help="The mode of the lists of extraction."),
    ] = Mode.MIN,
    rate: Annotated[
        Rate,
        typer.Option(
            "--rate",
            metavar="16000|8000",
            help="The sample rate of the lists of extraction; at 8000 there are no others.",
        ),
    ] = Rate.WIDE,
    train_parts: TrainParts = None,
    held_out: HeldOutOfTrain = HELD_OUT,
    test_only: TestOnly = False,
    check: CheckOption = Check.FULL,
    jobs: Jobs = CORES,
) -> None:
    """Prepare LibriMix without noise, from the generated mixtures or their published metadata.

    OUT/test and OUT/validation (dev-clean) get mix2_recognition.csv (mode max) and
    mix2_extraction.csv (mode min unless --mode is given); with Libri3Mix mix3_… of both too.

    Example: joint prepare librimix ~/corpora/LibriSpeech ~/corpora/LibriMix data/librimix
    --enrollments ~/speakerbeam/egs/libri2mix/data
    """
    from recipes.librimix.lists import Version
    from recipes.librimix.prepare import prepare as run

    report_of(
        run(
            librispeech,
            mixtures,
            output,
            train_parts or (),
            held_out,
            check,
            jobs,
            test_only,
            enrollments or (),
            Version(mode, int(rate)),
        )
    )
