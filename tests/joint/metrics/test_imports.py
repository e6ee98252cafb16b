"""Measuring imports no slow library before one is used."""

import subprocess
import sys

from support import ROOT

SLOW = ("sklearn", "scipy.stats", "matplotlib", "pystoi", "jiwer", "meeteval")
MODULES = (
    "joint.metrics.detection",
    "joint.metrics.bootstrap",
    "joint.metrics.words",
    "joint.metrics.perceptual",
    "analysis.charts",
    "tasks.verification.evaluate",
    "tasks.extraction.evaluate",
)


def test_slow_libraries_wait() -> None:
    script = f"import sys, {', '.join(MODULES)}; print([m for m in {SLOW} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
