"""`joint explain`: which parts of a recording a decision rests on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from joint.app.cli.options import Checkpoint

if TYPE_CHECKING:
    import numpy as np

    from analysis.saliency.explanation import Explanation
    from analysis.saliency.maps import Score

explain = typer.Typer(
    no_args_is_help=True, help="Which parts of a recording a decision rests on, as maps."
)

Output: TypeAlias = Annotated[
    Path, typer.Option("--output", metavar="OUT", help="A folder for pictures and JSON.")
]
MethodOption: TypeAlias = Annotated[
    str, typer.Option("--method", metavar="M", help="layer-cam, grad-cam++ or score-cam.")
]
LayerOption: TypeAlias = Annotated[
    str,
    typer.Option("--layer", metavar="L", help="A layer of the encoder, or spectrogram."),
]


@explain.command()
def verification(
    checkpoint: Checkpoint,
    output: Output,
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="A recording.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Another one.")],
    method: MethodOption = "layer-cam",
    layer: LayerOption = "spectrogram",
) -> None:
    """What in either recording makes the two alike: a map of each while the other is held.

    Curves show whether a map is to be trusted: how the cosine falls while cells are taken away,
    and rises while they come, in the map's order against a random one.

    Example: joint explain verification A.wav B.wav --checkpoint speechocean762-joint --output maps
    """
    import numpy as np
    import torch

    from joint.app.cli.options import open_model
    from joint.audio import read_audio

    waveforms = {"first": read_audio(first), "second": read_audio(second)}
    model = open_model(checkpoint)
    encoder = model.model.encoder.float().cpu()
    embeddings = {
        name: torch.from_numpy(np.asarray(model.embed([waveform])))
        for name, waveform in waveforms.items()
    }

    def alike(other: torch.Tensor) -> "Score":
        return lambda recordings: torch.cosine_similarity(encoder(recordings).embedding, other)

    for name, held in (("first", "second"), ("second", "first")):
        _explained(encoder, waveforms[name], alike(embeddings[held]), method, layer, name, output)


@explain.command()
def extraction(
    checkpoint: Checkpoint,
    output: Output,
    mixture: Annotated[Path, typer.Option("--mixture", metavar="M", help="Several voices.")],
    enrollment: Annotated[
        Path, typer.Option("--enrollment", metavar="E", help="The wanted person alone.")
    ],
    reference: Annotated[
        Path, typer.Option("--reference", metavar="R", help="What that person says in M.")
    ],
    method: MethodOption = "layer-cam",
    layer: LayerOption = "spectrogram",
) -> None:
    """Which parts of the *enrolment* the extractor uses: what its SI-SDR rests on.

    Example: joint explain extraction --checkpoint speechocean762-joint --mixture M.wav
    --enrollment E.wav --reference R.wav --output maps
    """
    import torch

    from joint.app.cli.options import open_model
    from joint.audio import read_audio
    from joint.errors import AudioError, CheckpointError
    from joint.metrics.separation import si_sdr_db

    mixed, enrolled, wanted = (read_audio(path) for path in (mixture, enrollment, reference))
    if len(mixed) != len(wanted):
        found = f"{len(wanted)} samples"
        raise AudioError(reference, found, f"the {len(mixed)} of {mixture}")
    model = open_model(checkpoint)
    if "extraction" not in model.model.tasks:
        tasks = ", ".join(model.model.tasks) or "none"
        raise CheckpointError(model.path, f"tasks {tasks}", "one with an extraction task")
    joint_model = model.model.float().cpu()
    task: Any = joint_model.tasks["extraction"]
    adapter = joint_model.adapter("extraction")
    heard, target = (torch.from_numpy(w)[None] for w in (mixed, wanted))

    def extracted(recordings: torch.Tensor) -> torch.Tensor:
        encoder = joint_model.encoder
        encoding = encoder(recordings) if adapter is None else adapter(encoder, recordings)
        voice = task.extractor(heard, encoding).waveform  # one for each enrolment
        return si_sdr_db(voice, target.expand(len(recordings), -1))

    _explained(joint_model.encoder, enrolled, extracted, method, layer, "enrollment", output)


@explain.command()
def phones(
    checkpoint: Checkpoint,
    output: Output,
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR", help="A prepared folder that `joint align` has seen."
        ),
    ],
    pairs: Annotated[
        int, typer.Option("--pairs", metavar="N", min=1, help="Same-speaker pairs to look at.")
    ] = 100,
    method: MethodOption = "layer-cam",
    layer: LayerOption = "spectrogram",
) -> None:
    """Which phones make two recordings of one person alike: all of them, ranked by salience.

    Example: joint explain phones --checkpoint speechocean762-joint --data data/speechocean762/test
    --output maps
    """
    from analysis.saliency.phones import phone_salience_of_pairs
    from joint.app.cli.options import open_model
    from joint.data.corpus import Corpus

    corpus = Corpus.load(data)
    model = open_model(checkpoint)
    encoder = model.model.encoder.float().cpu()
    ranked, used = phone_salience_of_pairs(encoder, corpus, pairs, method, layer)
    figures = {"pairs": used, "method": method, "layer": layer, "salience": ranked}
    _write(output / "phones.json", figures)
    for phone, salience in ranked.items():
        print(f"{phone:<4} {salience:.3f}")


def _explained(
    encoder: Any,
    waveform: "np.ndarray",
    score: "Score",
    method: str,
    layer: str,
    name: str,
    output: Path,
) -> "Explanation":
    """Explain one recording, draw and write it, say how far to trust it."""
    from analysis.saliency.explanation import draw
    from analysis.saliency.explanation import explain as explained

    found = explained(encoder.eval(), waveform, score, method, layer)
    draw(found, name, output / f"{name}.png")
    _write(output / f"{name}.json", found.figures())
    print(
        f"{name}: score {found.score:.3f}; against random order, deletion "
        f"{found.curves.deletion_gain:+.3f}, insertion {found.curves.insertion_gain:+.3f}"
    )
    return found


def _write(path: Path, figures: dict[str, object]) -> None:
    import json

    from joint.files import atomic_write

    atomic_write(path, json.dumps(figures, indent=1) + "\n")
