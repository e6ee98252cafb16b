"""Trainings with recorded noises and rooms: their recipes, what is refused, and what is listed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import TINY, Refused

from joint.data.recorded.surroundings import Noises, Rooms
from joint.errors import ConfigError
from joint.training import checkpoint
from joint.training.config.schema import load_config, plain
from joint.training.run import train
from joint.units import SAMPLE_RATE

SCENES = "streams.mixtures.scenes"
CACHE = "data.cache=cache"
NOISE = "augmentation.noise=noises"
BAD = {
    "a number": (["augmentation.noise=3"], "augmentation.noise: found 3; expected a folder or URL"),
    "a mapping": (["augmentation.noise={a: b}"], "augmentation.noise: found {'a': 'b'}; expected"),
    "an empty list": (["augmentation.rooms=[]"], "augmentation.rooms: found no corpus"),
    "twice": (
        ["augmentation.rooms=[a,b/../a]"],
        "augmentation.rooms[1]: found b/../a a second time",
    ),
    "an unknown key": (["augmentation.noises=a"], "augmentation.noises: found an unknown key"),
    "no cache": ([NOISE, "data.cache=null"], "data.cache: found none; expected a folder: noise is"),
    "bounds the wrong way round": (
        ["augmentation.music_snr_db=[9,1]"],
        "augmentation.music_snr_db: found [9.0, 1.0]; expected two bounds, the lower one first",
    ),
    "no scenes with noise": (
        [NOISE, f"{SCENES}.noise_probability=0", f"{SCENES}.enrollment_noise_probability=0"],
        "augmentation.noise: found no scenes that have it; expected noise_probability or",
    ),
    "no share": (
        [NOISE, f"{SCENES}.recorded_noise_share=0"],
        "augmentation.noise: found no scenes that have it",
    ),
    "no scenes in rooms": (
        ["augmentation.rooms=rooms"],
        "augmentation.rooms: found no scenes that have it; expected room_probability or",
    ),
    "a share above 1": ([f"{SCENES}.recorded_room_share=2"], "recorded_room_share: found 2"),
}


@pytest.mark.parametrize("overrides, expected", BAD.values(), ids=BAD.keys())
def test_refused(overrides: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(TINY, ["data.train=x", CACHE, *overrides])
    assert str(error.value).startswith(f"{TINY}: ") and expected in str(error.value)


def test_levels_may_be_set() -> None:
    config = load_config(TINY, ["data.train=x", CACHE, NOISE, "augmentation.noise_snr_db=[-5,5]"])
    levels = {"noise": (-5.0, 5.0), "music": (5.0, 15.0), "speech": (13.0, 20.0)}
    assert {k: tuple(v) for k, v in config.augmentation.snr_db.items()} == levels
    assert plain(config)["augmentation"]["noise"] == "noises"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two noises, a broken one, and a response."""
    folder = tmp_path_factory.mktemp("recorded")
    rng = np.random.default_rng(0)
    for name in ("noises", "rooms", "empty"):
        (folder / name).mkdir()
    for name in ("hiss", "hum"):
        noise = rng.normal(0.0, 0.1, 2 * SAMPLE_RATE)
        soundfile.write(folder / "noises" / f"{name}.wav", noise, SAMPLE_RATE)
    (folder / "noises" / "junk.wav").write_bytes(b"junk")
    response = rng.normal(0.0, 0.1, 4000) * np.exp(-np.arange(4000) / 500)
    soundfile.write(folder / "rooms" / "a.wav", np.r_[0.9, response], SAMPLE_RATE)
    return folder


@pytest.fixture
def given(prepared: Path, recorded: Path, tmp_path: Path) -> list[str]:
    """Keys of a training with both."""
    return [
        f"data.train={prepared / 'train'}",
        f"data.validation={prepared / 'test'}",
        f"data.cache={tmp_path / 'cache'}",
        f"augmentation.noise={recorded / 'noises'}",
        f"augmentation.rooms=[{recorded / 'rooms'}]",
        f"{SCENES}.room_probability=0.5",
        "validation.tasks=[verification]",
        "validation.batches=1",
        "validation.scenes.speakers=0",
        "validation.scenes.enrollment_noise_probability=1.0",
        "validation.scenes.recorded_noise_share=1.0",
        "trainer.max_steps=4",
        "trainer.checkpoint_steps=2",
    ]


def test_a_training_takes_from_them_and_lists_what_it_cannot_read(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"noises": 0, "rooms": 0}
    noise, rooms = Noises.waveform, Rooms.responses

    def spied_noise(self: Noises, *arguments: object) -> np.ndarray:
        taken["noises"] += 1
        return noise(self, *arguments)  # type: ignore[arg-type]

    def spied_rooms(self: Rooms, *arguments: object) -> np.ndarray:
        taken["rooms"] += 1
        return rooms(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Noises, "waveform", spied_noise)
    monkeypatch.setattr(Rooms, "responses", spied_rooms)
    path = train(TINY, [*given, f"output={tmp_path / 'run'}"])
    assert taken["noises"] > 20 and taken["rooms"] > 1  # each of 20 validation scenes has noise
    rows = (tmp_path / "run" / "skipped.tsv").read_text().splitlines()
    assert len(rows) == 2 and rows[1].startswith("noise/junk.wav\t")
    assert checkpoint.read(path)[1]["config"]["augmentation"]["rooms"] == [
        given[4].partition("=")[2].strip("[]")
    ]
    # a second training packs nothing anew, and goes on as the first one did
    packed = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()}
    again = train(TINY, [*given, f"output={tmp_path / 'again'}"])
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()} == packed
    assert (tmp_path / "again" / "skipped.tsv").read_text().splitlines() == rows
    lines = [(p.parent / "metrics.jsonl").read_text().splitlines()[-1] for p in (path, again)]
    assert len({json.dumps(json.loads(line)["validation"]) for line in lines}) == 1


@pytest.mark.parametrize(
    "key, where, expected",
    [
        ("noise", "nowhere", "nowhere: found no folder; expected a folder of audio"),
        ("noise", "empty", "empty: found no audio file of noise; expected WAV"),
        ("rooms", "empty", "empty: found no audio file of a room's response; expected WAV"),
        ("rooms", "noises/hiss.wav", "hiss.wav: found a file; expected a folder of audio"),
    ],
)
def test_no_recordings(
    given: list[str],
    recorded: Path,
    tmp_path: Path,
    refused: Refused,
    key: str,
    where: str,
    expected: str,
) -> None:
    bad = f"augmentation.{key}={recorded / where}"
    line = refused("train", TINY, *given, bad, f"output={tmp_path / 'run'}")
    assert expected in line
    assert not (tmp_path / "run").exists()
