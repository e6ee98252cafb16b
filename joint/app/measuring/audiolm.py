"""Verification by language models on pairs of a corpus, beside the encoder's cosine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.encoders.recordings import embed_recordings
from joint.errors import CheckpointError
from joint.task import ENROLLMENT
from joint.training.precision import autocast_for
from tasks.audiolm.clips import ClipTask
from tasks.audiolm.evaluate import COSINE, NOISES, Embed, evaluate_answers, pair_set
from tasks.audiolm.prompts import Form
from tasks.audiolm.task import PairTask

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel


def evaluate_audiolm(
    model: "SpeakerModel",
    corpus: Corpus,
    count: int,
    hard_share: float,
    seed: int,
    threshold: float | None = None,
    source: str | None = None,
    form: Form = "two clips",
    transcribe: Callable[[np.ndarray], str] | None = None,
) -> dict[str, Any]:
    """Figures of the model's task of this kind, or, with `source`, of a language model that takes
    audio as it is; see `evaluate_answers`.

    The cosine accepts above `threshold`, or, where None, above that of the checkpoint's validation.

    Raises CheckpointError for a model without such a task, ConfigError for a corpus with too few
    speakers or recordings, and for a `source` that is no language model with audio.
    """
    embed: Embed = model.embed
    chosen = model.threshold
    if source is not None:
        task: PairTask = ClipTask(model.embedding_dim, source, form).eval().to(model.device)
    else:
        name, task = _own(model)
        if model.model.adapter(name) is not None:
            embed = _through(model, name)
        chosen = model.metadata.get("validation", {}).get(f"{name}/cosine_threshold", chosen)
    if threshold is None:
        threshold = chosen
    pairs = pair_set(
        embed,
        corpus,
        count,
        hard_share,
        seed,
        () if task.text_dependent else NOISES,
        with_words=task.text_dependent,
        transcribe=transcribe,
    )
    with autocast_for(model.precision, model.device):
        figures = evaluate_answers(task, pairs, threshold)
    figures["by_system"][COSINE]["threshold"] = threshold
    return figures


def _own(model: "SpeakerModel") -> tuple[str, PairTask]:
    """The first task of this kind, with its name. Raises CheckpointError where there is none."""
    for name, task in model.model.tasks.items():
        if isinstance(task, PairTask):
            return name, task
    named = f"tasks {', '.join(model.model.tasks) or 'none'}"
    expected = "one with an audiolm task (recipes/audiolm), or --model"
    raise CheckpointError(model.path, named, expected)


def _through(model: "SpeakerModel", name: str) -> Embed:
    """Embeddings through a task's adapter."""
    view = model.model.view(name)

    def encoded(audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        given, samples = (torch.from_numpy(x).to(model.device) for x in (audio, lengths))
        with torch.inference_mode(), autocast_for(model.precision, model.device):
            embedding: Tensor = view(given, samples, ENROLLMENT).embedding
        found: np.ndarray = embedding.float().cpu().numpy()
        return found

    return lambda waveforms: embed_recordings(encoded, waveforms, model.embedding_dim)
