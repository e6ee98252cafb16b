"""Composes videos of conversations from pictures of people.

    python -m recipes.speechocean762.studies.conversations DATA/test TALKS --count 10 --speakers 4
        --utterances 24 --shares 0.7 1.3 --repeated
    python -m recipes.audiovisual.compose TALKS DATA/test PICTURES OUT

PICTURES is as for recipes.audiovisual.prepare. Each speaker of TALKS is paired with a person of the
same gender. A video has shots of 2 to 6 s, which begin with a turn where they can, with up to three
people: with the probability `--follows` the speaker who talks most in the shot, if on screen at
all, and up to two others of the cast. Its cast are the speakers, less `--off-screen` of them who
are never shown, and `--silent` people who never speak. A shot has one picture of each, which drifts
by some pixels and does not move otherwise. The first picture of a person is in no video.

Writes `OUT/NAME.mkv` with sound, `OUT/NAME.json`, who is where in which seconds, `OUT/all.rttm`,
and, to enrol, `OUT/portraits/SPEAKER/` and `OUT/enrolled/SPEAKER.wav`.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfile

import numpy as np

from joint.audio import read_audio
from joint.conversation.timeline import speakers_of
from joint.conversation.turns import Turn, read_turns, write_turns
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.files import atomic_write, check_folder
from joint.terminal import errors_in_one_line
from joint.units import SAMPLE_RATE, Seconds
from recipes.audiovisual.people import People
from recipes.speechocean762.studies.command import study_parser
from tasks.audiovisual.faces.dlib_models import DlibDetector
from tasks.audiovisual.faces.face import Detector
from tasks.audiovisual.faces.reading import read_picture
from tasks.audiovisual.linking.evaluate import Shown
from tasks.audiovisual.video.writing import write_video

TILE, SIDE, DRIFT = 256, 2, 4
"""Pixels of a person's place, places in a row and in a column, and pixels a picture drifts by."""
SHOT: tuple[Seconds, Seconds] = (2.0, 6.0)
RATE = 10
"""Pictures a second."""
FEWEST = 3
"""Pictures of a person: a portrait, and two to be shown."""


@dataclass(frozen=True)
class Plan:
    """How a video is made: see the options of this module's command."""

    follows: float = 0.8
    off_screen: int = 1
    silent: int = 1


@dataclass(frozen=True)
class Shot:
    """From `start` to `end`, in seconds, people with a picture each in places of the screen."""

    start: Seconds
    end: Seconds
    cast: Sequence[tuple[str, int, Path]]


def plan_shots(
    turns: Sequence[Turn],
    seconds: Seconds,
    pictures: Mapping[str, Sequence[Path]],
    plan: Plan,
    draw: random.Random,
) -> list[Shot]:
    """The shots of a conversation, whose speakers and others have `pictures` to be shown."""
    speakers = speakers_of(turns)
    silent = [name for name in pictures if name not in speakers]
    cast = speakers[plan.off_screen :] + draw.sample(silent, plan.silent)
    shots, start = [], 0.0
    while start < seconds:
        cuts = [t.start / SAMPLE_RATE for t in turns]
        cuts = [cut for cut in cuts if SHOT[0] <= cut - start <= SHOT[1]]
        end = min(seconds, draw.choice(cuts) if cuts else start + draw.uniform(*SHOT))
        talk = {name: _seconds(turns, name, start, end) for name in speakers}
        main = max(talk, key=lambda name: talk[name])
        others = draw.sample([name for name in cast if name != main], len(cast) - (main in cast))
        followed = main in cast and talk[main] > 0 and draw.random() < plan.follows
        shown = others[: draw.randint(0 if followed else 1, 2)]
        shown += [main] if followed else []
        places = draw.sample(range(SIDE * SIDE), len(shown))
        chosen = [
            (name, place, draw.choice(pictures[name]))
            for name, place in zip(shown, places, strict=True)
        ]
        shots.append(Shot(start, end, chosen))
        start = end
    return shots


def boxes_of(shots: Sequence[Shot], detector: Detector) -> list[Shown]:
    """Who is where: the box of the one face in each picture."""
    found: list[Shown] = []
    for shot in shots:
        for name, place, path in shot.cast:
            left, top = _corner(place)
            (face,) = detector(read_picture(path))
            own = (face.box[0] + left, face.box[1] + top, face.box[2] + left, face.box[3] + top)
            found.append(Shown(name, shot.start, shot.end, own))
    return found


