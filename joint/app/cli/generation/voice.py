"""`joint voice`: a voice that nobody has, from a description."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, open_model
from joint.app.manner import check_manner

Density: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--density",
        metavar="DENSITY",
        help="A density of voices that `python -m recipes.generation.fit` wrote; by default the "
        "file voices.safetensors beside the checkpoint.",
    ),
]


def voice(
    description: Annotated[
        str,
        typer.Argument(
            metavar="DESCRIPTION",
            help="Gender, child or adult, pitch, speaking rate and accent, in quotation marks, as "
            'far as they matter: "a woman, low voice". An unknown word names those that are known.',
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="V.npz",
            help="A NumPy archive with a float32 vector for each voice, as `joint embed` writes.",
        ),
    ],
    count: Annotated[
        int,
        typer.Option("--count", metavar="N", min=1, max=10_000, help="Voices, each another one."),
    ] = 1,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed gives the same voices.")
    ] = 0,
    density: Density = None,
    checkpoint: Checkpoint = SHIPPED,
) -> None:
    """Draw a voice of no real person by a description, for `joint synthesize` and `joint convert`.

    The voice is an embedding of the checkpoint's encoder, drawn from a density that was fitted to
    real speakers. What of the description was understood is printed. A rate is what the voice
    inclines to; `joint synthesize --rate` sets it.

    Example: joint voice "a young woman, low voice, fast" --output voice.npz
    """
    check_manner(None, "--", seed=seed)
    from joint.app.checkpoints import checkpoint_file
    from tasks.generation.files import DENSITY, read_density
    from tasks.verification.stored import write_embeddings

    path = density or checkpoint_file(checkpoint).with_name(DENSITY)
    asked = read_density(path).density.vocabulary.parse(description)
    model = open_model(checkpoint, tasks=())
    drawn = read_density(path, model.identity).density.sample([asked] * count, seed)
    names = ["voice"] if count == 1 else [f"voice-{number:04}" for number in range(1, count + 1)]
    write_embeddings(output, names, drawn, model.identity)
    understood = ", ".join(f"{name} {value}" for name, value in asked.attributes.items())
    print(f"{output}: {count} of {understood or 'any voice'}")
