"""Folders of noises and room responses: their layouts, shards of them, and what is refused."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from support import Command, Refused

from joint.data.choices import Encoding, Kind
from joint.data.recorded.folders import open_recorded
from joint.data.storage.sharding import shard_corpus
from joint.data.storage.store import PackedStore
from joint.errors import DataError
from joint.units import SAMPLE_RATE

MUSAN = (
    "musan/noise/free-sound/a.wav",
    "musan/noise/sound-bible/b.wav",
    "musan/music/fma/c.wav",
    "musan/speech/librivox/d.wav",
    "musan/speech/us-gov/noise.wav",
)
RIRS = (
    "simulated_rirs/smallroom/Room001/Room001-00001.wav",
    "simulated_rirs/smallroom/Room001/Room001-00002.wav",
    "simulated_rirs/largeroom/Room001/Room001-00001.wav",
    "real_rirs_isotropic_noises/RVB2014_type1_rir_largeroom1_far_angla.wav",
    "real_rirs_isotropic_noises/air_type1_air_binaural_booth_0_1_1.wav",
    "real_rirs_isotropic_noises/RWCP_type4_rir_p30r.wav",
    "real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1.wav",
    "pointsource_noises/noise-free-sound-0000.wav",
)


def written(folder: Path, names: tuple[str, ...], seconds: float = 0.4) -> Path:
    """Noise in files of these names, each another one."""
    for place, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(place).normal(0.0, 0.1, round(seconds * SAMPLE_RATE))
        soundfile.write(path, samples, SAMPLE_RATE)
    return folder


def kinds(folder: Path, kind: Kind) -> dict[str, str]:
    found = open_recorded(folder, kind).utterances
    return {u.id: u.speaker for u in found}


@pytest.mark.parametrize("where", ["", "musan"])
def test_musan(tmp_path: Path, where: str) -> None:
    found = kinds(written(tmp_path, MUSAN) / where, Kind.NOISE)
    assert sorted(found.values()) == ["music", "noise", "noise", "speech", "speech"]
    assert all(name.split("/")[-3] == kind for name, kind in found.items())
    assert all(name.startswith("noise/") for name in found)


def test_a_part_of_musan(tmp_path: Path) -> None:
    folder = written(tmp_path, MUSAN) / "musan"
    assert set(kinds(folder / "music", Kind.NOISE).values()) == {"music"}
    assert set(kinds(folder / "speech" / "us-gov", Kind.NOISE).values()) == {"noise"}


def test_rirs_noises(tmp_path: Path) -> None:
    folder = written(tmp_path / "RIRS_NOISES", RIRS)
    real = "real_rirs_isotropic_noises"
    lines = (
        f"--rir-id {i} --room-id {room} RIRS_NOISES/{name}\n"
        for i, (name, room) in enumerate(zip(RIRS[3:5], ("booth", "booth"), strict=True))
    )
    (folder / real / "rir_list").write_text("".join(lines))
    rooms = kinds(folder, Kind.ROOMS)
    assert {name.removeprefix("rooms/") for name in rooms} == set(RIRS[:6])
    by_name = {name.removeprefix("rooms/"): room for name, room in rooms.items()}
    assert by_name[RIRS[0]] == by_name[RIRS[1]] == "room:simulated_rirs/smallroom/Room001"
    assert by_name[RIRS[2]] == "room:simulated_rirs/largeroom/Room001"
    assert by_name[RIRS[3]] == by_name[RIRS[4]] == f"room:{real}/booth"
    assert by_name[RIRS[5]] == f"room:{real}"
    noises = kinds(folder, Kind.NOISE)
    assert {name.removeprefix("noise/") for name in noises} == set(RIRS[6:])
    # a folder of it alone
    assert len(kinds(folder / "simulated_rirs", Kind.ROOMS)) == 3
    assert len(kinds(folder / real, Kind.NOISE)) == 1
    with pytest.raises(DataError, match="no audio file of noise"):
        open_recorded(folder / "simulated_rirs", Kind.NOISE)


def test_any_folder_is_what_it_is_used_for(tmp_path: Path) -> None:
    folder = written(tmp_path, ("010 - Fire crackling/1-17367-A.wav", "b.wav", ".hidden/c.wav"))
    (folder / "README.md").write_text("no audio")
    (folder / "._b.wav").write_bytes(b"a Mac's shadow of b.wav")
    assert set(kinds(folder, Kind.NOISE).values()) == {"noise"}
    assert set(kinds(folder, Kind.ROOMS).values()) == {"room:010 - Fire crackling", "room:."}


def test_an_old_file_name_and_bad_files(tmp_path: Path) -> None:
    folder = written(tmp_path / "noises", ("a.wav", "b.wav"))
    shutil.copy(folder / "a.wav", folder / os.fsdecode(b"caf\xe9.wav"))
    (folder / "junk.wav").write_bytes(b"junk")
    (folder / "empty.flac").write_bytes(b"")
    soundfile.write(folder / "silent.wav", np.zeros(8000), SAMPLE_RATE)
    cut = (folder / "a.wav").read_bytes()
    (folder / "cut.wav").write_bytes(cut[: len(cut) // 2])
    corpus = open_recorded(folder, Kind.NOISE)
    assert len(corpus) == 7 and "noise/caf\\udce9.wav" in corpus.by_id
    store = PackedStore(corpus, [1.0], tmp_path / "cache")
    bad = {corpus.utterances[i].id.removeprefix("noise/") for i in store.unreadable}
    assert bad == {"junk.wav", "empty.flac", "silent.wav", "cut.wav"}


@pytest.mark.parametrize("kind", [Kind.NOISE, Kind.ROOMS])
def test_wrong_places(tmp_path: Path, prepared: Path, kind: Kind) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"empty: found no audio file of "):
        open_recorded(tmp_path / "empty", kind)
    with pytest.raises(DataError, match=r"nowhere: found no folder; expected a folder of audio"):
        open_recorded(tmp_path / "nowhere", kind)
    with pytest.raises(DataError, match=r"file: found a file; expected a folder of audio"):
        open_recorded(tmp_path / "file", kind)
    shard_corpus(prepared / "test", tmp_path / "speech", 1000)
    with pytest.raises(DataError, match=rf"a corpus of the speakers .*--kind {kind}"):
        open_recorded(tmp_path / "speech", kind)


@pytest.mark.parametrize("kind", [Kind.NOISE, Kind.ROOMS])
def test_shards_hold_what_the_folder_holds(
    tmp_path: Path, joint_command: Command, kind: Kind
) -> None:
    folder = written(tmp_path / "folder", (*MUSAN, "short.wav"), 0.4)
    soundfile.write(folder / "short.wav", np.full(700, 0.2), SAMPLE_RATE)
    # two channels at another rate: of a response the first one counts, of a noise their mean
    both = np.random.default_rng(0).normal(0.0, 0.1, (44_100, 2))
    soundfile.write(folder / "stereo.wav", both, 44_100)
    (folder / "junk.wav").write_bytes(b"junk")
    shards = tmp_path / "shards"
    outcome = joint_command("shard", folder, shards, "--kind", kind, "--shard-size", 3)
    assert outcome.code == 0 and outcome.out == f"{shards}: 7 files in 3 shards\n"
    plain, sharded = open_recorded(folder, kind), open_recorded(shards, kind)
    assert "junk.wav" in (shards / "skipped.tsv").read_text()
    for u in sharded.utterances:
        own = plain.by_id[u.id]
        assert (u.speaker, type(u)) == (own.speaker, type(own))
        assert abs(u.samples - own.samples) <= 1
        assert np.abs(u.waveform() - own.waveform()).max() < 1e-4
    stereo = sharded.by_id[f"{kind}/stereo.wav"].waveform()
    kept = soxr.resample(both[:, 0] if kind is Kind.ROOMS else both.mean(axis=1), 44_100, 16_000)
    scale = np.abs(kept).max() if kind is Kind.ROOMS else 1.0
    assert np.abs(stereo - kept / scale).max() < 1e-3
    table = json.loads((shards / "shards.json").read_text())
    assert len(table["shards"]) == 3


def test_responses_are_not_compressed(tmp_path: Path, refused: Refused) -> None:
    folder = written(tmp_path / "folder", ("a.wav",))
    line = refused("shard", folder, tmp_path / "out", "--kind", "rooms", "--encoding", "opus")
    assert line == "error: --encoding: found opus; expected flac for rooms"
    assert not (tmp_path / "out").exists() and Encoding.OPUS in line


def test_recordings_are_no_responses(tmp_path: Path) -> None:
    folder = written(tmp_path / "music", ("long.wav", "short.wav"), 21.0)
    soundfile.write(folder / "short.wav", np.r_[1.0, np.zeros(99)], SAMPLE_RATE)
    store = PackedStore(open_recorded(folder, Kind.ROOMS), [1.0], tmp_path / "cache")
    assert "found 21.0 s; expected the response of a room" in str(store.unreadable[0])
    (folder / "short.wav").unlink()
    with pytest.raises(DataError, match=r"music: found no readable recording .*21\.0 s"):
        PackedStore(open_recorded(folder, Kind.ROOMS), [1.0], tmp_path / "cache")
