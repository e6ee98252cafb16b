"""Every study has a command line, whose help begins with its command."""

import importlib

import pytest
from support import ROOT

STUDIES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "recipes" / "speechocean762" / "studies").rglob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", STUDIES)
def test_help_has_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main(["--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and f"python -m {name} " in shown
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_there_are_studies() -> None:
    assert len(STUDIES) == 11
