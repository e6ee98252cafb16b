"""The study of remainders: a table in which no choice gains more than the reference's."""

from pathlib import Path

import pytest

from joint.app.checkpoints import SHIPPED
from recipes.librimix.studies.swapped import MARGINS, main


def test_no_choice_beats_the_reference(
    embedded_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([SHIPPED, str(embedded_corpus / "test"), "--limit", "8"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| taken | remainders | SI-SDRi dB |" and len(lines) == 4 + len(MARGINS)
    gains = [float(line.split("|")[3]) for line in lines[2:]]
    shares = [float(line.split("|")[2].strip(" %")) for line in lines[2:]]
    estimate, best, *chosen = gains
    assert estimate > 2 and best >= max(estimate, *chosen)
    assert shares[0] == 0 and shares[2:] == sorted(shares[2:], reverse=True)
