"""Charts of several trainings."""

from pathlib import Path

from analysis.comparison import plot_comparison


def test_a_chart_of_those_that_have_the_figure(tmp_path: Path) -> None:
    measured = {"one": [{"eer": 5.0}, {"eer": 6.0}], "two": [{"eer": 4.25}], "none": [{}]}
    plot_comparison(measured, "eer", "EER %", tmp_path / "table.svg")
    text = (tmp_path / "table.svg").read_text()
    assert "<svg" in text and text.count("<!-- two -->") == 1 and "<!-- none -->" not in text
