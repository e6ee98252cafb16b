"""Open audio files and find out whether they are as long as their headers say."""

import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import soundfile

from joint.errors import AudioError, JointError
from joint.formats import mp3
from joint.units import Samples

# Writers that stream do not know the length: of WAV and AU they put the largest number in the
# header, of FLAC none, for which libsndfile gives the largest number.
_UNKNOWN_BYTES = 0x7FFF0000
_UNKNOWN_LENGTH: Samples = 1 << 62

_READABLE = "audio that libsndfile decodes (WAV, FLAC, Ogg, MP3, …)"

_CHUNK = re.compile(r"^\s*(?:data|SSND|BODY|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
"""libsndfile's note on the samples of a WAV, AIFF, SVX or AU file: bytes by header, bytes found."""
_RF64 = re.compile(r"Calculated frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
_NIST = re.compile(rb"^sample_count -i (\d+)", re.MULTILINE)


class AudioFile(soundfile.SoundFile):
    """An audio file that is read from its beginning to its end.

    soundfile seeks to where it is after each block, which a FLAC file of unknown length does not
    bear at its end.
    """

    def seekable(self) -> bool:
        """No."""
        return False

    @property
    def length(self) -> Samples | None:
        """Samples by the header; None where it does not know."""
        return int(self.frames) if self.frames < _UNKNOWN_LENGTH else None


@contextmanager
def opened(path: Path) -> Iterator[AudioFile]:
    """An audio file that is as long as its header says.

    Raises AudioError for what is no regular file (a pipe is never waited for) or is empty, cannot
    be decoded or is truncated, also inside the block.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise AudioError(path, reason, "an audio file") from error
    if not stat.S_ISREG(status.st_mode):
        found = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        raise AudioError(path, found, "an audio file")
    if status.st_size == 0:
        raise AudioError(path, "an empty file", "an audio file")
    # As bytes: a name need not be UTF-8, and soundfile encodes texts as if it were.
    with decoding(path), path.open("rb") as raw, _opened(path, raw, os.fsencode(path)) as file:
        yield file


@contextmanager
def opened_bytes(content: bytes, where: str) -> Iterator[AudioFile]:
    """As `opened` of a file with this content, which `where` names in messages."""
    if not content:
        raise AudioError(where, "an empty file", "an audio file")
    raw = io.BytesIO(content)
    with decoding(where), _opened(where, raw, io.BytesIO(content)) as file:
        yield file


@contextmanager
def decoding(where: str | Path) -> Iterator[None]:
    """Turn whatever a decoder raises into AudioError.

    soundfile raises its own errors, but also TypeError (a name such as x.raw, whose rate is
    unknown), ValueError and RuntimeError (what a codec cannot do).
    """
    try:
        yield
    except JointError:
        raise
    except Exception as error:
        reason = " ".join(str(getattr(error, "error_string", error)).split()).strip(" .")
        raise AudioError(where, f"an undecodable file ({reason})", _READABLE) from error


def refuse_fewer(where: str | Path, file: AudioFile, samples: Samples) -> None:
    """Raise AudioError where fewer `samples` were decoded than the header says. That of an MP3 is
    a guess, and its frames have been counted."""
    if file.length is not None and samples < file.length and file.format != "MP3":
        raise AudioError(where, f"{samples} samples", f"{file.length} (truncated)")


@contextmanager
def _opened(where: str | Path, raw: BinaryIO, source: bytes | BinaryIO) -> Iterator[AudioFile]:
    begin = raw.read(1024)
    if mp3.may_be_mp3(Path(where).suffix, begin):
        # Before the decoder sees a bad one, which prints complaints of its own.
        content = begin + raw.read()
        if (stream := _counted(where, content)) is not None:
            source = io.BytesIO(mp3.of_known_length(content, stream))
    with AudioFile(source) as file:
        _refuse_truncated(where, file, begin, raw)
        yield file


def _counted(where: str | Path, content: bytes) -> mp3.Stream | None:
    """The frames of an MP3; None of another format. Raises AudioError for none, for fewer than the
    header says, and for junk among them that the decoder does not pass over."""
    stream = mp3.frames_of(content)
    if stream is None:
        return None
    if not stream.frames:
        raise AudioError(where, "no frame of MPEG audio", _READABLE)
    if stream.lacking:
        expected = f"{stream.declared}, as its header says (truncated, or a wrong header)"
        raise AudioError(where, f"{stream.frames} frames of MPEG audio", expected)
    if stream.junk > mp3.SKIPPED:
        found = f"{stream.junk} bytes amid the frames that are no MPEG audio"
        raise AudioError(where, found, f"at most {mp3.SKIPPED}")
    return stream


def _refuse_truncated(where: str | Path, file: AudioFile, begin: bytes, raw: BinaryIO) -> None:
    """Raise AudioError where the file ends before its own header or last page says it should.

    libsndfile reads what is left of such a file without a word, and a corpus copied to a disk
    that was full is made of them.
    """
    if found := _CHUNK.search(file.extra_info):
        header, there = int(found[1]), int(found[2])
        if there < header < _UNKNOWN_BYTES:
            raise AudioError(where, f"{there} bytes of samples", f"{header} (truncated)")
    if file.format == "OGG" and not _ogg_is_complete(raw):
        raise AudioError(where, "no end of stream", "a last Ogg page that closes it (truncated)")
    declared = None
    if found := _RF64.search(file.extra_info):
        declared = int(found[2])
    elif file.format == "NIST" and (counted := _NIST.search(begin)):
        declared = int(counted[1])
    if declared is not None and file.frames < declared:
        raise AudioError(where, f"{file.frames} samples", f"{declared} (truncated)")


def _ogg_is_complete(raw: BinaryIO) -> bool:
    """Whether the last page is whole and carries the end-of-stream flag (RFC 3533, section 6)."""
    header, largest_page = 27, 65_307
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(0, size - largest_page))
    tail = raw.read()
    start = tail.rfind(b"OggS")
    if start < 0 or len(tail) < start + header:
        return False
    flags, segments = struct.unpack_from("B", tail, start + 5)[0], tail[start + header - 1]
    table = tail[start + header : start + header + segments]
    return bool(flags & 4) and len(tail) >= start + header + segments + sum(table)
