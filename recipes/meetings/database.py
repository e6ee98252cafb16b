"""Meetings of a `database.yml`, the configuration of pyannote.database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from joint.conversation.turns import Turn, read_turns
from joint.errors import DataError, first_of
from joint.inspection.speech import Region
from recipes.meetings.references import References, read_list, unknown
from tasks.diarization.meetings import Meeting
from tasks.diarization.uem import read_uem

TASK = "SpeakerDiarization"
EXPECTED = "a database.yml with Protocols and Databases"


def read_database(where: Path, protocol: str | None, subsets: Sequence[str]) -> list[Meeting]:
    """Read the recordings that the lists (`uri`) of `subsets` name, with their `annotation` (RTTM)
    and `annotated` (UEM); `Databases` says where the audio is.

    `protocol` is a name such as AMI.SpeakerDiarization.only_words; None: the only one there is.
    Raises DataError for what is no such configuration, an unknown protocol or subset, a listed
    recording without audio, without turns or regions, and one that two subsets list.
    """
    content = _loaded(where)
    name = _chosen(where, content["Protocols"], protocol)
    database, _, title = name.split(".", 2)
    known = _mapping(where, name, content["Protocols"][database][TASK][title])
    found: dict[str, Meeting] = {}
    for subset in subsets:
        if subset not in known:
            raise unknown(where, f"{name} without {subset}", list(known), first_of(sorted(known)))
        entries = _mapping(where, f"{name}.{subset}", known[subset])
        templates = _audio(where, database, content["Databases"].get(database))
        fields = {"database": database, "subset": subset}
        for meeting in _Files(where, f"{name}.{subset}", entries, templates, fields).meetings():
            if meeting.name in found:
                raise DataError(where, f"{meeting.name} in two subsets", "each recording in one")
            found[meeting.name] = meeting
    return list(found.values())


def _loaded(where: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(where.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(where, f"no readable YAML ({error})", EXPECTED) from None
    content = _mapping(where, "the file", content)
    for key in ("Protocols", "Databases"):
        _mapping(where, key, content.get(key))
    return content


def _chosen(where: Path, protocols: Mapping[str, Any], name: str | None) -> str:
    """The full name of the protocol asked for."""
    names = [
        f"{database}.{TASK}.{title}"
        for database, tasks in protocols.items()
        for title in _mapping(where, TASK, _mapping(where, database, tasks).get(TASK, {}))
    ]
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise DataError(where, f"{len(names)} protocols ({first_of(names)})", "--protocol NAME")
    if name not in names:
        raise unknown(where, f"no protocol {name}", names, first_of(names))
    return name


def _audio(where: Path, database: str, templates: Any) -> list[str]:
    """The paths under which a database's audio is looked up."""
    found = templates if isinstance(templates, list) else [templates]
    if not found or not all(isinstance(template, str) for template in found):
        raise DataError(where, f"Databases: {database}: {templates!r}", "a path with {uri}")
    return found


def _mapping(where: Path, key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DataError(where, f"{key}: {value!r}", EXPECTED)
    return value


@dataclass(frozen=True)
class _Files:
    """The files of a subset: templates of paths, in which `{uri}` stands for a recording."""

    where: Path
    name: str
    entries: Mapping[str, Any]
    audio: Sequence[str]
    fields: Mapping[str, str]

    def meetings(self) -> list[Meeting]:
        """The recordings of the subset's list."""
        (listed,) = self._looked_up("uri", [""])
        names = read_list(listed)
        turns: dict[str, list[Turn]] = {}
        for path, own in self._looked_up("annotation", names).items():
            read = read_turns(path)
            # A file of one recording may say that nobody speaks in it.
            turns |= read or ({own[0]: []} if len(own) == 1 else {})
        scored: dict[str, list[Region]] | None = None
        if "annotated" in self.entries:
            scored = {}
            for path in self._looked_up("annotated", names):
                scored |= read_uem(path)
        references = References(turns, scored)
        return [references.meeting(name, self._recording(name), listed) for name in names]

    def _looked_up(self, key: str, names: Sequence[str]) -> dict[Path, list[str]]:
        """The files of an entry, each with the recordings that are looked up in it."""
        template = self.entries.get(key)
        if not isinstance(template, str):
            raise DataError(self.where, f"{self.name}: {key}: {template!r}", "the path of a file")
        found: dict[Path, list[str]] = {}
        for name in names:
            found.setdefault(self._path(template, name), []).append(name)
        return found

    def _recording(self, name: str) -> Path:
        paths = [self._path(template, name) for template in self.audio]
        found = [path for path in paths if path.is_file()]
        if len(found) == 1:
            return found[0]
        listed = first_of([str(path) for path in found or paths], 2)
        raise DataError(self.where, f"{len(found)} audio files of {name}", f"one ({listed})")

    def _path(self, template: str, name: str) -> Path:
        """A recording's file; a relative path is one beside the `database.yml`."""
        try:
            path = Path(template.format(uri=name, **self.fields)).expanduser()
        except (AttributeError, LookupError, ValueError) as error:
            found = f"{self.name}: {template!r} ({error})"
            expected = "a path with {uri}, {subset} or {database}"
            raise DataError(self.where, found, expected) from None
        return self.where.parent / path
