"""Tables of several trainings: means, spreads, and columns without a figure."""

from joint.experiments.tables import comparison_table, rounded

COLUMNS = {"eer": "EER %", "gain": "SI-SDRi dB", "rate": "per second"}


def test_rows_and_columns() -> None:
    measured = {
        "one": [{"eer": 5.0, "rate": 212.7}, {"eer": 6.0, "rate": 190.0}],
        "two": [{"eer": 4.25, "rate": None}],
        "same": [{"eer": 1.1}, {"eer": 1.1}, {"eer": 1.1}],
    }
    assert comparison_table("variant", COLUMNS, measured).splitlines() == [
        "| variant | EER % | per second |",
        "| --- | --- | --- |",
        "| one | 5.50 ± 0.707 | 201 ± 16.1 |",
        "| two | 4.25 | – |",
        "| same | 1.10 | – |",
    ]


def test_further_columns() -> None:
    measured = {"one": [{"eer": 5.0}, {"eer": 6.0}], "two": [{"eer": 4.25}], "none": [{}]}
    table = comparison_table("variant", {"eer": "EER %"}, measured, {"change": {"two": "-20 %"}})
    assert table.splitlines()[2:] == [
        "| one | 5.50 ± 0.707 | – |",
        "| two | 4.25 | -20 % |",
        "| none | – | – |",
    ]


def test_no_measurements() -> None:
    assert comparison_table("variant", COLUMNS, {}) == "| variant |\n| --- |\n"


def test_three_digits() -> None:
    shown = [rounded(x) for x in (0.07213, 1.0, 12.345, 99.96, 123.4, -4.5678)]
    assert shown == ["0.0721", "1.00", "12.3", "100", "123", "-4.57"]
