"""Which encoder an embedding comes from: embeddings of two encoders cannot be compared."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

TRAINING_ONLY = ("spec_augment",)
"""Settings of a front-end that change no embedding."""


@dataclass(frozen=True)
class EncoderIdentity:
    """`fingerprint` tells encoders apart; `name` is the checkpoint's, for people to read."""

    name: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint[:12]})"


def identity_of(
    encoder: "nn.Module", config: Mapping[str, Any] | None, name: str
) -> EncoderIdentity:
    """Identify an encoder by SHA-256 of its tensors and of the settings of its front-end.

    `config` is the node that builds the encoder; of it only `frontend` counts, since what a
    front-end computes with (scale, normalisation) is not in its tensors. Paths of classes and names
    of tensors do not count: embeddings outlive a renaming in the code. Equal weights have one
    fingerprint, stored in half or in full precision.
    """
    settings = _settings((config or {}).get("frontend"))
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for value in sorted(_digest_of(tensor) for tensor in encoder.state_dict().values()):
        digest.update(value)
    return EncoderIdentity(name, digest.hexdigest())


def _settings(node: Any) -> Any:
    """A node without paths of classes and without what is for training alone."""
    if not isinstance(node, Mapping):
        return node
    return {
        key: _settings(value)
        for key, value in node.items()
        if not key.startswith("_") and key not in TRAINING_ONLY
    }


def _digest_of(tensor: "Tensor") -> bytes:
    import torch  # here: who only compares identities needs none

    digest = hashlib.sha256(f"{tuple(tensor.shape)} {tensor.dtype}\n".encode())
    # A view as bytes, since NumPy has no bfloat16; it needs one dimension at least.
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    digest.update(flat.view(torch.uint8).numpy().data)
    return digest.digest()
