"""The recipes' own commands, given what is not there: one line and exit 2."""

import runpy
import sys

import pytest

COMMANDS = {
    "speechocean762.studies.learning_curve": ["/nowhere/metrics.jsonl", "."],
    "shipped.ship": ["/nowhere/model.safetensors", "/nowhere/out.safetensors", "/nowhere/data"],
}


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("name, arguments", COMMANDS.items(), ids=COMMANDS)
def test_exit_2(
    name: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"recipes.{name}", run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: /nowhere") and "expected" in line
