"""Messages of errors are short and printable, whatever file was given."""

import pickle
from pathlib import Path

import pytest

from joint.errors import DataError, JointError
from joint.files import read_lines


@pytest.mark.parametrize(
    "text", ["RIFF" + "\x01\x02" * 600, repr("\x01\x02" * 600), "\ufffd" * 1200]
)
def test_bytes_are_cut_to_eighty_printable_characters(text: str) -> None:
    error = JointError("a.wav", text, "text")
    assert len(error.found) == 80 and str(error).isprintable()
    assert str(error).endswith("; expected text")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"u1 WORDS\nu2 caf\xe9\nu3 WORDS\n")
    with pytest.raises(DataError, match=r"text:2: found bytes that are not UTF-8"):
        list(read_lines(path))


def test_a_long_text_keeps_both_ends() -> None:
    error = JointError("key " * 400, "first " + "word " * 400 + "last", "less")
    assert len(str(error)) < 520
    assert error.found.startswith("first word") and error.found.endswith("word last")


def test_a_text_of_any_language_is_shown_as_it_is() -> None:
    assert JointError("résumé.csv", "'张伟' and 'Müller'", "one").found == "'张伟' and 'Müller'"
