"""Meetings as they are published: a folder, or a database.yml of pyannote.database."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from meeting_layouts import AMI, TURNS, all_in_one, ami, one_each, rttm, save, uem

from joint.errors import DataError
from recipes.meetings.reading import read_meetings
from tasks.diarization.meetings import Meeting


def check(meetings: Sequence[Meeting], names: str = "ab") -> None:
    assert [meeting.name for meeting in meetings] == list(names)
    for meeting in meetings:
        assert meeting.path.is_file()
        assert meeting.scored is None or list(meeting.scored) == [(0, 40_000)]
        found = [(t.speaker, t.start / 16_000, t.end / 16_000) for t in meeting.turns]
        assert found == sorted(TURNS[meeting.name], key=lambda turn: turn[1])


def test_one_file_each(tmp_path: Path) -> None:
    folder = one_each(tmp_path)
    check(read_meetings(folder))


def test_one_file_for_all(tmp_path: Path) -> None:
    folder = all_in_one(tmp_path)
    check(read_meetings(folder))


def test_a_list_says_which_and_in_which_order(tmp_path: Path) -> None:
    folder = all_in_one(tmp_path)
    (folder / "a.wav").rename(folder / "a.flac")
    check(read_meetings(folder, [save(folder / "x.lst", "b\n\na\n")]), "ba")
    lists = [save(folder / f"{name}.lst", f"{name}\n") for name in "ba"]
    check(read_meetings(folder, lists), "ba")
    # a recording that is not listed needs no audio
    (folder / "a.flac").unlink()
    check(read_meetings(folder, [lists[0]]), "b")


def test_without_uem_all_is_scored(tmp_path: Path) -> None:
    folder = all_in_one(tmp_path)
    (folder / "all.uem").unlink()
    assert [meeting.scored for meeting in read_meetings(folder)] == [None, None]


def test_names_are_compared_as_unicode_composes_them(tmp_path: Path) -> None:
    save(tmp_path / "trn\u0303.wav")  # as macOS stores ñ
    save(tmp_path / "x.rttm", rttm("a").replace(" a ", " tr\u00f1 "))
    assert [meeting.name for meeting in read_meetings(tmp_path)] == ["tr\u00f1"]


def test_a_recording_in_which_nobody_speaks(tmp_path: Path) -> None:
    folder = one_each(tmp_path)
    (folder / "rttm" / "a.rttm").write_text("")
    a, b = read_meetings(folder)
    assert not a.turns and a.scored and b.turns


def test_database(tmp_path: Path) -> None:
    where = ami(tmp_path)
    meetings = read_meetings(where)
    check(meetings, "b")
    assert meetings[0].path.name == "b.Mix-Headset.wav" and meetings[0].scored
    check(read_meetings(where, subsets=["train", "test"]))
    (train,) = read_meetings(where, protocol="AMI.SpeakerDiarization.words", subsets=["train"])
    assert train.scored is None


def renamed(folder: Path) -> None:
    (folder / "b.wav").rename(folder / "b2.wav")


def again(folder: Path) -> None:
    save(folder / "more" / "other.rttm", rttm("b"))


def scored_again(folder: Path) -> None:
    save(folder / "other.uem", uem("b"))


def other_format(folder: Path) -> None:
    save(folder / "b.flac")


def not_scored(folder: Path) -> None:
    save(folder / "all.uem", uem("a"))


def no_rttm(folder: Path) -> None:
    (folder / "all.rttm").unlink()


def empty(folder: Path) -> None:
    (folder / "all.rttm").write_text(";; nothing\n\n")


def empty_for_one(folder: Path) -> None:
    save(folder / "c.rttm", "")


def with_line(line: str) -> Callable[[Path], None]:
    return lambda folder: print(line, file=(folder / "all.rttm").open("a"))


@pytest.mark.parametrize(
    "spoil, found",
    [
        (renamed, "found no audio of b; expected b.wav, 'b2' perhaps"),
        (again, "other.rttm: found b, which is in .*all.rttm too; expected one file for it"),
        (scored_again, "other.uem: found b, which is in .*all.uem too"),
        (other_format, r"found 2 audio files of b \(b.flac, b.wav\); expected one"),
        (not_scored, "found the recording b; expected one of the UEM files"),
        (no_rttm, "found no RTTM file"),
        (empty, "RTTM files without a turn"),
        (empty_for_one, "found no audio of c; expected c.wav"),
        (with_line("SPEAKER b 1 2.0 1.0 <NA> <NA>"), "all.rttm:4: found 7 fields"),
        (with_line("SPAEKER b 1 2 1 <NA> <NA> x <NA> <NA>"), "all.rttm:4: found .* 'SPAEKER'"),
        (with_line("SPEAKER b 1 2,0 1.0 <NA> <NA> x <NA>"), "all.rttm:4: found time '2,0'"),
        (with_line("SPEAKER b 1 2.0 -1 <NA> <NA> x <NA>"), "all.rttm:4: found 2 to 1 s"),
        (with_line("SPEAKER b 1 2.0 0.0 <NA> <NA> x <NA>"), "all.rttm:4: found 2 to 2 s"),
        (with_line("SPEAKER b 1 nan 1.0 <NA> <NA> x <NA>"), "all.rttm:4: found time 'nan'"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, spoil: Callable[[Path], None], found: str) -> None:
    folder = all_in_one(tmp_path)
    spoil(folder)
    with pytest.raises(DataError, match=found):
        read_meetings(folder)


def test_without_uem_an_unknown_recording_is_one_without_turns(tmp_path: Path) -> None:
    folder = all_in_one(tmp_path)
    (folder / "all.uem").unlink()
    save(folder / "c.wav")
    listed = save(folder / "x.lst", "a\nc\n")
    with pytest.raises(DataError, match=r"x.lst: found the recording c; .* of the RTTM files"):
        read_meetings(folder, [listed])


@pytest.mark.parametrize(
    "content, found",
    [("", "an empty list"), ("a\nb\na\n", "a a second time"), ("a\nbb\n", "the recording bb")],
)
def test_lists(tmp_path: Path, content: str, found: str) -> None:
    folder = all_in_one(tmp_path)
    save(folder / "bb.wav")
    with pytest.raises(DataError, match=found):
        read_meetings(folder, [save(folder / "x.lst", content)])


@pytest.mark.parametrize(
    "old, new, found",
    [
        ("Protocols:", "Protocol:", "Protocols: None"),
        (AMI, "- a\n- b\n", "the file: "),
        (AMI, "a: [", "no readable YAML"),
        ("      words:\n        test:", "      words:\n        tests:", "without test; .*'tests'"),
        ('"{uri}.uem"', '"{speaker}.uem"', "'{speaker}.uem' .* expected a path with {uri}"),
        ('"{uri}.uem"', "[x.uem]", r"annotated: \['x.uem'\]"),
        ("lists/test.lst", "lists/none.lst", "none.lst: found an unreadable file"),
        ("Mix-Headset", "Mix-Lapel", "0 audio files of b"),
        ("elsewhere/{uri}", "amicorpus/{uri}/audio/{uri}.Array1-01", "2 audio files of b"),
        ("  AMI: [", "  AMI2: [", "Databases: AMI: None"),
        ("test: {uri", "test: 3 #{uri", "AMI.SpeakerDiarization.words.test: 3"),
        ("SpeakerDiarization:", "SpeakerDiarisation:", "0 protocols"),
    ],
)
def test_a_database_that_does_not_fit(tmp_path: Path, old: str, new: str, found: str) -> None:
    where = ami(tmp_path)
    where.write_text(AMI.replace(old, new))
    with pytest.raises(DataError, match=found) as refused:
        read_meetings(where)
    assert "\n" not in str(refused.value)


def test_what_does_not_fit_the_layout(tmp_path: Path) -> None:
    where = ami(tmp_path)
    save(tmp_path / "b.uem", uem("a"))
    for options, found in (
        ({"subsets": ["test"]}, "test.lst: found the recording b; expected one of the UEM files"),
        ({"protocol": "AMI.SpeakerDiarization.word"}, "'AMI.SpeakerDiarization.words' perhaps"),
        ({"subsets": ["train", "train"]}, "a in two subsets"),
        ({"lists": [where]}, "--subset"),
    ):
        with pytest.raises(DataError, match=found):
            read_meetings(where, **options)  # type: ignore[arg-type]
    for path, options, found in (
        (tmp_path, {"subsets": ["test"]}, "a database.yml for --protocol"),
        (tmp_path / "none", {}, "no folder"),
        (tmp_path / "b.uem", {}, "a file that is not YAML"),
    ):
        with pytest.raises(DataError, match=found):
            read_meetings(path, **options)  # type: ignore[arg-type]
