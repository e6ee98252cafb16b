"""Phone content of an encoder, by probes that are trained on one corpus and tested on another."""

import numpy as np
import torch
import torch.nn.functional as F

from analysis.probing.findings import tensor
from analysis.probing.folds import Fold
from analysis.probing.layers import embeddings_of, layer_outputs
from analysis.probing.linear import Spectrum
from analysis.probing.study import spread
from analysis.probing.targets import phone_instants
from joint.data.corpus import Corpus, Utterance, readable
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import DataError
from joint.units import SAMPLE_RATE

FRAMES_OF, INSTANTS = 600, 25
"""Utterances for the frame probe, and frames of each."""

SHARES_OF = 2500
"""Utterances for the embedding probe, whose effect is small."""

CHUNK = round(2.0 * SAMPLE_RATE)


def phone_content(
    encoder: SpeakerEncoder, train: Corpus, test: Corpus, layer: str, precision: str = "auto"
) -> dict[str, float]:
    """Phone content by linear probes that are trained on `train` and tested on `test`.

    `phone_probe_percent` is the accuracy on spoken frames of `layer`, from at most 600 utterances
    of each corpus. `embedding_phones_percent` is how often the shares of phones, predicted from the
    embeddings, tell apart two chunks of 2 s of one speaker (50: no phone content), from at most
    2500. Raises DataError for corpora with different phones and a layer that does not exist.
    """
    if not train.phones or train.phones != test.phones:
        raise DataError(test.where, f"{len(test.phones)} phones", f"the {len(train.phones)} phones")
    return {
        "phone_probe_percent": 100.0 * _frame_accuracy(encoder, (train, test), layer, precision),
        "embedding_phones_percent": 100.0 * _chunks_told_apart(encoder, (train, test), precision),
    }


def _frame_accuracy(
    encoder: SpeakerEncoder, corpora: tuple[Corpus, Corpus], layer: str, precision: str
) -> float:
    """Accuracy on the spoken frames of the second corpus."""
    waveforms: list[np.ndarray] = []
    instants, trained = [], 0
    for corpus in corpora:
        trained = len(waveforms)
        for number, (utterance, waveform) in enumerate(readable(_aligned(corpus, FRAMES_OF))):
            start = _chunks(utterance)[0]
            samples, phones = phone_instants(utterance, 2 * INSTANTS, number)
            inside = np.flatnonzero((samples >= start) & (samples < start + CHUNK))[:INSTANTS]
            waveforms.append(waveform[start : start + CHUNK])
            instants.append((samples[inside] - start, phones[inside]))
    outputs = layer_outputs(encoder, waveforms, [samples for samples, _ in instants], precision)
    if layer not in outputs.frames:
        raise DataError(f"layer {layer}", "no such layer", " or ".join(outputs.frames))
    frames_trained = sum(len(samples) for samples, _ in instants[:trained])
    phones = np.concatenate([phones for _, phones in instants])
    return _accuracy(outputs.frames[layer], phones, frames_trained)


def _chunks_told_apart(
    encoder: SpeakerEncoder, corpora: tuple[Corpus, Corpus], precision: str
) -> float:
    """Share of the pairs of chunks of one speaker, in the second corpus, whose predicted and true
    shares of phones differ in the same direction."""
    waveforms: list[np.ndarray] = []
    shares, speakers, trained = [], [], 0
    for corpus in corpora:
        trained = len(waveforms)
        for utterance, waveform in readable(_aligned(corpus, SHARES_OF)):
            if utterance.samples < CHUNK:
                continue  # its padding would tell it apart
            for start in _chunks(utterance):
                waveforms.append(waveform[start : start + CHUNK])
                shares.append(_shares(utterance, start, len(corpus.phones)))
                speakers.append(utterance.speaker)
    person = np.array(speakers)
    first, second = np.triu_indices(len(waveforms) - trained, 1)
    own = person[trained:][first] == person[trained:][second]
    if trained < 2 or not own.any():
        raise DataError(
            corpora[1].where, "no two chunks of 2 s of one speaker", "longer recordings"
        )
    first, second = first[own], second[own]
    wanted = np.stack(shares)
    fold = Fold(
        np.arange(trained),
        np.arange(trained, len(waveforms)),
        np.unique(person[:trained], return_inverse=True)[1],
    )
    vectors = tensor(embeddings_of(encoder, waveforms, precision))
    answers = Spectrum.of(vectors, fold).ridge(tensor(wanted[:trained]))[1].numpy()
    true = wanted[trained:][first] - wanted[trained:][second]
    agree = (true * (answers[first] - answers[second])).sum(axis=1)
    return float((agree > 0).mean())


def _aligned(corpus: Corpus, limit: int) -> list[Utterance]:
    """The aligned ones of at most `limit` utterances."""
    found = [
        utterance
        for utterance in spread(corpus, limit)
        if utterance.phones is not None and (utterance.phones.phones > 0).any()
    ]
    if not found:
        raise DataError(corpus.where, "no aligned utterance", "at least one")
    return found


def _chunks(utterance: Utterance) -> list[int]:
    """The starts of consecutive chunks from the first phone to the last; at least one."""
    assert utterance.phones is not None
    spoken = np.flatnonzero(utterance.phones.phones > 0)
    begins = int(utterance.phones.ends[spoken[0] - 1]) if spoken[0] else 0
    ends = int(utterance.phones.ends[spoken[-1]])
    first = max(0, min(begins, utterance.samples - CHUNK))
    return [first, *range(first + CHUNK, min(ends, utterance.samples) - CHUNK + 1, CHUNK)]


def _shares(utterance: Utterance, start: int, count: int) -> np.ndarray:
    """The share of each phone in the speech of the chunk, `(count,)`."""
    assert utterance.phones is not None
    part = utterance.phones.part(1.0, start, min(CHUNK, utterance.samples - start))
    durations = np.diff(part.ends, prepend=0)
    spoken = part.phones > 0
    shares = np.zeros(count)
    np.add.at(shares, part.phones[spoken], durations[spoken])
    total: np.ndarray = shares / max(shares.sum(), 1.0)
    return total


def _accuracy(vectors: np.ndarray, phones: np.ndarray, trained: int) -> float:
    """Accuracy on the items from `trained` on of a logistic regression on those before."""
    x = torch.from_numpy(vectors)
    x = (x - x[:trained].mean(dim=0)) / x[:trained].std(dim=0).clamp(min=1e-6)
    y = torch.from_numpy(phones)
    weight = torch.zeros(x.shape[1], int(y.max()) + 1, requires_grad=True)
    bias = torch.zeros(weight.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(x[:trained] @ weight + bias, y[:trained])
        loss = loss + 1e-4 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        answers = (x[trained:] @ weight + bias).argmax(dim=1)
    return float((answers == y[trained:]).float().mean())
