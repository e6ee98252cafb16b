"""What is left of the phones: probes that learn on one corpus and answer on another."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from analysis.probing.folds import Fold
from analysis.probing.hearing import EMBEDDING, listen
from analysis.probing.probes import Spectrum
from analysis.probing.study import spread
from analysis.probing.table import score, tensor
from analysis.probing.targets import phone_instants
from joint.data.corpus import Corpus, Utterance
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import DataError
from joint.units import SAMPLE_RATE, Seconds

UTTERANCES, INSTANTS = 600, 25
CHUNK: Seconds = 2.0


def phone_content(
    encoder: SpeakerEncoder, train: Corpus, test: Corpus, layer: str, precision: str = "auto"
) -> dict[str, float]:
    """How much of the phones linear probes find, having learnt on `train`, in `test`:
    `phone_probe_percent` of spoken frames named from `layer`, and `embedding_phones_r2`, R² of the
    phones' shares in chunks of 2 s, read from the embedding.

    At most 600 utterances of each are looked at. Raises DataError where the two corpora do not
    speak of the same phones, or for a layer that is not there.
    """
    if not train.phones or train.phones != test.phones:
        raise DataError(test.where, f"{len(test.phones)} phones", f"the {len(train.phones)} phones")
    parts = [_chunks(corpus) for corpus in (train, test)]
    waveforms = [w for _, own, _ in parts for w in own]
    instants = [t for utterances, _, starts in parts for t in _instants(utterances, starts)]
    heard = listen(encoder, waveforms, [samples for samples, _ in instants], precision)
    if layer not in heard.frames:
        raise DataError(f"layer {layer}", "no such layer", " or ".join(heard.frames))
    count = len(parts[0][1])
    phones = np.concatenate([phones for _, phones in instants])
    learnt = sum(len(samples) for samples, _ in instants[:count])
    shares = np.stack(
        [
            _shares(u, start, len(test.phones))
            for utterances, _, starts in parts
            for u, start in zip(utterances, starts, strict=True)
        ]
    )
    often = (shares[:count] > 0).mean(axis=0) > 0.02
    vectors, wanted = heard.pooled[EMBEDDING], shares[:, often]
    fold = Fold(np.arange(count), np.arange(count, len(waveforms)))
    answers = Spectrum.of(tensor(vectors), fold).ridge(tensor(wanted[:count]))[1]
    return {
        "phone_probe_percent": 100.0 * _named(heard.frames[layer], phones, learnt),
        "embedding_phones_r2": score(answers.numpy(), wanted[count:], "numbers"),
    }


def _chunks(corpus: Corpus) -> tuple[list[Utterance], list[np.ndarray], list[int]]:
    """Aligned utterances, 2 s of each from where it begins to speak, and those beginnings."""
    utterances, waveforms, starts = [], [], []
    for utterance in spread(corpus, UTTERANCES):
        if utterance.phones is None or not (utterance.phones.phones > 0).any():
            continue
        spoken = np.flatnonzero(utterance.phones.phones > 0)
        length = round(CHUNK * SAMPLE_RATE)
        first = int(utterance.phones.ends[spoken[0] - 1]) if spoken[0] else 0
        start = max(0, min(first, utterance.samples - length))
        utterances.append(utterance)
        waveforms.append(utterance.waveform()[start : start + length])
        starts.append(start)
    if not utterances:
        raise DataError(corpus.where, "no aligned utterance", "some")
    return utterances, waveforms, starts


def _instants(
    utterances: Sequence[Utterance], starts: Sequence[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Samples of each chunk, counted from its start, and the phones there."""
    found = []
    length = round(CHUNK * SAMPLE_RATE)
    for i, (utterance, start) in enumerate(zip(utterances, starts, strict=True)):
        samples, phones = phone_instants(utterance, 2 * INSTANTS, i)
        inside = np.flatnonzero((samples >= start) & (samples < start + length))[:INSTANTS]
        found.append((samples[inside] - start, phones[inside]))
    return found


def _shares(utterance: Utterance, start: int, count: int) -> np.ndarray:
    """Shares of the phones in what is spoken in the chunk, `(count,)`."""
    assert utterance.phones is not None
    length = min(round(CHUNK * SAMPLE_RATE), utterance.samples - start)
    part = utterance.phones.part(1.0, start, length)
    durations = np.diff(part.ends, prepend=0)
    spoken = part.phones > 0
    shares = np.zeros(count)
    np.add.at(shares, part.phones[spoken], durations[spoken])
    total: np.ndarray = shares / max(shares.sum(), 1.0)
    return total


def _named(vectors: np.ndarray, phones: np.ndarray, learnt: int) -> float:
    """Share of the phones behind `learnt` that a logistic regression on those before names."""
    x = torch.from_numpy(vectors)
    x = (x - x[:learnt].mean(dim=0)) / x[:learnt].std(dim=0).clamp(min=1e-6)
    y = torch.from_numpy(phones)
    weight = torch.zeros(x.shape[1], int(y.max()) + 1, requires_grad=True)
    bias = torch.zeros(weight.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(x[:learnt] @ weight + bias, y[:learnt])
        loss = loss + 1e-4 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        answers = (x[learnt:] @ weight + bias).argmax(dim=1)
    return float((answers == y[learnt:]).float().mean())
