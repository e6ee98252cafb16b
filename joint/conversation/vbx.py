"""VBx: clustering by a hidden Markov model of speakers, whose parameters have distributions."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.special import logsumexp, softmax

from joint.conversation.blockwise import BLOCK, linked
from joint.conversation.linkage import agglomerative, by_appearance, checked_count
from joint.errors import DataError

CERTAIN = 7.0
"""Log odds of a window's first cluster at the beginning."""


@dataclass(frozen=True)
class Vbx:
    """Cluster windows that follow each other by speaker, beginning from a finer clustering.

    Landini, Profant, Diez, Burget, "Bayesian HMM clustering of x-vector sequences (VBx)", Computer
    Speech and Language 2022. In the space where the embeddings of one speaker have unit covariance
    and speakers' means the variances φ (PLDA), a speaker is a state with a Gaussian, whose mean has
    a posterior (eq. 13 to 17); windows stay with their speaker with the probability `loop`.
    Speakers that nobody is left to are gone: the number of speakers falls from that of the first
    clustering.

    Args:
        mean, between, within: A PLDA model of windows, `(E,)`, `(E, E)` and `(E, E)`.
        threshold: The least mean cosine of a cluster at the beginning.
        dimensions: Of the space, those in which speakers differ most.
        acoustic, speaker: The factors F_A and F_B of the likelihood and of the speakers' prior.
        iterations: At most; it ends earlier where the lower bound rises by less than 1e-4.
    """

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray
    threshold: float
    dimensions: int = 128
    acoustic: float = 0.3
    speaker: float = 17.0
    loop: float = 0.9
    iterations: int = 40

    def __call__(self, embeddings: np.ndarray, speakers: int | None = None) -> np.ndarray:
        """See `Cluster`. Where the number of `speakers` is given and fewer are left, the windows
        are divided by average linkage alone. Raises DataError for other dimensions, no embeddings
        and more `speakers` than there are."""
        checked_count(embeddings, speakers)
        # of a long recording in blocks, in memory that does not grow with its square
        link = agglomerative if len(embeddings) <= BLOCK else linked
        first = link(embeddings, speakers, None if speakers else self.threshold)
        if first.max() == 0:
            return first
        found = self.refined(embeddings, first)
        return first if speakers and found.max() + 1 < speakers else found

    def refined(self, embeddings: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The speaker of each window `(n,)`, from that of a `first` clustering `(n,)`."""
        posteriors, _ = self.posteriors(embeddings, first)
        return by_appearance(posteriors.argmax(axis=1))

    def posteriors(
        self, embeddings: np.ndarray, first: np.ndarray
    ) -> tuple[np.ndarray, list[float]]:
        """The probability of each speaker in each window `(n, S)`, and the evidence's lower bound
        after every iteration, which never falls."""
        if embeddings.shape[1] != len(self.mean):
            raise DataError("VBx", f"embeddings of {embeddings.shape[1]}", f"{len(self.mean)}")
        variances, x = self._projected(embeddings)
        states = int(first.max()) + 1
        gamma = softmax(CERTAIN * np.eye(states)[first], axis=1)
        share = np.full(states, 1.0 / states)
        constant = -0.5 * (np.square(x).sum(axis=1, keepdims=True) + x.shape[1] * np.log(2 * np.pi))
        scaled = x * np.sqrt(variances)
        ratio, bounds = self.acoustic / self.speaker, []
        for _ in range(self.iterations):
            spread = 1.0 / (1.0 + ratio * gamma.sum(axis=0)[:, None] * variances)
            centre = ratio * spread * (gamma.T @ scaled)
            fit = scaled @ centre.T - 0.5 * (spread + centre**2) @ variances + constant
            gamma, share, evidence = _walk(self.acoustic * fit, share, self.loop)
            prior = (np.log(spread) - spread - centre**2 + 1.0).sum()
            bounds.append(float(evidence + 0.5 * self.speaker * prior))
            if len(bounds) > 1 and bounds[-1] - bounds[-2] < 1e-4:
                break
        return gamma, bounds

    def _projected(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """φ `(D,)`, falling, and the embeddings `(n, D)` where the covariance within is one."""
        values, vectors = eigh(self.between, self.within)
        kept = np.argsort(-values)[: self.dimensions]
        kept = kept[values[kept] > 1e-6]
        return values[kept], (embeddings - self.mean) @ vectors[:, kept]


def _walk(fit: np.ndarray, share: np.ndarray, loop: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Forward and backward through windows with the log likelihoods `fit (n, S)`.

    Gives the posteriors `(n, S)`, the new shares of the speakers `(S,)`, and the log evidence. From
    any speaker to itself with the probability `loop`, else to one drawn by `share`.
    """
    with np.errstate(divide="ignore"):
        begin, move = np.log(share), np.log1p(-loop) + np.log(share)
    stay = np.log(loop)
    forward, backward = np.empty_like(fit), np.zeros_like(fit)
    forward[0] = begin + fit[0]
    for n in range(1, len(fit)):
        jump = logsumexp(forward[n - 1]) + move
        forward[n] = np.logaddexp(forward[n - 1] + stay, jump) + fit[n]
    for n in range(len(fit) - 2, -1, -1):
        ahead = fit[n + 1] + backward[n + 1]
        backward[n] = np.logaddexp(ahead + stay, logsumexp(ahead + move))
    evidence = float(logsumexp(forward[-1]))
    gamma = np.exp(forward + backward - evidence)
    drawn = gamma[0].copy()  # how often a speaker was drawn, at the beginning and at jumps
    if len(fit) > 1:
        before = logsumexp(forward[:-1], axis=1, keepdims=True)
        drawn += np.exp(before + move + fit[1:] + backward[1:] - evidence).sum(axis=0)
    return gamma, drawn / drawn.sum(), evidence