def pictures_of(shots: Sequence[Shot], draw: random.Random) -> Iterator[np.ndarray]:
    """The pictures `(512, 512, 3)` of the video, `RATE` a second."""
    number = 0
    for shot in shots:
        tiles = [(*_corner(place), read_picture(path)) for _, place, path in shot.cast]
        speeds = [(draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in tiles]
        first = number
        while number / RATE < shot.end:
            screen = np.full((SIDE * TILE, SIDE * TILE, 3), 90, np.uint8)
            share = (number - first) / (RATE * SHOT[1])
            for (left, top, picture), (across, down) in zip(tiles, speeds, strict=True):
                x, y = (round(DRIFT * (1 + speed * share)) for speed in (across, down))
                part = screen[top + y : top + TILE, left + x : left + TILE]
                part[: picture.shape[0], : picture.shape[1]] = picture[: len(part), : part.shape[1]]
            yield screen
            number += 1


def compose(
    talks: Path, data: Path, people: People, output: Path, plan: Plan, detector: Detector
) -> list[str]:
    """Write the videos; gives their names. Raises DataError for TALKS without turns, another
    corpus, and too few people."""
    check_folder(output)
    sessions = read_turns(talks / "all.rttm")
    genders = {u.speaker: u.gender for u in open_corpus(data).utterances}
    names = sorted({turn.speaker for turns in sessions.values() for turn in turns})
    if strangers := [name for name in names if name not in genders]:
        raise DataError(data, f"no speaker {strangers[0]}", f"those of {talks}")
    silent = [f"silent{number}" for number in range(plan.silent)]
    own: dict[str, list[Path]] = {}
    for name in (*names, *silent):
        own[name] = people.pictures("test", genders.get(name, "f"))
        portrait = output / "portraits" / name / own[name][0].name
        portrait.parent.mkdir(parents=True, exist_ok=True)
        copyfile(own[name][0], portrait)
    for name, turns in sessions.items():
        draw = random.Random(f"{people.seed} {name}")
        waveform = read_audio(talks / f"{name}.wav")
        cast = {who: own[who][1:] for who in (*speakers_of(turns), *silent)}
        shots = plan_shots(turns, len(waveform) / SAMPLE_RATE, cast, plan, draw)
        shown = [asdict(each) for each in boxes_of(shots, detector)]
        atomic_write(output / f"{name}.json", json.dumps(shown, indent=1) + "\n")
        write_video(output / f"{name}.mkv", pictures_of(shots, draw), RATE, waveform)
    (output / "enrolled").mkdir(exist_ok=True)
    for recording in (talks / "enrolled").glob("*.wav"):
        copyfile(recording, output / "enrolled" / recording.name)
    write_turns(output / "all.rttm", sessions)
    return list(sessions)


def _corner(place: int) -> tuple[int, int]:
    return TILE * (place % SIDE), TILE * (place // SIDE)


def _seconds(turns: Sequence[Turn], name: str, start: Seconds, end: Seconds) -> Seconds:
    own = ((t.start / SAMPLE_RATE, t.end / SAMPLE_RATE) for t in turns if t.speaker == name)
    return sum(max(0.0, min(end, e) - max(start, s)) for s, e in own)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("talks", type=Path, help="what ….studies.conversations wrote")
    parser.add_argument("data", type=Path, help="the corpus of its speakers")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--follows", type=float, default=Plan.follows, help="0 to 1")
    parser.add_argument("--off-screen", type=int, default=Plan.off_screen)
    parser.add_argument("--silent", type=int, default=Plan.silent)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if not 0 <= given.follows <= 1:
        raise DataError("--follows", f"{given.follows:g}", "a probability, 0 to 1")
    if min(given.off_screen, given.silent) < 0:
        raise DataError("--off-screen, --silent", "a negative number", "0 or more")
    detector = DlibDetector()
    plan = Plan(given.follows, given.off_screen, given.silent)
    people = People(given.pictures, detector, 2 * FEWEST, given.seed, fewest=FEWEST)
    names = compose(given.talks, given.data, people, given.output, plan, detector)
    print(f"{len(names)} videos in {given.output}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
