"""`joint explain`: saliency maps of a decision over the frames and bands of a recording."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from joint.app.cli.checked import CheckedCommand
from joint.app.cli.options import SHIPPED, AlignedData, Checkpoint
from joint.app.shared.wording import gains_text

if TYPE_CHECKING:
    from analysis.saliency.explanation import Explanation

explain = typer.Typer(
    no_args_is_help=True,
    help="Saliency maps: how much each frame and band of a recording contributes to a decision.",
)

Output: TypeAlias = Annotated[
    Path,
    typer.Option("--output", metavar="DIR", help="A folder for the maps, as pictures and JSON."),
]
MethodOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="The saliency method: layer-cam, grad-cam++ or score-cam.",
    ),
]
LayerOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--layer",
        metavar="NAME",
        help="The layer of the encoder whose activations are weighted, or spectrogram.",
    ),
]


@explain.command(cls=CheckedCommand)
def verification(
    output: Output,
    first: Annotated[
        Path, typer.Argument(metavar="A.wav", help="A recording of one speaker, >= 0.3 s.")
    ],
    second: Annotated[
        Path, typer.Argument(metavar="B.wav", help="The recording to compare it with.")
    ],
    checkpoint: Checkpoint = SHIPPED,
    method: MethodOption = "layer-cam",
    layer: LayerOption = "spectrogram",
) -> None:
    """Explain the verification score of two recordings: a map of each, with the other fixed.

    Deletion and insertion curves test each map: how the cosine falls while cells are deleted, and
    rises while they are inserted, in the order of the map against random order.

    Example: joint explain verification a.wav b.wav --output maps
    """
    from joint.app.cli.options import open_model
    from joint.app.shared.explaining import explain_verification
    from joint.audio import read_audio

    waveforms = read_audio(first), read_audio(second)
    model = open_model(checkpoint, tasks=())
    for name, found in explain_verification(model, *waveforms, method, layer):
        _write_map(found, name, output)


@explain.command(cls=CheckedCommand)
def extraction(
    output: Output,
    mixture: Annotated[
        Path,
        typer.Option(
            "--mixture", metavar="M.wav", help="A recording in which several speakers talk."
        ),
    ],
    enrollment: Annotated[
        Path,
        typer.Option(
            "--enrollment",
            metavar="E.wav",
            help="A recording in which only the target speaker talks, >= 0.3 s.",
        ),
    ],
    reference: Annotated[
        Path,
        typer.Option(
            "--reference",
            metavar="R.wav",
            help="The target speaker's speech in the mixture alone, as long as the mixture.",
        ),
    ],
    checkpoint: Checkpoint = SHIPPED,
    method: MethodOption = "layer-cam",
    layer: LayerOption = "spectrogram",
) -> None:
    """Explain the SI-SDR of an extraction by the enrolment: a map of the enrolment recording.

    Example: joint explain extraction --mixture m.wav --enrollment e.wav --reference r.wav
    --output maps
    """
    import torch

    from analysis.saliency.explanation import explain as explained
    from joint.app.cli.options import open_model
    from joint.audio import read_audio
    from joint.errors import AudioError, CheckpointError
    from joint.metrics.separation import si_sdr_db
    from joint.task import ENROLLMENT

    mixed, enrolled, target = (read_audio(path) for path in (mixture, enrollment, reference))
    if len(mixed) != len(target):
        found = f"{len(target)} samples"
        raise AudioError(reference, found, f"the {len(mixed)} of {mixture}")
    model = open_model(checkpoint)
    if "extraction" not in model.model.tasks:
        tasks = ", ".join(model.model.tasks) or "none"
        raise CheckpointError(model.path, f"tasks {tasks}", "one with an extraction task")
    joint_model = model.model.float().cpu()
    task: Any = joint_model.tasks["extraction"]
    mixtures, targets = (torch.from_numpy(w)[None] for w in (mixed, target))

    def extracted(recordings: torch.Tensor) -> torch.Tensor:
        encode = joint_model.view("extraction")
        lengths = torch.full((len(recordings),), recordings.shape[1])
        encoding = encode(recordings, lengths, ENROLLMENT)
        estimate = task.estimate(encode, mixtures, encoding).waveform  # one for each enrolment
        return si_sdr_db(estimate, targets.expand(len(recordings), -1))

    explanation = explained(joint_model.encoder.eval(), enrolled, extracted, method, layer)
    _write_map(explanation, "enrollment", output)


@explain.command(cls=CheckedCommand)
def phones(
    output: Output,
    data: AlignedData,
    checkpoint: Checkpoint = SHIPPED,
    pairs: Annotated[
        int,
        typer.Option(
            "--pairs", metavar="N", min=1, help="The number of same-speaker pairs to explain."
        ),
    ] = 100,
    method: MethodOption = "layer-cam",
    layer: LayerOption = "spectrogram",
) -> None:
    """Rank all phones by their mean saliency for the scores of same-speaker pairs.

    Example: joint explain phones --data data/speechocean762/test --output maps
    """
    from analysis.saliency.phones import phone_salience_of_pairs
    from joint.app.cli.options import open_model
    from joint.data.opening import open_corpus

    corpus = open_corpus(data)
    model = open_model(checkpoint)
    encoder = model.model.encoder.float().cpu()
    ranked, used = phone_salience_of_pairs(encoder, corpus, pairs, method, layer)
    figures = {"pairs": used, "method": method, "layer": layer, "salience": ranked}
    _write(output / "phones.json", figures)
    for phone, salience in ranked.items():
        print(f"{phone:<4} {salience:.3f}")


def _write_map(found: "Explanation", name: str, output: Path) -> None:
    """Draw and write the map of a recording, and print its deletion and insertion gains."""
    from analysis.saliency.explanation import draw

    draw(found, name, output / f"{name}.png")
    _write(output / f"{name}.json", found.figures())
    print(f"{name}: {gains_text(found)}")


def _write(path: Path, figures: dict[str, object]) -> None:
    import json

    from joint.files import atomic_write

    atomic_write(path, json.dumps(figures, indent=1) + "\n")
