"""Tiny corpora of real speech in exactly the layouts in which four large ones are published."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from support import ROOT

from joint.audio import read_audio
from joint.data.corpus import Utterance
from joint.data.opening import open_corpus

EMBEDDED = ROOT / "recipes" / "speechocean762" / "embedded"


def people(split: str, count: int, each: int) -> list[list[Utterance]]:
    """`each` utterances of `count` speakers of the embedded corpus."""
    own: dict[str, list[Utterance]] = {}
    for utterance in open_corpus(EMBEDDED / split).utterances:
        own.setdefault(utterance.speaker, []).append(utterance)
    return [own[speaker][:each] for speaker in sorted(own)[:count]]


def save(path: Path, utterance: Utterance) -> None:
    """Write an utterance in the format of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, read_audio(utterance.path)[:24_000], 16_000)


def clips(
    tree: Path, names: list[str], speakers: list[list[Utterance]], ending: str = ".wav"
) -> None:
    """`SPEAKER/VIDEO/0000N.wav`, two utterances a video."""
    for name, utterances in zip(names, speakers, strict=True):
        for n, utterance in enumerate(utterances):
            save(tree / name / f"vid_-{n // 2}" / f"{n % 2 + 1:05d}{ending}", utterance)


def pairs(ids: dict[str, list[str]]) -> Iterator[tuple[int, str, str]]:
    """Neighbouring utterances of each speaker, and one of each against the next speaker's."""
    names = sorted(ids)
    for n, name in enumerate(names):
        own, others = ids[name], ids[names[(n + 1) % len(names)]]
        yield 1, own[0], own[1]
        yield 0, own[0], others[0]


def voxceleb(root: Path) -> Path:
    """Six speakers of VoxCeleb2 (WAV in `dev/aac`), three of VoxCeleb1 dev and two of its test."""
    second = [f"id{n:05d}" for n in (12, 15, 16, 18, 19, 20)]
    clips(root / "voxceleb2" / "dev" / "aac", second, people("train", 6, 4))
    dev, test = ["id10001", "id10002", "id11251"], ["id10270", "id10309"]
    clips(root / "voxceleb1" / "dev" / "wav", dev, people("test", 3, 4))
    clips(root / "voxceleb1" / "test" / "wav", test, people("test", 5, 4)[3:])
    (root / "vox1_meta.csv").write_text(
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
        + "".join(f"{s}\tA_B\tf\tUK\tdev\n" for s in dev)
        + "".join(f"{s}\tE_B\tm\tUSA\ttest\n" for s in test)
    )
    (root / "vox2_meta.csv").write_text(
        "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \n"
        + "".join(f"{s} ,n000012 ,m ,{'test' if s == 'id00020' else 'dev'} \n" for s in second)
    )
    lists = (("veri_test2", test), ("list_test_all2", dev + test), ("list_test_hard2", dev + test))
    for name, speakers in lists:
        listed = {s: [f"{s}/vid_-0/00001.wav", f"{s}/vid_-1/00002.wav"] for s in speakers}
        lines = [f"{label} {a} {b}\n" for label, a, b in pairs(listed)]
        (root / f"{name}.txt").write_text("".join(lines))
    return root


def cnceleb(root: Path) -> Path:
    """Three dev and two eval speakers of CN-Celeb1, two of CN-Celeb2, in FLAC."""
    first, second = root / "CN-Celeb_flac", root / "CN-Celeb2_flac"
    genres = ("singing", "live_broadcast")
    train = people("train", 5, 4)
    parts = ((first, ["id00000", "id00001", "id00002"]), (second, ["id10000", "id11999"]))
    for part, names in parts:
        for name in names:
            for n, utterance in enumerate(train.pop()):
                save(part / "data" / name / f"{genres[n % 2]}-01-{n:03d}.flac", utterance)
    (first / "dev").mkdir()
    (first / "dev" / "dev.lst").write_text("id00000\nid00001\nid00002\n")
    (second / "spk.lst").write_text("id10000\nid11999\n")
    lists, lines = first / "eval" / "lists", []
    lists.mkdir(parents=True)
    names = ["id00800", "id00999"]
    for name, utterances in zip(names, people("test", 2, 3), strict=True):
        enrolled = first / "eval" / "enroll" / f"{name}-enroll.flac"
        enrolled.parent.mkdir(exist_ok=True)
        joined = np.concatenate([read_audio(u.path) for u in utterances[:2]])
        soundfile.write(enrolled, joined, 16_000)
        save(first / "eval" / "test" / f"{name}-singing-01-005.flac", utterances[2])
        save(first / "data" / name / "singing-01-005.flac", utterances[2])
        lines += [f"{m}-enroll test/{name}-singing-01-005.wav {int(m == name)}\n" for m in names]
    (lists / "trials.lst").write_text("".join(lines))
    (lists / "enroll.lst").write_text("".join(f"{m}-enroll enroll/{m}-enroll.wav\n" for m in names))
    return root


def threedspeaker(root: Path) -> Path:
    """Four speakers to train on and two to test, on two devices and the one that is left out."""
    files = root / "files"
    files.mkdir(parents=True)
    for split, count, first in (("train", 4, 1), ("test", 2, 6154)):
        paths, speakers, ids = [], [], {}
        for n, utterances in enumerate(people(split, count, 3)):
            speaker = f"3D_SPK_{first + n:05d}"
            for k, utterance in enumerate(utterances):
                device = ("Device01", "Device03", "Device09")[k]
                name = f"{speaker}_{k:03d}_{device}_Distance0{k}_Dialect00"
                save(root / split / speaker / f"{name}.wav", utterance)
                paths.append(f"{name} {split}/{speaker}/{name}.wav\n")
                speakers.append(f"{name} {speaker}\n")
                ids.setdefault(speaker, []).append(name)
        (files / f"{split}_wav.scp").write_text("".join(paths))
        (files / f"{split}_utt2spk").write_text("".join(speakers))
    labels = ("nontarget", "target")
    lines = "".join(f"{a} {b} {labels[label]}\n" for label, a, b in pairs(ids))
    for name in ("device", "distance", "dialect"):
        (files / f"trials_cross_{name}").write_text(lines)
    return root


def voxblink(root: Path) -> Path:
    """Four speakers as VoxBlink's cropper leaves them, with its resource files."""
    names = [f"id{n:05d}" for n in range(4)]
    clips(root / "data" / "audio", names, people("train", 4, 4))
    (root / "resource").mkdir()
    listed = [f"{s}-vid_-{v}-{n:05d}" for s in names[:3] for v in (0, 1) for n in (1, 2)]
    (root / "resource" / "utt_clean").write_text("\n".join([*listed, "id00077-gone-00000"]) + "\n")
    (root / "resource" / "spk2gender").write_text("id00000 male\nid00001,f\nid00002 unknown\n")
    return root
