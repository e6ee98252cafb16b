"""Tiny LibriSpeech, LibriSpeechMix and LibriMix of real speech, in exactly their layouts."""

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
from layouts import people
from scipy.signal import resample_poly

from joint.audio import read_audio
from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from tasks.recognition.conversations.lists import Conversations

RATE = 16_000
PARTS = {"train-clean-100": (19, 26, 27), "dev-clean": (84, 174), "test-clean": (61, 121, 237)}
"""Speakers of every part; each has two utterances in chapter 198 and one in 209."""


def librispeech(root: Path) -> Path:
    """Three speakers to train on, two of dev-clean and three of test-clean, in FLAC."""
    everybody = [*people("train", 5, 3), *people("test", 3, 3)]
    table = [";ID |SEX| SUBSET          |MINUTES| NAME\n"]
    for part, speakers in PARTS.items():
        for speaker in speakers:
            own = everybody.pop(0)
            for n, utterance in enumerate(own):
                chapter, number = ((198, 0), (198, 1), (209, 0))[n]
                _say(root / part / str(speaker) / str(chapter), f"{number:04d}", utterance, n)
            table.append(f"{speaker:<5}| {'FM'[own[0].gender == 'm']} | {part:<16} | 25.03 | X Y\n")
    (root / "SPEAKERS.TXT").write_text("".join(table))
    return root


def _say(folder: Path, number: str, utterance: Utterance, n: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{folder.parent.name}-{folder.name}"
    length = 16_000 + 4_000 * n + 10 * int(folder.parent.name)  # no two speakers' are alike
    waveform = read_audio(utterance.path)[:length]
    soundfile.write(folder / f"{name}-{number}.flac", waveform, RATE)
    with (folder / f"{name}.trans.txt").open("a") as file:
        file.write(f"{name}-{number} {utterance.text}\n")


def flac(root: Path, name: str) -> Path:
    speaker, chapter, _ = name.split("-")
    return next(root.glob(f"*/{speaker}/{chapter}/{name}.flac"))


def text(root: Path, name: str) -> str:
    lines = next(flac(root, name).parent.glob("*.trans.txt")).read_text().splitlines()
    return next(line.split(maxsplit=1)[1] for line in lines if line.startswith(name))


def listed(
    root: Path, part: str, number: int, names: tuple[str, ...], delays: tuple[float, ...]
) -> dict:
    """A line of LibriSpeechMix with the fields that it is published with."""
    wavs = {n: str(flac(root, n).relative_to(root).with_suffix(".wav")) for n in names}
    profiles = [[wavs[n].replace(f"{n[:-1]}0.", f"{n[:-1]}1."), wavs[n]] for n in names[::-1]]
    mix = f"{part}-{len(names)}mix"
    return {
        "delays": list(delays),
        "durations": [soundfile.info(flac(root, n)).duration for n in names],
        "genders": ["m"] * len(names),
        "id": f"{mix}/{mix}-{number:04d}",
        "mixed_wav": f"{mix}/{mix}-{number:04d}.wav",
        "speaker_profile": profiles,
        "speaker_profile_index": list(range(len(names)))[::-1],
        "speakers": [n.split("-")[0] for n in names],
        "texts": [text(root, n) for n in names],
        "wavs": list(wavs.values()),
    }


def librispeechmix(folder: Path, root: Path) -> Path:
    """Lists of one, two and three speakers of test-clean, and of two of dev-clean."""
    rows = (
        ("test-clean", ("61-198-0000",), (0.0,)),
        ("test-clean", ("61-198-0000", "237-198-0000"), (0.0, 0.60009891)),
        ("test-clean", ("121-198-0000", "61-198-0000"), (0.0, 0.123456789)),
        ("test-clean", ("121-198-0000", "61-198-0000", "237-198-0000"), (0.0, 0.25, 0.7999999)),
        ("dev-clean", ("84-198-0000", "174-198-0000"), (0.0, 0.5)),
    )
    (folder / "list").mkdir(parents=True)
    for number, (part, names, delays) in enumerate(rows):
        path = folder / "list" / f"{part}-{len(names)}mix.jsonl"
        with path.open("a") as file:
            file.write(json.dumps(listed(root, part, number, names, delays)) + "\n")
    return folder


MIXTURES = {
    2: {
        "dev": (("84-198-0001", "174-209-0000"),),
        "test": (("61-198-0000", "121-209-0000"), ("237-198-0001", "61-209-0000")),
    },
    3: {"test": (("61-198-0000", "121-209-0000", "237-198-0001"),)},
}
GAINS = (0.7875413348848695, 1.4352834120507272, 0.5852776763488975)


def librimix(
    root: Path, corpus: Path, modes: tuple[str, ...] = ("min", "max"), rate: int = RATE
) -> Path:
    """Libri2Mix and Libri3Mix as their scripts generate them from clean speech."""
    for speakers, mode in product(MIXTURES, modes):
        for split, mixtures in MIXTURES[speakers].items():
            base = root / f"Libri{speakers}Mix" / f"wav{rate // 1000}k" / mode
            rows = []
            for names in mixtures:
                mix_id = "_".join(names)
                waveforms = [resample_poly(read_audio(flac(corpus, n)), rate, RATE) for n in names]
                end = {"min": min, "max": max}[mode](map(len, waveforms))
                scaled = [
                    np.pad(g * w[:end], (0, end - len(w[:end])))
                    for g, w in zip(GAINS, waveforms, strict=False)
                ]
                signals = {f"s{n + 1}": s for n, s in enumerate(scaled)} | {
                    "mix_clean": sum(scaled)
                }
                for name, signal in signals.items():
                    path = base / split / name / f"{mix_id}.wav"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    soundfile.write(path, signal, rate)
                rows.append([mix_id, mix_id, *(f"/old/machine/{n}" for n in signals), end])
            header = ["mixture_ID", "original_mixture_ID"]
            header += [f"source_{n + 1}_path" for n in range(speakers)] + ["mixture_path", "length"]
            path = base / "metadata" / f"mixture_{split}_mix_clean.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([header, *rows])
    return root


def librimix_metadata(root: Path, corpus: Path) -> Path:
    """The published metadata that the scripts generate Libri2Mix from."""
    for split, mixtures in MIXTURES[2].items():
        path = root / "metadata" / "Libri2Mix" / f"libri2mix_{split}-clean.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = "mixture_ID,source_1_path,source_1_gain,source_2_path,source_2_gain,noise_path\n"
        lines = [
            f"{a}_{b},{flac(corpus, a).relative_to(corpus)},{GAINS[0]},"
            f"{flac(corpus, b).relative_to(corpus)},{GAINS[1]},tt/x.wav\n"
            for a, b in mixtures
        ]
        path.write_text(header + "".join(lines))
    return root


def conversations(folder: Path, name: str) -> tuple[Conversations, Corpus]:
    """A written list, which its folder must fit."""
    tables = open_corpus(folder)
    found = Conversations.load(folder / name)
    found.check(tables)
    return found, tables
