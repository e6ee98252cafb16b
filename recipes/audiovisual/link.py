"""Links the speakers of composed videos to the faces on screen, and scores the links.

    python -m recipes.audiovisual.link VIDEOS exp/links.md --checkpoint campplus-joint

VIDEOS is what recipes.audiovisual.compose wrote. Who speaks when is as in the reference, without
its names, or as found by clustering, given the number of speakers. Known, by a voice and a portrait
each, are all speakers, every second one, or none. The last row always guesses the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from joint import load
from joint.conversation.activity import own_speech, spoken_steps
from joint.conversation.naming import attribute
from joint.conversation.timeline import speakers_of
from joint.conversation.turns import Turn, read_turns
from joint.errors import CheckpointError, DataError
from joint.experiments.tables import comparison_table
from joint.files import atomic_write, write_json
from joint.terminal import errors_in_one_line
from joint.training.progress import shown
from recipes.audiovisual.embed import Embed
from recipes.speechocean762.studies.command import study_parser
from tasks.audiovisual.faces.dlib_models import SAME_PERSON, dlib_encoder
from tasks.audiovisual.linking.evaluate import LinkFigures, Shown, evaluate_links
from tasks.audiovisual.linking.people import people_of, read_portraits
from tasks.audiovisual.linking.screen import LEAST, link_screen
from tasks.audiovisual.video.reading import open_video
from tasks.audiovisual.video.tracks import track_faces

RATE = 5.0
"""Pictures a second, as `joint diarize --video` looks at."""
STEPS = {"all": 1, "half": 2, "none": 0}
"""Who is known: every so many-th speaker; 0: nobody."""
COLUMNS = {
    "speakers_percent": "speakers right %",
    "tracks_percent": "tracks right %",
    "average_precision_percent": "active speaker, AP %",
}


def read_shown(path: Path) -> list[Shown]:
    """Who is shown in a composed video. Raises DataError for another file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [Shown(e["name"], e["start"], e["end"], tuple(e["box"])) for e in content]
    except (OSError, ValueError, KeyError, TypeError):
        expected = "a list that recipes.audiovisual.compose wrote"
        raise DataError(path, "no such list", expected) from None


def unnamed(turns: Sequence[Turn]) -> list[Turn]:
    """The turns of speaker1, speaker2, …."""
    names = {name: f"speaker{n}" for n, name in enumerate(speakers_of(turns), start=1)}
    return [replace(turn, speaker=names[turn.speaker], text="") for turn in turns]


def voices_of(turns: Sequence[Turn], waveform: np.ndarray, embed: Embed) -> dict[str, np.ndarray]:
    """The embedding `(E,)` of what each speaker says alone."""
    names = speakers_of(turns)
    active = spoken_steps(turns, names, len(waveform))
    own = [own_speech(waveform, active, place) for place in range(len(names))]
    return dict(zip(names, embed(own), strict=True))


def recognised(
    turns: Sequence[Turn],
    voices: Mapping[str, np.ndarray],
    enrolled: Mapping[str, np.ndarray],
    threshold: float,
) -> list[Turn]:
    """Turns whose speakers have the name of the enrolled person whom they sound like, if any."""
    if not enrolled:
        return list(turns)
    found = attribute(np.stack(list(voices.values())), enrolled, threshold)
    names = {old: new or old for old, new in zip(voices, found, strict=True)}
    return [replace(turn, speaker=names[turn.speaker]) for turn in turns]


def figures_of(parts: Sequence[LinkFigures]) -> dict[str, float]:
    """Over all videos together, in percent."""
    labels = np.concatenate([part.labels for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    return {
        "speakers_percent": 100.0 * sum(p.speakers_right for p in parts) / _sum(parts, "speakers"),
        "tracks_percent": 100.0 * sum(p.tracks_right for p in parts) / _sum(parts, "tracks"),
        "average_precision_percent": 100.0 * float(average_precision_score(labels, scores)),
        "speakers": _sum(parts, "speakers"),
        "tracks": _sum(parts, "tracks"),
        "faces": len(labels),
        "faces_found_percent": 100.0 * sum(p.faces_found for p in parts) / len(labels),
        "faces_speaking_percent": 100.0 * float(labels.mean()),
    }


def compare(
    folder: Path, checkpoint: str, least: Sequence[float] = (LEAST,), count: int | None = None
) -> dict[str, dict[str, float]]:
    """The figures by who is known and by whose turns, for each value of `least`, over the first
    `count` videos.

    Raises DataError for a folder that is not composed, CheckpointError for a checkpoint without a
    threshold.
    """
    sessions, model, encoder = read_turns(folder / "all.rttm"), load(checkpoint), dlib_encoder()
    if model.threshold is None:
        raise CheckpointError(checkpoint, "no threshold", "one that recognises speakers")
    portraits = read_portraits(folder / "portraits", encoder)
    files = {path.stem: path for path in sorted((folder / "enrolled").glob("*.wav"))}
    rows: dict[str, list[LinkFigures]] = {}
    for name, reference in shown(list(sessions.items())[:count], "videos", True):
        video = open_video(folder / f"{name}.mkv")
        faces = read_shown(folder / f"{name}.json")
        tracks = track_faces(video.frames(RATE), encoder, SAME_PERSON)
        waveform, people = video.sound(), speakers_of(reference)
        turns = {
            "reference": unnamed(reference),
            "clustering": model.diarize(waveform, len(people)),
        }
        voices = {kind: voices_of(own, waveform, model.embed) for kind, own in turns.items()}
        recorded = {who: model.embed([files[who]]) for who in people if who in files}
        for known, step in STEPS.items():
            some = [who for who in people[::step] if who in recorded] if step else []
            enrolled = {who: recorded[who] for who in some}
            seen = people_of(tracks, {who: portraits[who] for who in some}, SAME_PERSON)
            for kind, own in turns.items():
                given = recognised(own, voices[kind], enrolled, model.threshold)
                for value in least:
                    screen = link_screen(tracks.times, seen, given, enrolled, value)
                    row = f"turns by {kind}, {known} known"
                    row += f", least {value:g}" if len(least) > 1 else ""
                    rows.setdefault(row, []).append(evaluate_links(screen, faces, reference))
    found = {row: figures_of(parts) for row, parts in rows.items()}
    chance = next(iter(found.values()))["faces_speaking_percent"]
    return {**found, "the same for every face": {"average_precision_percent": chance}}


def _sum(parts: Sequence[LinkFigures], what: str) -> int:
    return sum(getattr(part, what) for part in parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("folder", type=Path, help="what recipes.audiovisual.compose wrote")
    parser.add_argument("output", type=Path, help="a Markdown file to write; JSON lies beside it")
    parser.add_argument("--checkpoint", default="campplus-joint", help="of the voice encoder")
    parser.add_argument("--least", type=float, nargs="+", default=[LEAST], metavar="CORRELATION")
    parser.add_argument("--count", type=int, help="videos, the first ones; by default all")
    given = parser.parse_args(arguments)
    if given.count is not None and given.count < 1:
        raise DataError("--count", str(given.count), "1 or more")
    found = compare(given.folder, given.checkpoint, given.least, given.count)
    table = comparison_table("who is known", COLUMNS, {name: [row] for name, row in found.items()})
    write_json(given.output.with_suffix(".json"), found)
    atomic_write(given.output, table)
    print(table)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
