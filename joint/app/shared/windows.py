"""VBx for a loaded model: what it has to know of windows, from people who are told apart."""

from functools import partial

import numpy as np

from joint.conversation.clustering import Cluster, Embed
from joint.conversation.vbx import Vbx
from joint.data.corpus import Corpus, readable
from joint.directions import unit
from joint.inspection.speech import Region
from joint.training.progress import shown
from tasks.diarization.windows import windows
from tasks.verification.backends.plda import Plda

PER_UTTERANCE, PER_SPEAKER = 3, 24
"""Windows that the model is fitted on, at most."""
MARGIN = 0.1
"""The clustering that VBx begins with is that much finer than a threshold for speakers asks for."""
AT_ONCE = 128


def vbx_of(embed: Embed, corpus: Corpus, threshold: float, progress: bool = False) -> Cluster:
    """VBx on unit embeddings, its PLDA fitted on windows of the corpus's speakers; `threshold` is
    the least mean cosine of one speaker's windows.

    Factors and margin were chosen on conversations of held-out speakers; see
    docs/results/diarization.md. Raises DataError for fewer than two speakers.
    """
    embeddings, speakers = labelled_windows(embed, corpus, progress)
    model = Plda().fit(embeddings, speakers)
    cluster = Vbx(
        model.mean,
        model.between,
        model.within,
        threshold + MARGIN,
        acoustic=0.3,
        speaker=8.0,
        loop=0.9,
    )
    return partial(_of_units, cluster)


def labelled_windows(
    embed: Embed, corpus: Corpus, progress: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings `(n, E)` of windows of the corpus, as many of each speaker where there are,
    and their speakers `(n,)`."""
    parts: list[np.ndarray] = []
    speakers: list[int] = []
    draw = np.random.default_rng(0)
    for speaker, own in enumerate(shown(corpus.of_speaker, "windows of speakers", progress)):
        found: list[np.ndarray] = []
        drawn = (corpus.utterances[i] for i in draw.permutation(own))
        for _, waveform in readable(drawn):
            some = windows([Region(0, len(waveform))], len(waveform))[:PER_UTTERANCE]
            found += [waveform[w.input.start : w.input.end] for w in some]
            if len(found) >= PER_SPEAKER:
                break
        parts += found[:PER_SPEAKER]
        speakers += [speaker] * len(found[:PER_SPEAKER])
    starts = shown(range(0, len(parts), AT_ONCE), "embedding", progress)
    return unit(np.concatenate([embed(parts[n : n + AT_ONCE]) for n in starts])), np.array(speakers)


def _of_units(cluster: Vbx, embeddings: np.ndarray, speakers: int | None) -> np.ndarray:
    return cluster(unit(embeddings), speakers)
