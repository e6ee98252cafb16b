"""`joint analyze`: studies of what a checkpoint makes."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.checked import CheckedCommand
from joint.app.cli.evaluate.speech import Judge
from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Data,
    Steps,
    Temperature,
    TopP,
    VocoderName,
)

analyze = typer.Typer(no_args_is_help=True, help="Studies of the speech that a checkpoint makes.")


@analyze.command(cls=CheckedCommand)
def voices(
    data: Data,
    output: Annotated[
        Path,
        typer.Option("--output", metavar="DIR", help="A folder for report.html and voices.json."),
    ],
    checkpoint: Checkpoint = SHIPPED,
    speakers: Annotated[
        int, typer.Option("--speakers", metavar="N", min=5, help="The largest number of voices.")
    ] = 40,
    sentences: Annotated[
        int, typer.Option("--sentences", metavar="N", min=2, help="Sentences in each voice.")
    ] = 2,
    steps: Steps = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    vocoder: VocoderName = None,
    judge: Judge = None,
    plane: Annotated[
        str,
        typer.Option(
            "--plane",
            metavar="tsne|umap",
            help="How the embeddings are projected onto a plane for the pictures.",
        ),
    ] = "tsne",
) -> None:
    """What of a speaker's embedding survives a checkpoint's synthesis and conversion: distances
    within and between voices, traits, and what verification accepts, beside natural recordings.

    Each voice is given to the system by one recording; another one enrols the person for
    verification. A score counts as accepted from the checkpoint's threshold on; a judge's
    threshold is that of its equal error rate on the natural recordings. A voice whose recording
    a system cannot use is left out, and a line says so.

    Example: joint analyze voices --data data/librispeech/test-clean --judge resemblyzer
    --output exp/voices
    """
    from dataclasses import asdict

    from analysis.report.voices import write_voices_report
    from analysis.synthesis.study import study
    from analysis.synthesis.voices import choose_voices, measure_voices
    from joint.app.cli.evaluate.figures import print_groups
    from joint.app.cli.options import open_model
    from joint.app.manner import check_manner
    from joint.app.measuring.voices import encoders_of, makers
    from joint.data.opening import open_corpus
    from joint.errors import ConfigError
    from joint.files import write_json
    from joint.synthesis.evaluation.instruments import SHARED
    from tasks.conversion.evaluate import CONVERTED
    from tasks.synthesis.evaluate import SYNTHETIC

    if plane not in ("tsne", "umap"):
        raise ConfigError("--plane", plane, "tsne or umap")
    check_manner(vocoder, "--", steps=steps, temperature=temperature, top_p=top_p)
    corpus, model = open_corpus(data), open_model(checkpoint)
    systems = makers(model, vocoder, steps, temperature, top_p)
    goes_on = SYNTHETIC in systems and model.reads_prompts
    chosen = choose_voices(corpus, speakers, sentences, with_words=goes_on)
    instruments = encoders_of(model, judge)
    speech = measure_voices(chosen, systems, instruments, played=6, converters=[CONVERTED])
    thresholds = dict.fromkeys(instruments.encoders) | {SHARED: model.threshold}
    findings = study(speech, thresholds)
    for encoder, found in findings.items():
        for kind, table in asdict(found).items():
            print(f"\n{kind}, by the {encoder}")
            print_groups(table, "speech" if kind != "traits" else "trait")
    write_json(output / "voices.json", {name: asdict(found) for name, found in findings.items()})
    name = model.info()["name"]
    used = {"checkpoint": model.path, "data": data, "figures": output / "voices.json"}
    title = f"Synthetic voices of {name}"
    write_voices_report(output / "report.html", title, speech, findings, plane, used)
    print(output / "report.html")
