"""The programs of docs/export.md are short, and the one in Python runs an exported encoder where
only onnxruntime, NumPy and soundfile can be imported."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from support import ROOT

from joint.app.api import SpeakerModel
from joint.audio import read_audio
from joint.directions import unit

PROGRAM = re.compile(r"^```(python|javascript)\n(.*?)^```$", re.M | re.S)
ALONE = """
import runpy, sys
allowed = {"onnxruntime", "numpy", "soundfile"}
# what soundfile needs itself
allowed |= {"_soundfile", "_soundfile_data", "cffi", "_cffi_backend", "typing_extensions"}
class Alone:
    def find_spec(self, name, path=None, target=None):
        first = name.split(".")[0]
        if first not in allowed and first not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Alone())
runpy.run_path("program.py", run_name="__main__")
assert not {"torch", "joint", "scipy"} & set(sys.modules)
"""


def programs() -> dict[str, str]:
    return dict(PROGRAM.findall((ROOT / "docs" / "export.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_programs_are_short(language: str) -> None:
    assert 5 < len([line for line in programs()[language].splitlines() if line]) <= 15


def test_the_program_of_the_page(
    exported: Path, tiny_loaded: SpeakerModel, recordings: list[Path], tmp_path: Path
) -> None:
    model = onnx.load(exported / "encoder.onnx")
    next(e for e in model.metadata_props if e.key == "threshold").value = json.dumps(0.5)
    (tmp_path / "exported").mkdir()
    onnx.save(model, tmp_path / "exported" / "encoder.onnx")
    (tmp_path / "program.py").write_text(programs()["python"])
    speech = [read_audio(path) for path in recordings[1:3]]
    for name, waveform in zip(("a.wav", "b.wav"), speech, strict=True):
        soundfile.write(tmp_path / name, waveform, 16_000, subtype="FLOAT")
    command = [sys.executable, "-c", ALONE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    score, answer = done.stdout.split()
    one, other = unit(tiny_loaded.embed(speech))
    assert float(score) == pytest.approx(float(np.dot(one, other)), abs=1e-4)
    assert answer == ("same" if float(score) >= 0.5 else "different")
