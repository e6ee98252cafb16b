"""A damaged speaker database: one line that says what and where, and nothing is changed."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError
from tasks.verification.enrolment.database import EnrolledRecording
from tasks.verification.enrolment.files import edit_database, read_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database of two speakers with three embeddings of dimension 4."""
    folder = tmp_path / "speakers"
    with edit_database(folder, EncoderIdentity("tested", "ab" * 32)) as database:
        for name, digests in (("Anna", "ab"), ("王 小明", "c")):
            one = np.ones(4, dtype=np.float32)
            database.enroll(name, [EnrolledRecording(f"{d}.wav", d, 2.0, one) for d in digests])
    return folder


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        stored = json.loads((folder / "database.json").read_text())
        change(stored)
        (folder / "database.json").write_text(json.dumps(stored))

    return damage


def with_tensors(content: bytes, **changes: object) -> Callable[[Path], None]:
    """A database whose tensor file is `content`, with the right checksum."""

    def damage(folder: Path) -> None:
        stored = json.loads((folder / "database.json").read_text())
        (folder / stored["tensors"]["file"]).write_bytes(content)
        stored["tensors"] |= {"sha256": hashlib.sha256(content).hexdigest()} | changes
        (folder / "database.json").write_text(json.dumps(stored))

    return damage


def matrix(*shape: int, fill: float = 1.0, kind: str = "float32") -> bytes:
    return save({"embeddings": np.full(shape, fill, dtype=kind)})


def tensor_file(folder: Path) -> Path:
    return next(folder.glob("embeddings-*.safetensors"))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (lambda f: (f / "database.json").unlink(), "found no file"),
    "an empty file": (lambda f: (f / "database.json").write_bytes(b""), "JSON"),
    "half a file": (
        lambda f: (f / "database.json").write_bytes((f / "database.json").read_bytes()[:200]),
        "JSON",
    ),
    "bytes": (lambda f: (f / "database.json").write_bytes(b"\xff\xfe\x00"), "JSON"),
    "deep nesting": (lambda f: (f / "database.json").write_text("[" * 100_000), "JSON"),
    "a list": (lambda f: (f / "database.json").write_text("[]"), "format None"),
    "a folder": (
        lambda f: ((f / "database.json").unlink(), (f / "database.json").mkdir()),
        "is a directory",
    ),
    "a later format": (
        changed(lambda s: s.update(format="joint-speaker speaker database/2")),
        "database/2",
    ),
    "no speakers": (changed(lambda s: s.pop("speakers")), "'speakers'"),
    "speakers as text": (changed(lambda s: s.update(speakers="Anna")), "TypeError"),
    "a bad name": (changed(lambda s: s["speakers"][0].update(name="a\nb")), "1 to 100"),
    "a speaker twice": (changed(lambda s: s["speakers"][0].update(name="王 小明")), "twice"),
    "a speaker without recordings": (
        changed(lambda s: s["speakers"].append({"name": "C", "recordings": []})),
        "without",
    ),
    "a recording too many": (
        changed(lambda s: s["speakers"][0]["recordings"].append(s["speakers"][0]["recordings"][0])),
        "of 4 recordings",
    ),
    "no encoder": (changed(lambda s: s["encoder"].pop("fingerprint")), "fingerprint"),
    "a file elsewhere": (
        changed(lambda s: s["tensors"].update(file="../embeddings-0123456789abcdef.safetensors")),
        "a tensor file called",
    ),
    "no tensor file": (lambda f: tensor_file(f).unlink(), "found no file"),
    "a truncated one": (
        lambda f: tensor_file(f).write_bytes(tensor_file(f).read_bytes()[:-4]),
        "truncated",
    ),
    "no safetensors": (with_tensors(b"words" * 9), "no readable safetensors"),
    "another tensor": (with_tensors(save({"x": np.ones(3)})), "tensors ['x']"),
    "another type": (with_tensors(matrix(3, 4, kind="float64")), "float32"),
    "another size": (with_tensors(matrix(3, 5)), "shape (3, 5)"),
    "too few rows": (with_tensors(matrix(2, 4), shape=[2, 4]), "of 3 recordings"),
    "one dimension": (with_tensors(matrix(3), shape=[3]), "shape (3,)"),
    "NaN": (with_tensors(matrix(3, 4, fill=float("nan"))), "NaN"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged(folder: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(folder)
    before = sorted(os.listdir(folder))
    for attempt in (lambda: read_database(folder), lambda: edit_database(folder).__enter__()):
        with pytest.raises(DataError) as error:
            attempt()
        assert message in str(error.value) and str(folder) in str(error.value)
        assert "\n" not in str(error.value)
    assert sorted(os.listdir(folder)) == before
