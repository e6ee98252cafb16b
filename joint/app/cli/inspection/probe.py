"""`joint probe`: the information in the layers of an encoder, about the speaker and otherwise."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint
from joint.terminal import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.probing.findings import Finding
    from analysis.probing.study import Material
    from joint.app.api import SpeakerModel


def probe(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DATA",
            help="A corpus that `joint prepare` wrote; probes of phones need `joint align`.",
        ),
    ],
    checkpoint: Checkpoint = SHIPPED,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Also write probes.json, probes.md, probes.png and report.html there.",
        ),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            "--question",
            metavar="NAME",
            help="Probe only this property, such as speaker or gender; may be repeated. By default "
            "all that the corpus allows.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            metavar="NAME",
            help="Probe only this layer of the encoder; may be repeated. By default all.",
        ),
    ] = None,
    utterances: Annotated[
        int,
        typer.Option(
            "--utterances", metavar="N", min=50, help="The largest number of utterances to use."
        ),
    ] = 800,
) -> None:
    """Probe each layer of an encoder for speaker, voice, words, phones and channel.

    The probes, a ridge regression and a network with one hidden layer, are trained on one part of
    the corpus and tested on other speakers or texts. Each is compared with chance, with the same
    encoder untrained, and with a probe of shuffled labels: `above shuffled labels` is the skill
    less the skill of that probe, where it has any. Skill is 0 at chance and 1 for a perfect probe:
    from balanced accuracy for classes, R² for numbers.

    Example: joint probe --data data/speechocean762/test --output exp/probes
    """
    import json
    from dataclasses import asdict

    from analysis.probing.layers import EMBEDDING, check_layers
    from analysis.probing.study import Material
    from analysis.probing.summary import markdown
    from analysis.report.encoder import probes_section
    from analysis.report.page import Links, Section, write_report
    from joint.app.cli.options import open_model
    from joint.data.opening import open_corpus
    from joint.files import atomic_write

    model = open_model(checkpoint)
    check_layers(model.model.encoder, layer or [])  # before the recordings are read
    material = Material.of(open_corpus(data), utterances, question or [])
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
        section = probes_section(trained, random, shown_layer, output)  # draws probes.png
        links = Links({"checkpoint": model.path, "data": data}, output)
        sections = [section, Section("Files", "What this page was made of.", [links])]
        title = f"Probes of {model.info()['name']}"
        write_report(
            output / "report.html", title, f"{len(material.utterances)} utterances", sections
        )


def beside_untrained(
    model: "SpeakerModel", material: "Material", layers: "Sequence[str]" = ()
) -> "tuple[list[Finding], list[Finding]]":
    """The findings of probes on the model's encoder, and on the same encoder untrained."""
    from analysis.probing.study import probe_encoder, untrained
    from joint.training.building.model import encoder_from

    twin = untrained(lambda: encoder_from(model.metadata, model.path), material.waveforms)
    trained, random = (
        probe_encoder(encoder, material, layers, precision=model.precision, progress=what)
        for encoder, what in (
            (model.model.encoder, "probing"),
            (twin.to(model.device), "untrained"),
        )
    )
    return trained, random
