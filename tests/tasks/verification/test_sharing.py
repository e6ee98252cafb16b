"""Several processes embed what one does, skip what none can read, and report errors of any."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT, Command

from joint.errors import AudioError, DataError
from tasks.verification.embedding import EmbeddedFiles
from tasks.verification.sharing import merged


def part(names: list[str], value: float) -> EmbeddedFiles:
    rows = np.full((len(names), 2), value, dtype=np.float32)
    return EmbeddedFiles(names, rows, np.full(len(names), 10 * value))


def test_merged_in_the_order_asked_for() -> None:
    second = part(["b"], 2.0)
    second.skipped["d"] = AudioError("d.wav", "no file", "audio")
    nothing = EmbeddedFiles([], np.zeros((0, 0), np.float32), np.zeros(0))
    nothing.skipped["e"] = AudioError("e.wav", "no file", "audio")
    found = merged([part(["c", "a"], 1.0), nothing, second], ["a", "b", "c", "d", "e"])
    assert found.names == ["a", "b", "c"] and list(found.skipped) == ["d", "e"]
    assert found.embeddings[:, 0].tolist() == [1, 2, 1] and found.seconds.tolist() == [10, 20, 10]
    with pytest.raises(DataError, match="nothing"):
        merged([part(["a"], 1.0), DataError("x", "nothing", "something")], ["a", "b"])
    with pytest.raises(DataError, match=r"none that can be read \(e\.wav: found no file"):
        merged([nothing], ["e"])


def test_two_processes_write_what_one_does(
    tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path, joint_command: Command
) -> None:
    """The second process of the two can read none of its share."""
    recordings = sorted((embedded_corpus / "WAVE").rglob("*.*"))[:3]
    files = []
    for number, recording in enumerate(recordings):
        broken = tmp_path / f"broken{number}.wav"
        broken.write_bytes(b"RIFF")
        files += [recording, broken]
    places = [tmp_path / "one.npz", tmp_path / "two.npz"]
    embed = ("embed", *files, "--checkpoint", tiny_checkpoint, "--output")
    alone = joint_command(*embed, places[0])
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "joint"]
    done = subprocess.run(
        [sys.executable, "-m", *launch, *map(str, embed), str(places[1])],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = (
        (alone.code, alone.out, "\n".join(alone.err)),
        (done.returncode, done.stdout, done.stderr),
    )
    for code, out, err in found:
        assert code == 0, err
        assert out.count("3 embeddings") == 1
        assert "3 of 6 skipped: broken0, broken1, broken2" in err
    one, two = map(np.load, places)
    assert one.files == two.files and len(one.files) == 3
    for name in one.files:
        # batches of other recordings: padding, and so bf16's rounding, differs
        cosine = one[name] @ two[name] / np.linalg.norm(one[name]) / np.linalg.norm(two[name])
        assert cosine > 0.999
