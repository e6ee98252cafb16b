"""Balanced pairs of a corpus's unknown speakers: a language model's answers beside the cosine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import default_rng
from torch.nn.utils.rnn import pad_sequence

from joint.data.corpus import Corpus, Utterance, readable
from joint.data.grouping import gender_pair, positions_by_group
from joint.data.scenes.augmentation import coloured_noise
from joint.data.scenes.rendering import gain_for_snr
from joint.units import Decibels, Seconds
from tasks.audiolm.figures import by_kind, cosines, of_scores
from tasks.audiolm.pairs import draw_pairs
from tasks.audiolm.queries import Queries, Recordings, about_voices, about_words_too
from tasks.audiolm.task import PairTask

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` to embeddings `(n, E)`."""
PER_SPEAKER = 12
"""Recordings of each speaker that pairs are made of, at most."""
NOISES: tuple[Decibels, ...] = (15.0, 5.0)
"""SNR of the second recording, with noise of a falling spectrum."""
LENGTHS: tuple[Seconds, ...] = (3.0, 6.0)
"""Pairs are put together by the length of their shorter recording."""
COSINE = "cosine"
AT_ONCE = {False: 64, True: 4}
"""Pairs that a model answers at once, of embeddings and of waveforms."""


@dataclass(frozen=True)
class PairSet:
    """Recordings of a corpus as they are, and with noise of each SNR; the pairs of voices, and, of
    the same pairs, text-dependent queries."""

    utterances: list[Utterance]
    plain: Recordings
    noisy: Mapping[Decibels, Recordings]
    voices: Queries
    words: Queries | None


def pair_set(
    embed: Embed,
    corpus: Corpus,
    count: int,
    hard_share: float,
    seed: int,
    noises: Sequence[Decibels] = NOISES,
    with_words: bool = False,
    transcribe: Callable[[np.ndarray], str] | None = None,
) -> PairSet:
    """`count` pairs of a corpus, drawn as `draw_pairs` says.

    `with_words` makes text-dependent queries too; what a recording says is then its text in the
    corpus, or what `transcribe` makes of it. Recordings that cannot be read are left out. Raises
    ConfigError for a corpus without pairs of one speaker, and for one without two texts.
    """
    rng = default_rng(seed)
    chosen = [i for own in corpus.of_speaker for i in rng.permutation(own)[:PER_SPEAKER].tolist()]
    found = list(readable(corpus.utterances[i] for i in sorted(chosen)))
    utterances, waves = [u for u, _ in found], [w for _, w in found]
    recognise = transcribe if with_words else None
    words = tuple(u.text if recognise is None else recognise(w) for u, w in found)
    plain = recordings_of(embed(waves), waves, words)
    noisy = {}
    for snr_db in noises:
        treated = [_noisy(w, snr_db, seed + i) for i, w in enumerate(waves)]
        noisy[snr_db] = recordings_of(embed(treated), treated, words)
    speaker = torch.from_numpy(np.unique([u.speaker for u in utterances], return_inverse=True)[1])
    generator = torch.Generator().manual_seed(seed)
    unit = F.normalize(plain.embedding)
    rows = torch.arange(len(utterances))
    pairs = draw_pairs(unit @ unit.T, speaker, rows, count, hard_share, generator)
    asked = None
    if with_words:  # of the corpus, whatever was recognised
        asked = about_words_too(pairs, tuple(u.text for u in utterances), generator)
    return PairSet(utterances, plain, noisy, about_voices(pairs), asked)


def recordings_of(
    embeddings: np.ndarray, waveforms: Sequence[np.ndarray], words: tuple[str, ...]
) -> Recordings:
    """A table of recordings `(S,)`."""
    padded = pad_sequence([torch.from_numpy(w) for w in waveforms], batch_first=True)
    lengths = torch.tensor([len(w) for w in waveforms])
    return Recordings(torch.from_numpy(embeddings).float(), padded, lengths, words)


