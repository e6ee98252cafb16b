"""Which encoder made an embedding: embeddings of two encoders cannot be compared."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class EncoderIdentity:
    """`fingerprint` tells encoders apart; `name` is its checkpoint's, for people to read."""

    name: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint[:12]})"


def identity_of(encoder: nn.Module, config: Any, name: str) -> EncoderIdentity:
    """SHA-256 of the encoder's tensors, with their names and shapes, and of its configuration.

    Stored in half or in full precision, equal weights give one fingerprint.
    """
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for key, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"\n{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        # A view as bytes, since NumPy knows no bfloat16; it needs one dimension at least.
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy())
    return EncoderIdentity(name, digest.hexdigest())
