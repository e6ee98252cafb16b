"""Copy the manifests of some utterances of a prepared folder into another folder."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from lhotse import RecordingSet, SupervisionSet

from joint.data.corpus import RECORDINGS, SUPERVISIONS
from joint.data.phones import PHONES
from joint.errors import DataError


def write_subset(folder: Path, utterances: Collection[str], output: Path) -> Path:
    """The manifests of these `utterances`, in the order of `folder`, and its phones, into `output`;
    the recordings are not copied. Raises DataError for unknown utterances."""
    wanted = set(utterances)
    everything = SupervisionSet.from_file(folder / SUPERVISIONS)
    chosen = [s for s in everything if s.id in wanted]
    if missing := wanted - {s.id for s in chosen}:
        raise DataError(folder, f"no utterance {min(missing)}", f"all {len(wanted)}")
    wanted = {s.recording_id for s in chosen}
    recordings = [r for r in RecordingSet.from_file(folder / RECORDINGS) if r.id in wanted]
    for recording in recordings:  # a relative path is one below `folder`
        for source in recording.sources:
            source.source = os.path.join(os.path.abspath(folder), source.source)
    output.mkdir(parents=True, exist_ok=True)
    SupervisionSet.from_segments(chosen).to_file(output / SUPERVISIONS)
    RecordingSet.from_recordings(recordings).to_file(output / RECORDINGS)
    if (folder / PHONES).is_file():
        shutil.copyfile(folder / PHONES, output / PHONES)
    return output