def evaluate_answers(task: PairTask, pairs: PairSet, threshold: float | None) -> dict[str, Any]:
    """Accuracy and EER of a task on a set of pairs, and those of the cosine, which accepts above
    `threshold`.

    `by_system` has all pairs; `by_group` genders, lengths, hard pairs and noise, each with
    `accuracy_percent` and `eer_percent` of the answers and `cosine_…` of the cosine. A task that
    asks for words has `by_kind`, the accuracy for each of `KINDS`, in place of groups, and its
    cosine has the part of the queries that voices decide.
    """
    queries = pairs.words if task.text_dependent else pairs.voices
    assert queries is not None
    found = _scores(task, pairs.plain, queries)
    answer, cosine = queries.answer.numpy(), cosines(pairs.plain.embedding, queries)
    figures: dict[str, Any] = {
        "pairs": len(queries),
        "hard_pairs": int(queries.pairs.hard.sum()),
        "by_system": {
            "language model": of_scores(found, answer, 0.0),
            COSINE: of_scores(cosine, queries.pairs.same.numpy(), threshold),
        },
    }
    if queries.kind is not None:
        return figures | by_kind(found, queries)
    groups = {}
    for name, at in _groups(pairs, queries).items():
        groups[name] = _beside(found[at], cosine[at], answer[at], threshold)
    for snr_db, noisy in pairs.noisy.items():
        both = _second_from(pairs.plain, noisy)
        shifted = replace(queries.pairs, second=queries.pairs.second + len(pairs.utterances))
        changed = replace(queries, pairs=shifted)
        scores = _scores(task, both, changed)
        row = _beside(scores, cosines(both.embedding, changed), answer, threshold)
        groups[f"noise {snr_db:g} dB"] = row
    return figures | {"by_group": groups}


def _scores(task: PairTask, recordings: Recordings, queries: Queries) -> np.ndarray:
    weight = next(task.parameters())
    if not task.reads_waveforms:
        recordings = replace(recordings, waveform=None, lengths=None)
    table = replace(recordings, embedding=recordings.embedding.to(weight.device))
    with torch.inference_mode():
        answers = task.answers(table, queries, AT_ONCE[task.reads_waveforms])
    found: np.ndarray = answers.numpy()
    return found


def _beside(
    scores: np.ndarray, cosine: np.ndarray, answer: np.ndarray, threshold: float | None
) -> dict[str, Any]:
    """Figures of the answers, and `cosine_…` of the cosine."""
    plain = of_scores(cosine, answer, threshold)
    own = of_scores(scores, answer, 0.0)
    return {"pairs": len(answer), **own, **{f"cosine_{key}": plain[key] for key in plain}}


def _groups(pairs: PairSet, queries: Queries) -> dict[str, list[int]]:
    """Positions of the pairs of each group; hard pairs stand beside the pairs of one speaker."""
    people = pairs.utterances
    names: list[list[str | None]] = []
    rows = zip(queries.pairs.first.tolist(), queries.pairs.second.tolist(), strict=True)
    for place, (a, b) in enumerate(rows):
        same, hard = bool(queries.pairs.same[place]), bool(queries.pairs.hard[place])
        shorter = min(people[a].seconds, people[b].seconds)
        names.append(
            [
                gender_pair(people[a], people[b]),
                _length_group(shorter),
                "hard pairs" if same or hard else None,
                "other pairs" if not hard else None,
            ]
        )
    return positions_by_group(names)


def _length_group(seconds: Seconds) -> str:
    low, high = LENGTHS
    if seconds < low:
        return f"under {low:g} s"
    return f"{low:g} to {high:g} s" if seconds < high else f"over {high:g} s"


def _second_from(plain: Recordings, noisy: Recordings) -> Recordings:
    """Both tables, one behind the other."""
    assert plain.waveform is not None and noisy.waveform is not None
    assert plain.lengths is not None and noisy.lengths is not None
    words = None if plain.words is None or noisy.words is None else plain.words + noisy.words
    return Recordings(
        torch.cat([plain.embedding, noisy.embedding]),
        torch.cat([plain.waveform, noisy.waveform]),
        torch.cat([plain.lengths, noisy.lengths]),
        words,
    )


def _noisy(waveform: np.ndarray, snr_db: Decibels, seed: int) -> np.ndarray:
    noise = coloured_noise(seed, len(waveform), -3.0)
    added = waveform + noise * gain_for_snr(waveform, noise, snr_db)
    return np.asarray(added, dtype=np.float32)
