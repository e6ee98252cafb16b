"""Which encoder an embedding comes from: embeddings of two encoders cannot be compared."""

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    return EncoderIdentity(name, fingerprint_of([encoder], settings))


def fingerprint_of(modules: "Iterable[nn.Module]", settings: Any) -> str:
    """SHA-256 of the tensors of `modules`, whatever their names, and of `settings`, as JSON."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    tensors = (tensor for module in modules for tensor in module.state_dict().values())
    for value in sorted(map(_digest_of, tensors)):
        digest.update(value)
    return digest.hexdigest()


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
