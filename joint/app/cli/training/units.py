"""`joint units`: a codebook of units for conversion."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint

if TYPE_CHECKING:
    from tasks.conversion.content.features import FrameFeatures


def units(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="A corpus that `joint prepare` or `joint shard` wrote."
        ),
    ],
    layer: Annotated[
        str,
        typer.Option(
            "--layer",
            metavar="NAME",
            help="The layer whose frames are clustered: one of the encoder, or frontend_layer6 for "
            "the sixth block of --network.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", metavar="FILE.safetensors", help="The codebook to write."),
    ],
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=2, help="The number of units.")
    ] = 100,
    checkpoint: Checkpoint = SHIPPED,
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            metavar="NETWORK",
            help="Cluster a self-supervised network in place of the checkpoint's encoder: a folder "
            "that transformers wrote, or OWNER/NAME on the hub.",
        ),
    ] = None,
    utterances: Annotated[
        int,
        typer.Option(
            "--utterances", metavar="N", min=1, help="The largest number of utterances to read."
        ),
    ] = 500,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of what k-means draws.")
    ] = 0,
) -> None:
    """Cluster the frames of a layer by k-means and write the units for a recipe's content.units.

    Frames are those of the log-mel spectrogram, every 12.5 ms, normalised over each recording.

    Example: joint units data/librispeech/train --layer block3 --output exp/units.safetensors
    """
    from joint.data.opening import open_corpus
    from joint.files import check_file
    from tasks.conversion.units import Codebook, fit_units, frames_of_layer

    check_file(output, (".safetensors",))
    if network is not None:
        features, encode, device = network_layer(network, layer), None, "cpu"
    else:
        from joint.app.cli.options import open_model
        from joint.encoders.view import EncoderView
        from joint.training.building.model import layer_dims
        from tasks.conversion.content.features import EncoderLayer

        model = open_model(checkpoint, ())
        features = EncoderLayer(layer, layer_dims(model.model.encoder))
        encode = EncoderView(model.model.encoder, "frozen", layers=(layer,))
        device = str(model.device)
    corpus = open_corpus(data)
    step = max(1, len(corpus) // utterances)
    frames = frames_of_layer(corpus.utterances[::step][:utterances], features, encode, device)
    Codebook(fit_units(frames, count, seed), features.name).save(output)
    print(f"{output}: {count} units of {features.name}, from {len(frames)} frames")


def network_layer(network: str, layer: str) -> "FrameFeatures":
    """One layer of a self-supervised network. Raises ConfigError."""
    from functools import partial

    from joint.encoders.frontends.ssl.frontend import PretrainedFrontend
    from joint.encoders.frontends.ssl.layers import OneLayer
    from tasks.conversion.content.features import NetworkLayer

    return NetworkLayer(PretrainedFrontend(network, use=partial(OneLayer, layer=layer)))
