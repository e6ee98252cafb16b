"""The questions of probes, their answers, and the modified recordings that some of them need."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.probing.linear import Kind
from analysis.probing.pitch import pitch_statistics
from joint.data.corpus import Utterance
from joint.data.phones import UNKNOWN
from joint.data.scenes.augmentation import coloured_noise, own_channel, room_responses
from joint.data.scenes.rendering import gain_for_snr
from joint.units import SAMPLE_RATE, Samples

PLAIN, CHANGED, SWAPPED = "plain", "changed", "swapped"
"""The recording itself, with noise, room or channel, and in two halves, as they are or swapped."""
WORDS = 20
"""Words of the question of word presence: the most frequent that are in 2 to 50 % of recordings."""
CHANGES = ("none", "noise", "room", "channel")
FADE: Samples = SAMPLE_RATE // 100


@dataclass(frozen=True)
class Target:
    """A question and its answers: `values (n, c)`, one-hot classes, zeros and ones, or numbers, for
    the recordings `rows` in a `version`. Test and training items have different `folds` (speaker,
    text), by the first of which folds are made; with `of_speaker` an answer belongs to a speaker,
    not to a recording."""

    name: str
    kind: Kind
    values: np.ndarray
    rows: np.ndarray
    version: str = PLAIN
    folds: tuple[str, ...] = ("speaker",)
    of_speaker: bool = False


def one_hot(labels: Sequence[str]) -> np.ndarray:
    """`(n, classes)`, classes in alphabetical order."""
    names, place = np.unique(np.asarray(labels), return_inverse=True)
    return np.eye(len(names))[place]


def targets_of(
    utterances: Sequence[Utterance], waveforms: Sequence[np.ndarray], inventory: Sequence[str]
) -> tuple[list[Target], dict[str, str]]:
    """The questions that these recordings can answer, and the reason for every other."""
    found: list[Target] = []
    missing: dict[str, str] = {}
    everything = np.arange(len(utterances))
    found.append(
        Target(
            "speaker",
            "classes",
            one_hot([u.speaker for u in utterances]),
            everything,
            folds=("text",),
        )
    )
    for name, label in (("gender", "gender"), ("age group", "age_group")):
        labels = [getattr(u, label) for u in utterances]
        rows = np.array([i for i, value in enumerate(labels) if value is not None], dtype=int)
        if len({labels[i] for i in rows}) < 2:
            missing[name] = "fewer than two classes"
            continue
        values = one_hot([labels[i] for i in rows])
        found.append(Target(name, "classes", values, rows, of_speaker=True))
    seconds = np.array([len(w) / SAMPLE_RATE for w in waveforms])
    found.append(Target("duration", "numbers", np.log(seconds)[:, None], everything))
    found += _spoken(utterances, inventory, missing)
    found += _lexical(utterances, missing)
    found += _of_the_voice(waveforms, missing)
    values = one_hot([CHANGES[i % len(CHANGES)] for i in everything])
    found.append(Target("channel and noise", "classes", values, everything, CHANGED))
    parts = [i for i, u in enumerate(utterances) if u.words is not None and len(u.words) > 1]
    if parts:
        rows = np.array(parts)
        both = np.concatenate([rows, rows + len(utterances)])
        answer = one_hot(["original"] * len(rows) + ["swapped"] * len(rows))
        found.append(Target("word order", "classes", answer, both, SWAPPED, ("speaker", "text")))
    return found, missing


def _spoken(
    utterances: Sequence[Utterance], inventory: Sequence[str], missing: dict[str, str]
) -> list[Target]:
    """Speaking rate and bag of phones of the aligned recordings."""
    rows = np.array([i for i, u in enumerate(utterances) if u.phones is not None], dtype=int)
    if not len(rows):
        missing["speaking rate"] = missing["bag of phones"] = "no phones: see 'joint align'"
        return []
    rates, shares = np.zeros((len(rows), 1)), np.zeros((len(rows), len(inventory)))
    for row, i in enumerate(rows):
        intervals = utterances[i].phones
        assert intervals is not None
        lengths = np.diff(intervals.ends, prepend=0)
        spoken = intervals.phones > 0
        rates[row] = spoken.sum() / max(lengths[spoken].sum() / SAMPLE_RATE, 0.1)
        np.add.at(shares[row], intervals.phones[spoken], lengths[spoken])
    shares /= shares.sum(axis=1, keepdims=True).clip(min=1.0)
    often = (shares > 0).mean(axis=0) > 0.02
    return [
        Target("speaking rate", "numbers", rates, rows),
        Target("bag of phones", "numbers", shares[:, often], rows, folds=("speaker", "text")),
    ]


def _lexical(utterances: Sequence[Utterance], missing: dict[str, str]) -> list[Target]:
    """The presence of each of the most frequent words."""
    bags = [set(u.text.lower().split()) for u in utterances]
    counts: dict[str, int] = {}
    for word in sorted(word for bag in bags for word in bag):
        counts[word] = counts.get(word, 0) + 1
    low, high = 0.02 * len(bags), 0.5 * len(bags)
    chosen = [w for w in sorted(counts, key=lambda w: -counts[w]) if low <= counts[w] <= high]
    if not chosen:
        missing["word presence"] = "no word in 2 to 50 % of the recordings"
        return []
    values = np.array([[float(word in bag) for word in chosen[:WORDS]] for bag in bags])
    folds = ("speaker", "text")
    return [Target("word presence", "presence", values, np.arange(len(bags)), folds=folds)]


def _of_the_voice(waveforms: Sequence[np.ndarray], missing: dict[str, str]) -> list[Target]:
    """Level and pitch."""
    everything = np.arange(len(waveforms))
    level = np.array([10.0 * np.log10(np.mean(w.astype(float) ** 2) + 1e-12) for w in waveforms])
    found = [Target("level", "numbers", level[:, None], everything)]
    try:
        pitch = np.array([pitch_statistics(w) for w in waveforms])
    except ImportError:
        missing["pitch"] = "no package parselmouth: pip install 'joint-speaker[analysis]'"
        return found
    voiced = np.flatnonzero(np.isfinite(pitch).all(axis=1))
    for column, name in enumerate(("pitch", "pitch range")):
        found.append(Target(name, "numbers", pitch[voiced, column : column + 1], voiced))
    return found


def changed(waveform: np.ndarray, number: int) -> np.ndarray:
    """The recording under one of four conditions in turn, by its `number`: unchanged, with noise at
    an SNR of 10 dB, in a room, or through a channel."""
    condition = CHANGES[number % len(CHANGES)]
    if condition == "noise":
        noise = coloured_noise(number, len(waveform), -3.0)
        return (waveform + noise * gain_for_snr(waveform, noise, 10.0)).astype(np.float32)
    if condition == "room":
        response = room_responses(number % 64, 0.4, 1)[0]
        return np.convolve(waveform, response)[: len(waveform)].astype(np.float32)
    return own_channel(waveform) if condition == "channel" else waveform


def halves(utterance: Utterance, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The recording from the first word to the last, and the same with its halves swapped at the
    word boundary nearest to the middle; both fade at the edges of both halves, so that the fades
    do not tell which is which."""
    words = utterance.words
    assert words is not None and len(words) > 1
    start, end = words[0].start, min(words[-1].end, len(waveform))
    middle = (start + end) // 2
    cut = min((w.start for w in words[1:]), key=lambda sample: abs(sample - middle))
    first, second = _faded(waveform[start:cut]), _faded(waveform[cut:end])
    return np.concatenate([first, second]), np.concatenate([second, first])


def _faded(part: np.ndarray) -> np.ndarray:
    """With a fade at both ends, so that the joint does not click."""
    length = min(FADE, len(part) // 2)
    ramp = np.ones(len(part), dtype=np.float32)
    ramp[:length] = np.linspace(0.0, 1.0, length)
    ramp[len(part) - length :] = np.linspace(1.0, 0.0, length)
    return part * ramp


def phone_instants(utterance: Utterance, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` random samples inside known phones, and these phones; none without an alignment."""
    intervals = utterance.phones
    nothing = np.zeros(0, dtype=np.int64)
    if intervals is None or not (intervals.phones > 0).any():
        return nothing, nothing
    rng = np.random.default_rng((seed, 7))
    samples = np.sort(rng.integers(0, intervals.ends[-1], 4 * count))
    phones = intervals.phones[np.searchsorted(intervals.ends, samples, side="right")]
    spoken = np.flatnonzero((phones > 0) & (phones != UNKNOWN))
    kept = np.sort(rng.permutation(spoken)[:count])
    return samples[kept], phones[kept].astype(np.int64)
