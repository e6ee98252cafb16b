"""Meetings laid out as they are published, of noise."""

from pathlib import Path

import numpy as np

from joint.audio import write_audio

TURNS = {"a": (("MEE1", 0.5, 1.5), ("FÉO2", 1.0, 2.0)), "b": (("MEE1", 0.0, 1.0),)}


def rttm(name: str) -> str:
    return "".join(
        f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {who} <NA> <NA>\n"
        for who, start, end in TURNS[name]
    )


def uem(name: str) -> str:
    return f"{name} NA 0.000 2.500\n"


def save(path: Path, content: str | None = None) -> Path:
    """A text, or 3 s of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        noise = np.random.default_rng(0).normal(0, 0.1, 48_000)
        write_audio(path, noise.astype(np.float32))
    else:
        path.write_text(content, encoding="utf-8")
    return path


def one_each(folder: Path) -> Path:
    """A file of turns and one of regions for each recording, in folders of their own."""
    for name in TURNS:
        save(folder / "audio" / f"{name}.wav")
        save(folder / "rttm" / f"{name}.rttm", rttm(name))
        save(folder / "uem" / f"{name}.uem", uem(name))
    return folder


def all_in_one(folder: Path) -> Path:
    """One file of turns and one of regions, all files in one folder."""
    for name in TURNS:
        save(folder / f"{name}.wav")
    save(folder / "all.rttm", "".join(map(rttm, TURNS)))
    save(folder / "all.uem", "".join(map(uem, TURNS)))
    return folder


AMI = """
Protocols:
  AMI:
    SpeakerDiarization:
      words:
        test: {uri: lists/test.lst, annotation: "rttms/{subset}/{uri}.rttm", annotated: "{uri}.uem"}
        train: {uri: lists/train.lst, annotation: "{database}.rttm"}
    SpeakerVerification:
      other: {train: {uri: nowhere.lst}}
Databases:
  AMI: ["elsewhere/{uri}.wav", "amicorpus/{uri}/audio/{uri}.Mix-Headset.wav"]
"""


def ami(folder: Path) -> Path:
    """The layout of pyannote's AMI setup."""
    for name in TURNS:
        save(folder / "amicorpus" / name / "audio" / f"{name}.Mix-Headset.wav")
        save(folder / "amicorpus" / name / "audio" / f"{name}.Array1-01.wav")
    save(folder / "lists" / "test.lst", "b\n")
    save(folder / "rttms" / "test" / "b.rttm", rttm("b"))
    save(folder / "b.uem", uem("b"))
    save(folder / "lists" / "train.lst", "a\n\n")
    save(folder / "AMI.rttm", rttm("a") + rttm("b"))
    return save(folder / "database.yml", AMI)
