"""A speaker database on disk stays complete when a process is killed or others write too."""

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from processes import forks

from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError
from tasks.verification.enrolment import files as database_files
from tasks.verification.enrolment.database import EnrolledRecording, SpeakerDatabase
from tasks.verification.enrolment.files import edit_database, read_database

ENCODER = EncoderIdentity("tested", "ab" * 32)


def recordings(*digests: str) -> list[EnrolledRecording]:
    return [
        EnrolledRecording(
            f"{d}.wav",
            d,
            2.0,
            np.random.default_rng(len(d)).normal(size=4).astype(np.float32),
            {"bandwidth_hertz": 7500, "snr_db": None},
        )
        for d in digests
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database of two speakers."""
    folder = tmp_path / "speakers"
    with edit_database(folder, ENCODER) as database:
        database.enroll("Anna", recordings("a", "aa"))
        database.enroll("王 小明", recordings("bbb"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(first: SpeakerDatabase, second: SpeakerDatabase) -> bool:
    def listed(database: SpeakerDatabase) -> list[tuple]:
        return [
            (name, v.file, v.sha256, v.seconds, v.embedding.tobytes(), dict(v.properties))
            for name, known in database.speakers.items()
            for v in known
        ]

    return first.encoder == second.encoder and listed(first) == listed(second)


def test_audio_that_is_kept(tmp_path: Path) -> None:
    """Within 16 bits, of those recordings that have some, and gone with the speaker."""
    audio = np.linspace(-1.2, 1.0, 2000, dtype=np.float32)
    first, second, third = recordings("a", "aa", "bbb")
    with edit_database(tmp_path / "db", ENCODER) as database:
        database.enroll("Ben", [third])
        database.enroll("Zoë", [first, replace(second, audio=audio)])
    with edit_database(tmp_path / "db") as again:
        (kept,) = again.recordings("Zoë")
        assert kept.dtype == np.float32 and again.recordings("Ben") == []
        assert np.abs(kept - np.clip(audio, -1, 1)).max() < 2e-5
        with pytest.raises(DataError, match="no enrolled speaker"):
            again.recordings("Ann")
    size = sum(path.stat().st_size for path in (tmp_path / "db").iterdir())
    with edit_database(tmp_path / "db") as again:
        assert [r.audio is None for r in again.speakers["Zoë"]] == [True, False]
        again.remove("Zoë")
    assert sum(path.stat().st_size for path in (tmp_path / "db").iterdir()) < size - 4000


def test_written_and_read_again(tmp_path: Path) -> None:
    with edit_database(tmp_path / "new" / "database", ENCODER) as database:
        database.enroll("Zoë", recordings("a", "aa"))
        database.enroll("Ben", recordings("bbb"))
    with edit_database(tmp_path / "new" / "database") as again:
        assert same(database, again)
        again.remove("Zoë")
    left = read_database(tmp_path / "new" / "database", ENCODER)
    assert list(left.speakers) == ["Ben"]
    assert left.speakers["Ben"][0].embedding.tolist() == recordings("bbb")[0].embedding.tolist()
    # the former tensor file, and with it Zoë's embeddings, is gone
    assert len(list((tmp_path / "new" / "database").glob("*.safetensors"))) == 1


def test_an_empty_database_is_valid(folder: Path) -> None:
    with edit_database(folder) as database:
        database.speakers.clear()
    assert read_database(folder).speakers == {}


def test_an_error_in_the_block_writes_nothing(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(KeyboardInterrupt), edit_database(folder, ENCODER) as database:
        database.remove("Anna")
        raise KeyboardInterrupt
    assert contents(folder) == before


def test_a_crash_before_the_commit_leaves_the_former_database(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_database(folder)
    written = []

    def dies(path: Path, content: bytes | str) -> None:
        if path.name == database_files.DATABASE:
            raise KeyboardInterrupt
        path.write_bytes(content)  # type: ignore[arg-type]
        written.append(path)

    with monkeypatch.context() as patched:
        patched.setattr(database_files, "atomic_write", dies)
        with pytest.raises(KeyboardInterrupt), edit_database(folder, ENCODER) as database:
            database.enroll("Carla", recordings("cccc"))
    assert len(written) == 1 and written[0].exists()
    assert same(read_database(folder, ENCODER), before)
    # what the crash left is cleared by the next change; an unrelated file is not
    (folder / f".{written[0].stem}.123.safetensors").write_bytes(b"half")
    (folder / "embeddings-of-spring.safetensors").write_bytes(b"music")
    with edit_database(folder, ENCODER) as database:
        database.enroll("Ben", recordings("ddddd"))
    current = json.loads((folder / "database.json").read_text())["tensors"]["file"]
    assert set(os.listdir(folder)) == {
        *("database.json", ".lock", "embeddings-of-spring.safetensors"),
        current,
    }


def test_a_crash_after_the_commit_leaves_the_new_database(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", dies)  # where it would clear up
        with pytest.raises(KeyboardInterrupt), edit_database(folder, ENCODER) as database:
            database.remove("Anna")
    assert list(read_database(folder).speakers) == ["王 小明"]


def test_one_writer_at_a_time(folder: Path) -> None:
    before = contents(folder)
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / ".lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin and holder.stdout
    with holder:
        assert holder.stdout.readline() == b"locked\n"
        busy = pytest.raises(DataError, match="locked by another process")
        with busy, edit_database(folder, ENCODER) as database:
            database.remove("Anna")
        assert len(read_database(folder, ENCODER).speakers) == 2  # reading asks for no lock
        holder.stdin.close()
    assert contents(folder) == before
    with edit_database(folder, ENCODER) as database:
        database.remove("Anna")


def enroll_some(folder: Path, who: str) -> None:
    for turn in range(10):
        while True:
            try:
                with edit_database(folder, ENCODER) as database:
                    database.enroll(f"{who}{turn}", recordings(f"{who}{turn}"))
                break
            except DataError as error:
                assert "locked by another process" in str(error), error
                time.sleep(0.001)


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [
        forks().Process(target=enroll_some, args=(tmp_path / "speakers", who), daemon=True)
        for who in "abc"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    database = read_database(tmp_path / "speakers", ENCODER)
    assert set(database.speakers) == {f"{who}{turn}" for who in "abc" for turn in range(10)}


def test_a_reader_meets_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is replaced between the reading of its JSON and of its tensor file."""
    read, calls = database_files._bytes, []

    def interrupted(path: Path, expected: str) -> bytes:
        content = read(path, expected)
        if not calls:
            calls.append(path)
            with edit_database(folder, ENCODER) as database:
                database.remove("Anna")
        return content

    monkeypatch.setattr(database_files, "_bytes", interrupted)
    assert list(read_database(folder).speakers) == ["王 小明"]


def test_a_database_of_another_encoder(folder: Path) -> None:
    other = EncoderIdentity("other", "cd" * 32)
    with pytest.raises(DataError, match=r"encoder tested \(abababababab\).* other \(cdcd"):
        read_database(folder, other)
    with pytest.raises(DataError, match="tested"), edit_database(folder, other):
        pass
    assert read_database(folder, EncoderIdentity("renamed", ENCODER.fingerprint))


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="can be written"), edit_database(place, ENCODER):
            pass
        with pytest.raises(DataError):
            read_database(place)
    with pytest.raises(DataError), edit_database(tmp_path / "missing"):
        pass
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_with_other_content_gets_no_database(tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("u1 u1.wav\n")
    with pytest.raises(DataError, match="other content"), edit_database(tmp_path, ENCODER):
        pass
    assert os.listdir(tmp_path) == ["wav.scp"]


def test_what_a_killed_process_left_is_no_other_content(tmp_path: Path) -> None:
    for name in (".lock", f"embeddings-{'0' * 16}.safetensors", ".database.17.json"):
        (tmp_path / name).write_text("")
    with edit_database(tmp_path, ENCODER) as database:
        database.enroll("Anna", recordings("a"))
    assert list(read_database(tmp_path).speakers) == ["Anna"]


def test_the_lock_goes_with_its_holder(folder: Path) -> None:
    busy = pytest.raises(DataError, match="locked")
    with edit_database(folder, ENCODER), busy, edit_database(folder, ENCODER):
        pass
    with (folder / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
