"""Copy the manifests of some utterances of prepared folders into another folder."""

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from lhotse import RecordingSet, SupervisionSet

from joint.data.corpus import RECORDINGS, SUPERVISIONS
from joint.data.phones import PHONES
from joint.errors import DataError


def refuse_prepared(output: Path) -> None:
    """Raises DataError where `output` is a prepared folder already."""
    if (output / SUPERVISIONS).exists():
        raise DataError(output, "a prepared folder", "a folder that is not there yet")


def write_subset(folders: Path | Sequence[Path], utterances: Collection[str], output: Path) -> Path:
    """The manifests of these `utterances`, in the order of the folders, and the phones of the first
    folder, into `output`; the recordings are not copied.

    An utterance that several folders have is taken from the first. Manifests are copied a line at a
    time. Raises DataError for utterances that no folder has.
    """
    folders = [folders] if isinstance(folders, Path) else list(folders)
    chosen: dict[Path, set[str]] = {}
    missing = set(utterances)
    for folder in folders:
        there = {s.id for s in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS)}
        chosen[folder] = missing & there
        missing -= there
    if missing:
        raise DataError(folders[0], f"no utterance {min(missing)}", f"all {len(set(utterances))}")
    output.mkdir(parents=True, exist_ok=True)
    with (
        RecordingSet.open_writer(output / RECORDINGS) as recordings,
        SupervisionSet.open_writer(output / SUPERVISIONS) as supervisions,
    ):
        for folder, names in chosen.items():
            used = set()
            for supervision in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS):
                if supervision.id in names:
                    supervisions.write(supervision)
                    used.add(supervision.recording_id)
            for recording in RecordingSet.from_jsonl_lazy(folder / RECORDINGS):
                if recording.id in used:
                    for source in recording.sources:  # a relative path is one below `folder`
                        source.source = os.path.join(os.path.abspath(folder), source.source)
                    recordings.write(recording)
    if (folders[0] / PHONES).is_file():
        shutil.copyfile(folders[0] / PHONES, output / PHONES)
    return output
