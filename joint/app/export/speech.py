"""Real speech that comes with the package: exports are checked and calibrated with it."""

from pathlib import Path

import numpy as np

import recipes.speechocean762 as recipe
from joint.audio import read_audio
from joint.data.prepare.tables import read_table, read_wav_scp

FOLDER = Path(recipe.__file__).with_name("embedded") / "test"
"""Twelve speakers whom no recipe trains on; `trials` are pairs of their recordings."""

TRIALS = FOLDER / "trials"
PEOPLE = 8


def held_out() -> dict[str, Path]:
    """The recordings of the held-out speakers by their names."""
    return read_wav_scp(FOLDER / "wav.scp")


def some_speech() -> list[np.ndarray]:
    """A recording `(S,)` of each of eight held-out speakers."""
    first: dict[str, str] = {}
    for name, speaker in read_table(FOLDER / "utt2spk").items():
        first.setdefault(speaker, name)
    recordings = held_out()
    return [read_audio(recordings[name]) for name in list(first.values())[:PEOPLE]]
