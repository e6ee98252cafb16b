"""A speaker database that was written before recordings were looked at is still read."""

import json
from pathlib import Path

import numpy as np

from joint.encoders.identity import EncoderIdentity
from tasks.verification.enrolment.database import EnrolledRecording
from tasks.verification.enrolment.files import DATABASE, edit_database, read_database


def test_recordings_without_properties(tmp_path: Path) -> None:
    identity = EncoderIdentity("tested", "ab" * 32)
    with edit_database(tmp_path / "db", identity) as database:
        one = EnrolledRecording("a.wav", "a", 2.0, np.ones(4, np.float32), {"snr_db": 20.0})
        database.enroll("Anna", [one])
    path = tmp_path / "db" / DATABASE
    stored = json.loads(path.read_text())
    del stored["speakers"][0]["recordings"][0]["properties"]
    path.write_text(json.dumps(stored))
    (found,) = read_database(tmp_path / "db", identity).speakers["Anna"]
    assert found.properties == {} and found.file == "a.wav"
