"""Verification of all pairs of recordings in held-out scenes, as trainings are followed by it."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from joint.metrics.detection import eer
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode


def pair_figures(encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
    """EER of all pairs of enrolments, cosine scores, and the threshold there; pairs of a recording
    with itself, which streams longer than the corpus have, are left out."""
    embeddings, speakers, utterances = [], [], []
    for batch in batches:
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.speaker is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        embeddings.append(F.normalize(encoding.embedding))
        speakers.append(batch.speaker.flatten())
        if batch.utterance is not None:
            utterances.append(batch.utterance.flatten())
    embedding, speaker = torch.cat(embeddings), torch.cat(speakers)
    first, second = torch.triu_indices(len(speaker), len(speaker), offset=1)
    if utterances:
        utterance = torch.cat(utterances).cpu()
        apart = utterance[first] != utterance[second]
        first, second = first[apart], second[apart]
    with torch.autocast(embedding.device.type, enabled=False):
        similarity = embedding @ embedding.T
    scores = similarity[first, second].cpu().numpy()
    labels = (speaker[first] == speaker[second]).cpu().numpy()
    found = eer(scores, labels)
    return {"eer_percent": found.percent, "threshold": found.threshold}
