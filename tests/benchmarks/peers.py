"""Other toolkits' models, from checkouts that the caller names.

Their packages import far more than a model needs, so each package on the way to it is replaced by
an empty one that only knows its folder.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn


def empty_package(name: str, *folders: Path) -> None:
    """Enter `name` as a package whose modules lie in `folders` and whose own code is not run."""
    package = sys.modules.setdefault(name, ModuleType(name))
    package.__path__ = [*map(str, folders), *getattr(package, "__path__", [])]


def wespeaker_ecapa(checkout: Path, embedding_dim: int = 192) -> nn.Module:
    """WeSpeaker's ECAPA-TDNN of 512 channels: features `(B, F, 80)` → (…, embedding)."""
    empty_package("wespeaker", checkout / "wespeaker")
    empty_package("wespeaker.models", checkout / "wespeaker" / "models")
    model: nn.Module = import_module("wespeaker.models.ecapa_tdnn").ECAPA_TDNN_c512(
        80, embedding_dim
    )
    return model


def wesep_bsrnn(checkout: Path, embedding_dim: int = 192) -> nn.Module:
    """WeSep's BSRNN as its recipe sets it up (128 features × 6, multiplied once), without the
    speaker encoder: mixture `(B, S)`, embedding `(B, E)` → (estimate, …)."""
    empty_package("wesep", checkout / "wesep")
    empty_package("wesep.models", checkout / "wesep" / "models")
    empty_package("wespeaker")
    empty_package("wespeaker.models")
    encoders: Any = ModuleType("wespeaker.models.speaker_model")
    encoders.get_speaker_model = None
    sys.modules.setdefault("wespeaker.models.speaker_model", encoders)
    model: nn.Module = import_module("wesep.models.bsrnn").BSRNN(
        spk_emb_dim=embedding_dim,
        sr=16000,
        win=512,
        stride=128,
        feature_dim=128,
        num_repeat=6,
        use_spk_transform=False,
        spk_fuse_type="multiply",
        multi_fuse=False,
        joint_training=False,
    )
    return model
