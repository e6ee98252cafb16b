"""Corpora as lhotse manifests: every recording is checked on the way in, and what is skipped is
listed with its reason."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.console import Console
from rich.progress import track

from joint.audio import AudioInfo
from joint.data.choices import Check
from joint.data.corpus import RECORDINGS, SUPERVISIONS, Utterance
from joint.data.prepare.checking import checked
from joint.errors import AudioError, DataError, shortened

if TYPE_CHECKING:
    from lhotse import Recording, SupervisionSegment

SKIPPED = "skipped.tsv"

Language: TypeAlias = str | Mapping[str, str] | None
"""The language of all utterances of a corpus, or of each, by its id."""


@dataclass(frozen=True)
class Skipped:
    """A recording that was left out, and why."""

    split: str
    utterance: str
    reason: str


@dataclass
class PrepareReport:
    """What a preparation wrote: utterances and speakers by split, what was skipped and why."""

    output: Path
    utterances: dict[str, int] = field(default_factory=dict)
    speakers: dict[str, int] = field(default_factory=dict)
    hours: dict[str, float] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)


def write_split(
    folder: Path,
    utterances: Iterable[Utterance],
    report: PrepareReport,
    name: str,
    custom: Mapping[str, Mapping[str, Any]] | None = None,
    language: Language = None,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> list[Utterance]:
    """Check every recording, write lhotse manifests into `folder`, add to `report` as `name`.

    `custom` adds fields to an utterance's supervision; `language` is that of all utterances, or of
    each. Manifests are written a line at a time, so that a corpus may have millions, and with
    absolute paths. Bad recordings are skipped and listed in the report; gives back those kept.
    Raises DataError where none is left.
    """
    # Reading tables alone should not wait for lhotse's import.
    from lhotse import RecordingSet, SupervisionSet

    folder.mkdir(parents=True, exist_ok=True)
    rows, kept, hours = [], [], 0.0
    for utterance in utterances:
        path = os.path.abspath(utterance.path)
        if flaw := _not_utf8(path):
            # Tables and manifests are UTF-8: they cannot name such a file.
            report.skipped.append(Skipped(name, shortened(utterance.id), flaw))
        else:
            rows.append(replace(utterance, path=path))
    console = Console(stderr=True)
    found = checked((Path(row.path) for row in rows), check, jobs)
    with (
        RecordingSet.open_writer(folder / RECORDINGS) as recordings,
        SupervisionSet.open_writer(folder / SUPERVISIONS) as supervisions,
    ):
        for utterance, info in track(
            zip(rows, found, strict=True),
            f"checking {name}",
            total=len(rows),
            console=console,
            disable=not console.is_terminal,
        ):
            if isinstance(info, AudioError):
                report.skipped.append(Skipped(name, utterance.id, str(info)))
                continue
            if info.flaw:
                report.warned.append(info.flaw)
            recording = _recording(utterance, info)
            recordings.write(recording)
            fields = (custom or {}).get(utterance.id, {})
            spoken = language.get(utterance.id) if isinstance(language, Mapping) else language
            supervisions.write(_supervision(utterance, recording, fields, spoken))
            hours += recording.duration / 3600
            kept.append(utterance)
    if not kept:
        last = report.skipped[-1].reason if report.skipped else "the tables are empty"
        raise DataError(name, f"no usable recording ({last})", "at least one")
    report.utterances[name] = len(kept)
    report.speakers[name] = len({utterance.speaker for utterance in kept})
    report.hours[name] = hours
    return kept


def _not_utf8(path: str) -> str | None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return f"{shortened(path)}: found a name that is not UTF-8; expected a UTF-8 name"
    return None


def _recording(utterance: Utterance, info: AudioInfo) -> "Recording":
    from lhotse import AudioSource, Recording

    return Recording(
        id=utterance.id,
        sources=[AudioSource("file", list(range(info.channels)), utterance.path)],
        sampling_rate=info.sample_rate,
        num_samples=info.samples,
        duration=info.samples / info.sample_rate,
    )


def _supervision(
    utterance: Utterance,
    recording: "Recording",
    custom: Mapping[str, Any],
    language: str | None,
) -> "SupervisionSegment":
    from lhotse import SupervisionSegment

    labels = {"age": utterance.age, "age_group": utterance.age_group}
    fields = {key: value for key, value in labels.items() if value is not None}
    channels = recording.channel_ids
    return SupervisionSegment(
        id=utterance.id,
        recording_id=utterance.id,
        start=0.0,
        duration=recording.duration,
        channel=0 if len(channels) == 1 else channels,
        text=utterance.text,
        language=language,
        speaker=utterance.speaker,
        gender=utterance.gender,
        custom=fields | dict(custom),
    )


def refuse_other_content(output: Path, kept: str | None = None) -> None:
    """Raise DataError where `output` holds more than a preparation wrote: the folder `kept` alone,
    or anything beside skipped.tsv."""
    if not output.is_dir() or (output / SKIPPED).is_file():
        return
    if any(path.name != kept for path in output.iterdir()):
        raise DataError(output, "a folder with other content", "a new folder or a prepared one")


@contextmanager
def written_whole(output: str | Path, kept: str | None = None) -> Iterator[Path]:
    """A folder to write into that becomes `output` at the end, or leaves nothing after an error.

    An earlier preparation at `output` is replaced, but for the folder `kept` in it, which stays
    where it is; any other content there raises DataError.
    """
    output = Path(output).absolute()
    refuse_other_content(output, kept)
    partial: Path | None = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{output.name}.partial-", dir=output.parent))
        partial.chmod(0o755)
        yield partial
        if kept is not None and (output / kept).exists():
            _replace_content(output, partial, kept)
        elif output.exists():
            former = partial.with_name(f"{partial.name}-former")
            os.replace(output, former)
            os.replace(partial, output)
            shutil.rmtree(former)
        else:
            os.replace(partial, output)
    except OSError as error:
        raise DataError(output, str(error), "a folder that can be written") from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def _replace_content(output: Path, partial: Path, kept: str) -> None:
    """Move the content of `partial` into `output`, and what was there, but `kept`, the other way.

    First the file that marks a prepared folder: where this is interrupted, the command can be
    repeated.
    """
    written = sorted(partial.iterdir(), key=lambda path: path.name != SKIPPED)
    former = Path(tempfile.mkdtemp(prefix="former-", dir=partial))
    names = {path.name for path in written} | {kept}
    for path in written:
        if (there := output / path.name).is_dir():
            os.replace(there, former / path.name)
        os.replace(path, there)
    for path in list(output.iterdir()):
        if path.name not in names:
            os.replace(path, former / path.name)


def write_skipped(folder: Path, report: PrepareReport) -> None:
    """`skipped.tsv`: split, utterance and reason of every recording that was left out."""
    rows = [f"{s.split}\t{s.utterance}\t{s.reason}\n" for s in report.skipped]
    (folder / SKIPPED).write_text("split\tutterance\treason\n" + "".join(rows), encoding="utf-8")
