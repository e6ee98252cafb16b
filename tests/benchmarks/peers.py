"""Other toolkits' models, from checkouts that the caller names.

Their packages import far more than a model needs, so each package on the way to it is replaced by
an empty one that only knows its folder.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from torch import nn


def empty_package(name: str, *folders: Path) -> None:
    """Enter `name` as a package whose modules lie in `folders` and whose own code is not run."""
    package = sys.modules.setdefault(name, ModuleType(name))
    package.__path__ = [*map(str, folders), *getattr(package, "__path__", [])]


def wespeaker_model(checkout: Path, module: str, kind: str, embedding_dim: int) -> nn.Module:
    """A model of WeSpeaker's: features `(B, F, 80)` → (…, embedding)."""
    empty_package("wespeaker", checkout / "wespeaker")
    empty_package("wespeaker.models", checkout / "wespeaker" / "models")
    made = getattr(import_module(f"wespeaker.models.{module}"), kind)
    model: nn.Module = made(feat_dim=80, embed_dim=embedding_dim)
    return model


def wespeaker_ecapa(checkout: Path) -> nn.Module:
    """WeSpeaker's ECAPA-TDNN of 512 channels."""
    return wespeaker_model(checkout, "ecapa_tdnn", "ECAPA_TDNN_c512", 192)


def wespeaker_resnet34(checkout: Path) -> nn.Module:
    """WeSpeaker's r-vector."""
    return wespeaker_model(checkout, "resnet", "ResNet34", 192)


def wespeaker_score_norm(
    checkout: Path,
    folder: Path,
    names: Sequence[str],
    embeddings: np.ndarray,
    cohort: np.ndarray,
    pairs: np.ndarray,
) -> Callable[[], None]:
    """WeSpeaker's score_norm.py on files of the same numbers, in Kaldi's form, below `folder`."""
    import kaldiio

    empty_package("wespeaker", checkout / "wespeaker")
    empty_package("wespeaker.bin", checkout / "wespeaker" / "bin")
    empty_package("wespeaker.utils", checkout / "wespeaker" / "utils")
    script = import_module("wespeaker.bin.score_norm")
    for kind, rows in (("eval", embeddings), ("cohort", cohort)):
        keys = names if kind == "eval" else [f"speaker{i}" for i in range(len(cohort))]
        with kaldiio.WriteHelper(f"ark,scp:{folder}/{kind}.ark,{folder}/{kind}.scp") as writer:
            for key, row in zip(keys, rows, strict=True):
                writer(key, row)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    scored = folder / "cosine.scores"
    with scored.open("w") as file:
        for start in range(0, len(pairs), 100_000):
            block = pairs[start : start + 100_000]
            scores = np.einsum("te,te->t", unit[block[:, 0]], unit[block[:, 1]])
            file.writelines(
                f"{names[a]} {names[b]} {score:.5f} nontarget\n"
                for (a, b), score in zip(block, scores, strict=True)
            )
    files = {
        "trial_score_file": str(scored),
        "score_norm_file": str(folder / "theirs.scores"),
        "cohort_emb_scp": str(folder / "cohort.scp"),
        "eval_emb_scp": str(folder / "eval.scp"),
    }
    return lambda: script.main("asnorm", 300, **files)


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
