"""`joint evaluate voices`: voices drawn from densities, beside real speakers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.evaluate.speech import Judge, OutputFolder
from joint.app.cli.options import SHIPPED, Checkpoint, Json, VocoderName, open_model
from joint.app.manner import check_manner
from joint.errors import ConfigError
from joint.files import write_json

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel
    from tasks.generation.speakers import Speaker

MEASURED = ".npz"


def voices(
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            metavar="DATA",
            help="The speakers that the densities were fitted to: what `python -m "
            "recipes.generation.measure` wrote, or a corpus, FOLDER or FOLDER:accent=NAME,"
            "age=adult; may be repeated.",
        ),
    ],
    unknown: Annotated[
        list[str],
        typer.Option(
            "--unknown",
            metavar="DATA",
            help="Speakers that the densities do not know, in the same form; may be repeated.",
        ),
    ],
    density: Annotated[
        list[Path] | None,
        typer.Option(
            "--density",
            metavar="DENSITY",
            help="A density of voices; may be repeated. By default the file voices.safetensors "
            "beside the checkpoint.",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--voices", metavar="N", min=2, help="Voices drawn from each density.")
    ] = 200,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed draws the same voices.")
    ] = 0,
    spoken: Annotated[
        int,
        typer.Option(
            "--spoken",
            metavar="N",
            min=0,
            help="Let N voices of each density, and as many real speakers, speak a sentence, and "
            "measure the speech too.",
        ),
    ] = 0,
    judge: Judge = None,
    vocoder: VocoderName = None,
    checkpoint: Checkpoint = SHIPPED,
    output: OutputFolder = None,
    json: Json = None,
) -> None:
    """How new voices of densities are, how different, and whether they are what was asked for.

    Distances are medians of one minus the cosine, to the nearest other. novel_percent are farther
    from every training speaker than one speaker's sessions are from each other. found_… is how
    often probes that are trained on real embeddings find what was asked for; those of unknown real
    speakers are the bound.

    Example: joint evaluate voices --data exp/generation/train.npz
    --unknown exp/generation/test.npz
    """
    check_manner(vocoder, "--", seed=seed)
    if 0 < spoken < 2:
        raise ConfigError("--spoken", str(spoken), "0, or 2 and more")
    if not spoken and (judge is not None or output is not None):
        raise ConfigError("--judge, --output", "no --spoken N", "voices that speak")
    from joint.app.checkpoints import checkpoint_file
    from joint.app.measuring.generation import Spoken, evaluate_voices
    from joint.app.measuring.judging import open_judge
    from tasks.generation.files import DENSITY, read_density

    files = density or [checkpoint_file(checkpoint).with_name(DENSITY)]
    for file in files:  # before hours of embedding
        read_density(file)
    model = open_model(checkpoint, tasks=None if spoken else ())
    densities = {file.stem: read_density(file, model.identity) for file in files}
    if len(densities) < len(files):
        raise ConfigError("--density", "two files of one name", "a name of its own for each")
    speech = None
    if spoken:
        embed = open_judge(judge) if judge else model.embed_waveforms
        speech = Spoken(spoken, embed, vocoder, output)
    known, others = (_speakers(part, model) for part in (data, unknown))
    if both := {s.name for s in known} & {s.name for s in others}:
        raise ConfigError("--unknown", f"{min(both)}, as in --data", "other speakers")
    figures = evaluate_voices(model, densities, known, others, count, seed, speech)
    print_figures(figures)
    if json:
        write_json(json, figures)


def _speakers(data: list[str], model: "SpeakerModel") -> "list[Speaker]":
    """The speakers of files and corpora. Raises DataError."""
    from joint.data.opening import open_corpus
    from tasks.generation.kept import read_speakers
    from tasks.generation.speakers import known_of, measured_speakers

    found = []
    for text in data:
        if Path(text).suffix == MEASURED:
            found += read_speakers(Path(text), model.identity)
        else:
            folder, labels = known_of(text)
            found += measured_speakers(open_corpus(folder), model.embed, labels, progress=True)
    return found
