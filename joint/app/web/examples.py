"""Example recordings of the page: real speech of the corpus that comes with the package."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import recipes.speechocean762
from joint.audio import read_audio, write_audio

CORPUS = Path(recipes.speechocean762.__path__[0]) / "embedded" / "WAVE"
MAN, BOY = "1029", "1419"
"""Two of the speakers with whom no checkpoint of this project was trained."""

SENTENCES = {MAN: ("0236", "0276", "0096"), BOY: ("0172", "0108", "0025")}
TARGET_OVER_INTERFERER_DB = -0.72
"""As in `mix0006` of the corpus's list of mixtures."""


@dataclass(frozen=True)
class Examples:
    """Pairs of one person and of two, a mixture with its enrolment and reference, and a talk in
    which two people take turns."""

    same: tuple[Path, Path]
    different: tuple[Path, Path]
    mixture: Path
    target: Path
    reference: Path
    conversation: Path


def write_examples(folder: Path) -> Examples:
    """The examples, written into `folder`."""
    folder.mkdir()
    man, boy = (_sentences(speaker, name, folder) for speaker, name in ((MAN, "man"), (BOY, "boy")))
    target, interferer = read_audio(man[0]), read_audio(boy[0])
    size = min(len(target), len(interferer))
    target, interferer = target[:size], interferer[:size]
    power = np.mean(target**2) / np.mean(interferer**2)
    gain = np.sqrt(power / 10 ** (TARGET_OVER_INTERFERER_DB / 10))
    mixed = target + gain * interferer
    turns = [read_audio(path) for pair in zip(man, boy, strict=True) for path in pair]
    made = {
        "mixture": mixed / max(1.0, float(np.abs(mixed).max())),
        "reference": target,
        "conversation": np.concatenate(turns),
    }
    for name, waveform in made.items():
        write_audio(folder / f"{name}.wav", waveform)
    places = {name: folder / f"{name}.wav" for name in made}
    return Examples(same=(man[0], man[1]), different=(man[2], boy[2]), target=man[1], **places)


def _sentences(speaker: str, name: str, folder: Path) -> list[Path]:
    """Copies of a speaker's sentences, under a name that says who it is."""
    copies = []
    for number, sentence in enumerate(SENTENCES[speaker], start=1):
        source = CORPUS / f"SPEAKER{speaker}" / f"0{speaker}{sentence}.ogg"
        copies.append(Path(shutil.copyfile(source, folder / f"{name}_{number}.ogg")))
    return copies
