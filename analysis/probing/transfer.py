"""What is left of the phones: probes that learn on one corpus and answer on another."""

import numpy as np
import torch
import torch.nn.functional as F

from analysis.probing.folds import Fold
from analysis.probing.hearing import embeddings_of, listen
from analysis.probing.probes import Spectrum
from analysis.probing.study import spread
from analysis.probing.table import tensor
from analysis.probing.targets import phone_instants
from joint.data.corpus import Corpus, Utterance
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import DataError
from joint.units import SAMPLE_RATE

FRAMES_OF, INSTANTS = 600, 25
"""Utterances whose frames are named, and how many frames of each."""

SHARES_OF = 2500
"""Utterances whose embeddings are asked for phones: there is little in them."""

CHUNK = round(2.0 * SAMPLE_RATE)


def phone_content(
    encoder: SpeakerEncoder, train: Corpus, test: Corpus, layer: str, precision: str = "auto"
) -> dict[str, float]:
    """How much of the phones linear probes find, having learnt on `train`, in `test`:
    `phone_probe_percent` of spoken frames named from `layer`, and `embedding_phones_percent`: of
    two chunks of 2 s of one speaker, how often the phones' shares, read from the embeddings, say
    which chunk is which (50: nothing is left).

    Of each corpus at most 600 utterances are looked at for the first, 2500 for the second. Raises
    DataError where the two corpora do not speak of the same phones, or for a layer that is not
    there.
    """
    if not train.phones or train.phones != test.phones:
        raise DataError(test.where, f"{len(test.phones)} phones", f"the {len(train.phones)} phones")
    return {
        "phone_probe_percent": 100.0 * _frames_named(encoder, (train, test), layer, precision),
        "embedding_phones_percent": 100.0 * _chunks_told_apart(encoder, (train, test), precision),
    }


def _frames_named(
    encoder: SpeakerEncoder, corpora: tuple[Corpus, Corpus], layer: str, precision: str
) -> float:
    """Share of the second corpus's spoken frames whose phone is found in `layer`."""
    waveforms: list[np.ndarray] = []
    instants, learnt = [], 0
    for corpus in corpora:
        learnt = len(waveforms)
        for number, utterance in enumerate(_aligned(corpus, FRAMES_OF)):
            start = _chunks(utterance)[0]
            samples, phones = phone_instants(utterance, 2 * INSTANTS, number)
            inside = np.flatnonzero((samples >= start) & (samples < start + CHUNK))[:INSTANTS]
            waveforms.append(utterance.waveform()[start : start + CHUNK])
            instants.append((samples[inside] - start, phones[inside]))
    heard = listen(encoder, waveforms, [samples for samples, _ in instants], precision)
    if layer not in heard.frames:
        raise DataError(f"layer {layer}", "no such layer", " or ".join(heard.frames))
    frames_learnt = sum(len(samples) for samples, _ in instants[:learnt])
    phones = np.concatenate([phones for _, phones in instants])
    return _named(heard.frames[layer], phones, frames_learnt)


def _chunks_told_apart(
    encoder: SpeakerEncoder, corpora: tuple[Corpus, Corpus], precision: str
) -> float:
    """Share of the pairs of chunks, each of one speaker of the second corpus, that their phones
    tell apart: read and true shares differ in the same direction."""
    waveforms: list[np.ndarray] = []
    shares, speakers, learnt = [], [], 0
    for corpus in corpora:
        learnt = len(waveforms)
        for utterance in _aligned(corpus, SHARES_OF):
            if utterance.samples < CHUNK:
                continue  # its length would tell it apart
            waveform = utterance.waveform()
            for start in _chunks(utterance):
                waveforms.append(waveform[start : start + CHUNK])
                shares.append(_shares(utterance, start, len(corpus.phones)))
                speakers.append(utterance.speaker)
    person = np.array(speakers)
    first, second = np.triu_indices(len(waveforms) - learnt, 1)
    own = person[learnt:][first] == person[learnt:][second]
    if learnt < 2 or not own.any():
        raise DataError(
            corpora[1].where, "no two chunks of 2 s of one speaker", "longer recordings"
        )
    first, second = first[own], second[own]
    wanted = np.stack(shares)
    fold = Fold(
        np.arange(learnt),
        np.arange(learnt, len(waveforms)),
        np.unique(person[:learnt], return_inverse=True)[1],
    )
    vectors = tensor(embeddings_of(encoder, waveforms, precision))
    answers = Spectrum.of(vectors, fold).ridge(tensor(wanted[:learnt]))[1].numpy()
    true = wanted[learnt:][first] - wanted[learnt:][second]
    agree = (true * (answers[first] - answers[second])).sum(axis=1)
    return float((agree > 0).mean())


def _aligned(corpus: Corpus, limit: int) -> list[Utterance]:
    """Those of at most `limit` utterances in which phones are known."""
    found = [
        utterance
        for utterance in spread(corpus, limit)
        if utterance.phones is not None and (utterance.phones.phones > 0).any()
    ]
    if not found:
        raise DataError(corpus.where, "no aligned utterance", "some")
    return found


def _chunks(utterance: Utterance) -> list[int]:
    """Where the chunks begin that follow each other from the first phone to the last; at least
    one."""
    assert utterance.phones is not None
    spoken = np.flatnonzero(utterance.phones.phones > 0)
    begins = int(utterance.phones.ends[spoken[0] - 1]) if spoken[0] else 0
    ends = int(utterance.phones.ends[spoken[-1]])
    first = max(0, min(begins, utterance.samples - CHUNK))
    return [first, *range(first + CHUNK, min(ends, utterance.samples) - CHUNK + 1, CHUNK)]


def _shares(utterance: Utterance, start: int, count: int) -> np.ndarray:
    """Shares of the phones in what is spoken in the chunk, `(count,)`."""
    assert utterance.phones is not None
    part = utterance.phones.part(1.0, start, min(CHUNK, utterance.samples - start))
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
