"""Saliency maps of a loaded checkpoint's decisions."""

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch

from joint.app.base import LoadedModel

if TYPE_CHECKING:
    from analysis.saliency.explanation import Explanation

METHOD, LAYER = "layer-cam", "spectrogram"


def explain_verification(
    model: LoadedModel,
    first: np.ndarray,
    second: np.ndarray,
    method: str = METHOD,
    layer: str = LAYER,
) -> "Iterator[tuple[str, Explanation]]":
    """Explain the cosine of two recordings `(S,)`: a map of the `first` with the second fixed, and
    of the `second` with the first fixed, by these names.

    The maps are computed in float32 on the processor. Raises ConfigError for an unknown method and
    one that does not fit the layer, DataError for an unknown layer.
    """
    from analysis.saliency.explanation import explain

    waveforms = {"first": first, "second": second}
    embeddings = {name: torch.from_numpy(model.embed([w])) for name, w in waveforms.items()}
    encoder = deepcopy(model.model.encoder).float().cpu().eval()  # the model stays where it is
    for name, held in (("first", "second"), ("second", "first")):
        fixed = embeddings[held]

        def cosine(recordings: torch.Tensor, fixed: torch.Tensor = fixed) -> torch.Tensor:
            return torch.cosine_similarity(encoder(recordings).embedding, fixed)

        yield name, explain(encoder, waveforms[name], cosine, method, layer)
