"""Ten million trials: normalised scores from a list, and the figures from the scores."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np

from tasks.verification.backends.normalization import cohort_statistics, normalize
from tasks.verification.backends.scoring import Backend, score_trials
from tasks.verification.trials import Trials
from tests.benchmarks.peers import wespeaker_score_norm
from tests.benchmarks.settings import Settings
from tests.benchmarks.timing import Contestant, Line, race

TRIALS, UTTERANCES, SPEAKERS, DIMENSION, TOP = 10_000_000, 20_000, 6_000, 192, 300

FIGURES = """
import sys, time
import numpy as np
from joint.metrics.detection import error_rates
scores, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
begin = time.perf_counter()
rates = error_rates(scores, labels)
rates.eer(), rates.min_dcf(0.01), rates.min_dcf(0.05)
seconds = time.perf_counter() - begin
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1e6)
"""


def figures(settings: Settings) -> list[Line]:
    """EER and two minDCFs, in a process of its own: its memory is on record with all it imports."""
    rng = np.random.default_rng(0)
    labels = rng.random(settings.some(TRIALS)) < 0.05
    scores = (rng.normal(size=len(labels)) + 2.5 * labels).astype(np.float32)
    files = [settings.scratch / "scores.npy", settings.scratch / "labels.npy"]
    np.save(files[0], scores)
    np.save(files[1], labels)
    found = []
    for _ in range(settings.repeats):
        command = [sys.executable, "-c", FIGURES, *map(str, files)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append([float(word) for word in done.stdout.split()])
    seconds, gigabytes = zip(*found, strict=True)
    what = f"EER and minDCF of {len(labels):,} trials"
    return [Line(what, "ours", seconds, "s"), Line(what, "ours, memory", gigabytes, "GB")]


def as_norm(settings: Settings) -> list[Line]:
    """AS-norm from a list of trials on disk, against 6,000 speakers, to scores on disk."""
    folder, count = settings.scratch / "as-norm", settings.some(TRIALS)
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(settings.some(UTTERANCES), DIMENSION)).astype(np.float32)
    cohort = rng.normal(size=(SPEAKERS, DIMENSION)).astype(np.float32)
    pairs = rng.integers(len(embeddings), size=(count, 2))
    names = [f"id{i // 20:05d}/clip{i:07d}.wav" for i in range(len(embeddings))]
    listed = folder / "trials"
    with listed.open("w") as file:
        file.writelines(
            f"{t % 20 == 0:d} {names[a]} {names[b]}\n" for t, (a, b) in enumerate(pairs)
        )
    rows = {name: row for row, name in enumerate(names)}
    rest = embeddings, cohort, folder / "scores.npy"

    def from_list() -> np.ndarray:
        return normalized(*Trials.load(listed).positions(rows), *rest)

    contestants = [
        Contestant("ours, from the list", from_list, count / 1e6),
        Contestant("ours, from positions", partial(normalized, *pairs.T, *rest), count / 1e6),
    ]
    if settings.wespeaker:
        peer = wespeaker_score_norm(settings.wespeaker, folder, names, embeddings, cohort, pairs)
        contestants.append(Contestant("WeSpeaker's score_norm.py", peer, count / 1e6))
    return race(f"AS-norm, {count:,} trials", contestants, "million trials/s", settings.repeats)


def normalized(
    first: np.ndarray, second: np.ndarray, embeddings: np.ndarray, cohort: np.ndarray, output: Path
) -> np.ndarray:
    """Cosine scores of rows `first` and `second`, normalised, also written to `output`."""
    backend = Backend()
    raw = score_trials(backend, embeddings, first, second)
    statistics = cohort_statistics(backend, embeddings, cohort, TOP)
    scores = normalize(raw, statistics, first, second)
    np.save(output, scores)
    return scores
