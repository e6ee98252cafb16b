"""A voice book on disk: whole or the former one, whoever is killed and whoever else writes."""

import fcntl
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError
from tasks.verification.enrolment import files as voicebook_files
from tasks.verification.enrolment.database import Voice, VoiceBook
from tasks.verification.enrolment.files import edit_book, read_book

ENCODER = EncoderIdentity("tested", "ab" * 32)


def voices(*digests: str) -> list[Voice]:
    return [
        Voice(f"{d}.wav", d, 2.0, np.random.default_rng(len(d)).normal(size=4).astype(np.float32))
        for d in digests
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A book of two people."""
    folder = tmp_path / "voices"
    with edit_book(folder, ENCODER) as book:
        book.enroll("Anna", voices("a", "aa"))
        book.enroll("王 小明", voices("bbb"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(first: VoiceBook, second: VoiceBook) -> bool:
    def listed(book: VoiceBook) -> list[tuple]:
        return [
            (name, v.file, v.sha256, v.seconds, v.embedding.tobytes())
            for name, known in book.people.items()
            for v in known
        ]

    return first.encoder == second.encoder and listed(first) == listed(second)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with edit_book(tmp_path / "new" / "book", ENCODER) as book:
        book.enroll("Zoë", voices("a", "aa"))
        book.enroll("Ben", voices("bbb"))
    with edit_book(tmp_path / "new" / "book") as again:
        assert same(book, again)
        again.remove("Zoë")
    left = read_book(tmp_path / "new" / "book", ENCODER)
    assert list(left.people) == ["Ben"]
    assert left.people["Ben"][0].embedding.tolist() == voices("bbb")[0].embedding.tolist()
    # of the former tensor file, and so of Zoë's voice, nothing is left
    assert len(list((tmp_path / "new" / "book").glob("*.safetensors"))) == 1


def test_an_empty_book_is_a_book(folder: Path) -> None:
    with edit_book(folder) as book:
        book.people.clear()
    assert read_book(folder).people == {}


def test_an_error_in_the_block_writes_nothing(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(KeyboardInterrupt), edit_book(folder, ENCODER) as book:
        book.remove("Anna")
        raise KeyboardInterrupt
    assert contents(folder) == before


def test_a_crash_before_the_commit_leaves_the_former_book(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_book(folder)
    written = []

    def dies(path: Path, content: bytes | str) -> None:
        if path.name == voicebook_files.BOOK:
            raise KeyboardInterrupt
        path.write_bytes(content)  # type: ignore[arg-type]
        written.append(path)

    with monkeypatch.context() as patched:
        patched.setattr(voicebook_files, "atomic_write", dies)
        with pytest.raises(KeyboardInterrupt), edit_book(folder, ENCODER) as book:
            book.enroll("Carla", voices("cccc"))
    assert len(written) == 1 and written[0].exists()
    assert same(read_book(folder, ENCODER), before)
    # what the crash left is cleared by the next change; a file of somebody else's is not
    (folder / f".{written[0].stem}.123.safetensors").write_bytes(b"half")
    (folder / "voices-of-spring.safetensors").write_bytes(b"music")
    with edit_book(folder, ENCODER) as book:
        book.enroll("Ben", voices("ddddd"))
    current = json.loads((folder / "book.json").read_text())["tensors"]["file"]
    assert set(os.listdir(folder)) == {
        *("book.json", ".lock", "voices-of-spring.safetensors"),
        current,
    }


def test_a_crash_after_the_commit_leaves_the_new_book(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", dies)  # where it would clear up
        with pytest.raises(KeyboardInterrupt), edit_book(folder, ENCODER) as book:
            book.remove("Anna")
    assert list(read_book(folder).people) == ["王 小明"]


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
        with busy, edit_book(folder, ENCODER) as book:
            book.remove("Anna")
        assert len(read_book(folder, ENCODER).people) == 2  # reading asks for no lock
        holder.stdin.close()
    assert contents(folder) == before
    with edit_book(folder, ENCODER) as book:
        book.remove("Anna")


def enroll_some(folder: Path, who: str) -> None:
    for turn in range(10):
        while True:
            try:
                with edit_book(folder, ENCODER) as book:
                    book.enroll(f"{who}{turn}", voices(f"{who}{turn}"))
                break
            except DataError as error:
                assert "locked by another process" in str(error), error
                time.sleep(0.001)


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    # forked: an interpreter of its own for each would spend seconds on imports
    processes = multiprocessing.get_context("fork")
    writers = [
        processes.Process(target=enroll_some, args=(tmp_path / "voices", who)) for who in "abc"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    book = read_book(tmp_path / "voices", ENCODER)
    assert set(book.people) == {f"{who}{turn}" for who in "abc" for turn in range(10)}


def test_a_reader_meets_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The book is replaced between the reading of its JSON and of its tensor file."""
    read, calls = voicebook_files._bytes, []

    def interrupted(path: Path, expected: str) -> bytes:
        content = read(path, expected)
        if not calls:
            calls.append(path)
            with edit_book(folder, ENCODER) as book:
                book.remove("Anna")
        return content

    monkeypatch.setattr(voicebook_files, "_bytes", interrupted)
    assert list(read_book(folder).people) == ["王 小明"]


def test_a_book_of_another_encoder(folder: Path) -> None:
    other = EncoderIdentity("other", "cd" * 32)
    with pytest.raises(DataError, match=r"encoder tested \(abababababab\).* other \(cdcd"):
        read_book(folder, other)
    with pytest.raises(DataError, match="tested"), edit_book(folder, other):
        pass
    assert read_book(folder, EncoderIdentity("renamed", ENCODER.fingerprint))


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="can be written"), edit_book(place, ENCODER):
            pass
        with pytest.raises(DataError):
            read_book(place)
    with pytest.raises(DataError), edit_book(tmp_path / "missing"):
        pass
    assert os.listdir(tmp_path) == ["file"]


def test_the_lock_goes_with_its_holder(folder: Path) -> None:
    busy = pytest.raises(DataError, match="locked")
    with edit_book(folder, ENCODER), busy, edit_book(folder, ENCODER):
        pass
    with (folder / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
