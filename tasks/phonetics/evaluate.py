"""Evaluation of a frame-level phonetic head: frame accuracy on a test corpus."""

from typing import Any

import numpy as np
import torch

from joint.data.batching import batches_by_length
from joint.data.corpus import Corpus, readable
from joint.data.phones import UNKNOWN
from joint.errors import CheckpointError, DataError
from joint.task import ENROLLMENT, Encode
from joint.training.precision import autocast_for
from joint.training.progress import shown
from tasks.phonetics.labels import frame_phones
from tasks.phonetics.task import FramePhones


def evaluate_phones(
    task: FramePhones,
    encode: Encode,
    corpus: Corpus,
    phones: tuple[str, ...],
    precision: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """Frame accuracy in percent: of all frames, of those with speech, and the mean over phones;
    `by_group` has each phone.

    `phones` is the inventory of the head. Raises DataError for a corpus without
    phones, CheckpointError for one with others.
    """
    if not corpus.phones:
        raise DataError(corpus.where, "no phones", "a folder aligned by 'joint align'")
    if phones != corpus.phones:
        found = f"{len(phones)} phones"
        raise CheckpointError("the head", found, f"the {len(corpus.phones)} of {corpus.where}")
    utterances = [u for u in corpus.utterances if u.phones is not None]
    right, asked = np.zeros(len(phones)), np.zeros(len(phones))
    device = next(task.parameters()).device
    batches = list(batches_by_length([u.samples for u in utterances]))
    for batch in shown(batches, "naming phones", progress):
        read = [
            (utterance, torch.from_numpy(waveform))
            for utterance, waveform in readable(utterances[i] for i in batch)
        ]
        if not read:
            continue
        lengths = torch.tensor([len(waveform) for _, waveform in read])
        audio = torch.nn.utils.rnn.pad_sequence([w for _, w in read], batch_first=True)
        with torch.inference_mode(), autocast_for(precision, device):
            layer = encode(audio.to(device), lengths.to(device), ENROLLMENT).layers[task.layer]
            named = task.logits(layer.features).argmax(dim=-1).cpu().numpy()
        for row, (utterance, _) in enumerate(read):
            assert utterance.phones is not None
            own = [
                torch.from_numpy(values.astype(np.int64))[None].to(device)
                for values in (utterance.phones.phones, utterance.phones.ends)
            ]
            one = type(layer)(
                layer.features[row : row + 1], layer.mask[row : row + 1], layer.hop, layer.offset
            )
            labels = frame_phones(one, *own)[0].cpu().numpy()
            known = labels != UNKNOWN
            np.add.at(asked, labels[known], 1)
            np.add.at(right, labels[known], named[row][known] == labels[known])
    present = asked > 0
    each = np.where(present, 100.0 * right / asked.clip(min=1), np.nan)
    return {
        "frame_accuracy_percent": 100.0 * float(right.sum() / asked.sum()),
        "spoken_accuracy_percent": 100.0 * float(right[1:].sum() / asked[1:].sum()),
        "mean_of_phones_percent": float(np.nanmean(each[1:])),
        "frames": int(asked.sum()),
        "utterances": len(utterances),
        "unaligned_utterances": len(corpus) - len(utterances),
        "by_group": {
            phone: {"percent": float(each[i]), "frames": int(asked[i])}
            for i, phone in enumerate(phones)
            if present[i]
        },
    }
