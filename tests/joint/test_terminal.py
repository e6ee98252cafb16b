"""Errors of one of several processes; warnings."""

import warnings
from pathlib import Path

import pytest

from joint import terminal
from joint.audio import AudioWarning


@pytest.mark.parametrize("first_failed", [False, True])
def test_a_later_process_says_what_the_first_has_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    first_failed: bool,
) -> None:
    # as torchrun lays out its reports: a folder for each process
    for rank in ("0", "1"):
        (tmp_path / rank).mkdir()
    if first_failed:
        (tmp_path / "0" / "error.json").write_text("{}")
    report = tmp_path / "1" / "error.json"
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(report))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(terminal, "OTHERS_FAIL_WITHIN", 0.0)
    with pytest.raises(SystemExit) as ended:
        terminal.fail("no data")
    assert ended.value.code == terminal.BAD_INPUT
    assert capsys.readouterr().err == ("" if first_failed else "error: no data\n")
    assert report.exists() != first_failed


def test_a_warning_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.errors_in_one_line():
        warnings.warn("a.wav: scaled by 0.9 to fit", AudioWarning, stacklevel=1)
        warnings.warn("of a library", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: a.wav: scaled by 0.9 to fit\n"
