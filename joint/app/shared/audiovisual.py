"""Speakers linked to the faces on screen, as `joint diarize --video` does it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from joint.app.shared.wording import count_text
from joint.conversation.timeline import speakers_of
from joint.conversation.turns import Turn
from joint.terminal import warn
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from tasks.audiovisual.linking.screen import Screen
    from tasks.audiovisual.video.reading import Video

RATE = 5.0
"""Pictures a second: syllables follow one another as fast."""
LATE: Seconds = 1.0
"""By which the lengths of recording and video may differ without a warning."""


class Watcher:
    """dlib's face encoder at work on a video, with another detector where a file of YuNet's is
    given. Raises ConfigError without the packages; CheckpointError."""

    def __init__(self, detector: Path | None = None) -> None:
        from tasks.audiovisual.faces.dlib_models import DlibDetector, DlibEmbedder
        from tasks.audiovisual.faces.face import FaceEncoder
        from tasks.audiovisual.faces.yunet import YuNet

        found = DlibDetector() if detector is None else YuNet(detector)
        self.encoder = FaceEncoder(found, DlibEmbedder())

    def portraits(self, folder: Path | None) -> dict[str, np.ndarray]:
        """See read_portraits; nobody's without a folder."""
        from tasks.audiovisual.linking.people import read_portraits

        return {} if folder is None else read_portraits(folder, self.encoder)

    def link(
        self,
        video: "Video",
        seconds: Seconds,
        turns: Sequence[Turn],
        portraits: Mapping[str, np.ndarray],
        enrolled: Collection[str] = (),
    ) -> "Screen":
        """Find the people on screen and link them to the speakers of a recording of so many
        `seconds`; see link_screen. Warns of a video without a face, and of one much longer or
        shorter. Raises DataError for pictures that cannot be decoded."""
        from tasks.audiovisual.faces.dlib_models import SAME_PERSON
        from tasks.audiovisual.linking.people import people_of
        from tasks.audiovisual.linking.screen import link_screen
        from tasks.audiovisual.video.tracks import track_faces

        frames = shown(video.frames(RATE), "pictures", True, max(1, round(seconds * RATE)))
        found = track_faces(frames, self.encoder, SAME_PERSON)
        if not found.tracks:
            warn(f"{video.path}: no face in {count_text(len(found.times), 'picture')}")
        if abs(float(found.times[-1]) - seconds) > LATE:
            warn(f"{video.path}: pictures up to {found.times[-1]:.1f} s, sound of {seconds:.1f} s")
        people = people_of(found, portraits, SAME_PERSON)
        return link_screen(found.times, people, turns, enrolled)


def screen_lines(screen: "Screen") -> Iterator[str]:
    """A line for each person on screen and for each speaker who is off-screen."""
    from tasks.audiovisual.linking.screen import seconds_seen

    for person, seconds in zip(screen.people, seconds_seen(screen), strict=True):
        link = screen.speaker(person.name)
        who = "no speaker" if link is None else f"{link.speaker} (by {link.by}, {link.score:.2f})"
        tracks = count_text(len(person.tracks), "track")
        yield f"{person.name}: {who}; on screen {seconds:.1f} s, {tracks}"
    for speaker in speakers_of(screen.turns):
        if screen.person(speaker) is None:
            yield f"off-screen: {speaker}"


def screen_values(screen: "Screen") -> dict[str, Any]:
    """The result as JSON: people with their tracks, of which each picture has its time, the box
    and a score that the person speaks; speakers with their person, null for one off-screen, and the
    share of their speech in which that person is seen."""
    from tasks.audiovisual.linking.people import visible
    from tasks.audiovisual.linking.screen import seconds_seen, spoken

    people, speakers = [], []
    rows = zip(screen.people, seconds_seen(screen), screen.speaking(), strict=True)
    for person, seconds, scores in rows:
        link = screen.speaker(person.name)
        people.append(
            {
                "name": person.name,
                "known": person.known,
                "speaker": link and link.speaker,
                "by": link and link.by,
                "score": link and link.score,
                "seconds_on_screen": seconds,
                "tracks": [
                    {
                        "seconds": list(screen.times[track.frames]),
                        "boxes": track.boxes,
                        "speaking": list(scores[track.frames]),
                    }
                    for track in person.tracks
                ],
            }
        )
    seen = visible(screen.people, len(screen.times))
    names = [person.name for person in screen.people]
    for name in speakers_of(screen.turns):
        link, (active,) = screen.person(name), spoken(screen.turns, [name], screen.times)
        together = active & seen[names.index(link.person)] if link else active & False
        own = sum(turn.end - turn.start for turn in screen.turns if turn.speaker == name)
        speakers.append(
            {
                "name": name,
                "person": link and link.person,
                "seconds": own / SAMPLE_RATE,
                "share_on_screen": together.sum() / max(active.sum(), 1),
            }
        )
    return {"people": people, "speakers": speakers}
