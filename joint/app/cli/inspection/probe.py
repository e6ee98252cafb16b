"""`joint probe`: what an encoder's layers tell, of the speaker and of everything else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import Checkpoint
from joint.terminal import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.probing.findings import Finding
    from analysis.probing.study import Material
    from joint.app.api import SpeakerModel


def probe(
    checkpoint: Checkpoint,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DIR",
            help="A folder that `joint prepare` wrote; questions of phones need `joint align`.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="OUT", help="Write probes.json, probes.md and probes.png there."
        ),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option("--question", metavar="NAME", help="Only this one; may be repeated."),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", metavar="NAME", help="Only this one; may be repeated."),
    ] = None,
    utterances: Annotated[
        int, typer.Option("--utterances", metavar="N", min=50, help="At most so many.")
    ] = 800,
) -> None:
    """Ask every layer of an encoder about speaker, voice, words, phones and channel.

    Probes, a ridge regression and a network of one hidden layer, learn on part of DIR and answer
    for speakers or texts that they have not met. Beside them stand chance, the same encoder
    untrained, and selectivity: the skill less that on shuffled answers. Skill is 0 at chance and 1
    where all is right; accuracies count classes alike, numbers have R².

    Example: joint probe --checkpoint speechocean762-joint --data data/speechocean762/test
    """
    import json
    from dataclasses import asdict

    from analysis.probing.layers import EMBEDDING
    from analysis.probing.study import Material
    from analysis.probing.summary import heat_map, markdown
    from joint.app.cli.options import open_model
    from joint.data.corpus import Corpus
    from joint.files import atomic_write

    model = open_model(checkpoint)
    material = Material.of(Corpus.load(data), utterances, question or [])
    for name, reason in material.missing.items():
        if not question:
            warn(f"no probe of {name}: {reason}")
    trained, random = beside_untrained(model, material, layer or [])
    shown_layer = EMBEDDING if not layer or EMBEDDING in layer else layer[-1]
    table = markdown(trained, random, shown_layer)
    print(
        f"{shown_layer} of {model.path}, {len(material.utterances)} utterances\n\n{table}", end=""
    )
    if output is not None:
        found = {
            "checkpoint": str(model.path),
            "utterances": len(material.utterances),
            "missing": material.missing,
            "trained": [asdict(finding) for finding in trained],
            "untrained": [asdict(finding) for finding in random],
        }
        atomic_write(output / "probes.json", json.dumps(found, indent=1) + "\n")
        atomic_write(output / "probes.md", table)
        heat_map(trained, random, output / "probes.png")


def beside_untrained(
    model: "SpeakerModel", material: "Material", layers: "Sequence[str]" = ()
) -> "tuple[list[Finding], list[Finding]]":
    """What probes read from the model's encoder, and from one of its make that has not learnt."""
    from analysis.probing.study import probe_encoder, untrained
    from joint.training.building import encoder_from

    twin = untrained(lambda: encoder_from(model.metadata, model.path), material.waveforms)
    trained, random = (
        probe_encoder(encoder, material, layers, precision=model.precision, progress=what)
        for encoder, what in (
            (model.model.encoder, "probing"),
            (twin.to(model.device), "untrained"),
        )
    )
    return trained, random
