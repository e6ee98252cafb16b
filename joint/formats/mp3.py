"""The frames of an MP3 file, counted: an MP3 has no reliable length in its header.

libsndfile takes the length from a Xing or VBRI header, or guesses it from the bit rate of the first
frame, and stops reading there; where the file ends earlier it gives what there is, without a word.
Layout: ISO/IEC 11172-3 and 13818-3; https://www.mp3-tech.org/programmer/frame_header.html.
"""

import struct
from dataclasses import dataclass

ENDINGS = (".mp3", ".mp2", ".mp1", ".mpga")

SKIPPED = 1024
"""Bytes of junk between two frames that the decoder passes over, but not more."""

_BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by index from 1 on, for MPEG-1 or not and the layer."""

_SAMPLE_RATES = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
"""Hertz by version: MPEG-1, 2 and 2.5."""

_OTHER_FORMATS = (b"fLaC", b"RIFF", b"RF64", b"OggS", b"FORM", b".snd", b"NIST", b"caff")


@dataclass(frozen=True)
class Frame:
    """A frame's `size` in bytes; frames of one `stream` have the same version, layer and rate."""

    size: int
    stream: tuple[int, int, int]


@dataclass(frozen=True)
class Stream:
    """The frames of a file.

    Attributes:
        frames: Their number, without a Xing or VBRI header and one that is cut off.
        declared: The number of frames in the header; 0 where that does not say it, None without
            a header.
        header: From and to where the header is.
        pieces: From and to where frames follow each other.
        junk: The most bytes between two pieces that are no tag either.
    """

    frames: int = 0
    declared: int | None = None
    header: tuple[int, int] = (0, 0)
    pieces: tuple[tuple[int, int], ...] = ()
    junk: int = 0

    @property
    def lacking(self) -> bool:
        """Whether there are fewer frames than the header says; some encoders count that too."""
        return self.frames < (self.declared or 0) - 1


def may_be_mp3(ending: str, begin: bytes) -> bool:
    """Whether a decoder could take a file with this ending and first bytes for an MP3."""
    if begin.startswith(_OTHER_FORMATS):
        return False
    synchronised = len(begin) > 1 and begin[0] == 0xFF and begin[1] & 0xE0 == 0xE0
    return begin[:3] == b"ID3" or synchronised or ending.lower() in ENDINGS


def frames_of(content: bytes) -> Stream | None:
    """Count the frames of an MP3 file; None for another format, which may begin with an ID3 tag."""
    position = _after_tags(content, 0)
    if content.startswith(_OTHER_FORMATS, position):
        return None
    found = _next(content, position, None)
    if found is None:
        return Stream()
    start, kind = found
    declared = _declared(content[start : start + kind.size])
    position = start + (0 if declared is None else kind.size)
    header, pieces = (start, position), [(position, position)]
    known: dict[bytes, Frame | None] = {}
    frames = junk = 0
    while position < len(content):
        key = content[position : position + 3]
        if key not in known:
            known[key] = _frame(key)
        frame = known[key]
        if frame is not None and frame.stream == kind.stream:
            position += frame.size
            if position <= len(content):
                frames, pieces[-1] = frames + 1, (pieces[-1][0], position)
            continue
        after = _after_tags(content, position)
        if (found := _next(content, after, kind)) is None:
            break
        position = found[0]
        pieces.append((position, position))
        junk = max(junk, position - after)
    return Stream(frames, declared, header, tuple(pieces), junk)


def of_known_length(content: bytes, stream: Stream) -> bytes:
    """The frames of the file alone, behind a header that says how many there are, so that all of
    them are decoded."""
    frames = b"".join(content[start:end] for start, end in stream.pieces)
    if stream.frames <= (stream.declared or 0) + 1:
        return content[slice(*stream.header)] + frames
    return _new_header(frames, stream.frames) + frames


def _new_header(frames: bytes, number: int) -> bytes:
    """A frame like the first of `frames`, with a Xing header in it."""
    frame = _frame(frames[:3])
    assert frame is not None
    header = bytearray(frames[:4])
    header[1] |= 1  # without a checksum
    header += bytes(_side_information(bytes(header))) + struct.pack(">4sII", b"Xing", 1, number)
    return bytes(header.ljust(frame.size, b"\x00"))


def _frame(header: bytes) -> Frame | None:
    """What the first three bytes of a frame say; None where they begin no frame of fixed size."""
    if len(header) < 3 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, sampling, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in (0, 15) or sampling == 3:
        return None
    bits = 1000 * _BIT_RATES[version == 3, layer][rate - 1]
    hertz = _SAMPLE_RATES[version][sampling]
    stream = (version, layer, hertz)
    if layer == 1:
        return Frame((12 * bits // hertz + padding) * 4, stream)
    samples = 576 if layer == 3 and version != 3 else 1152
    return Frame(samples // 8 * bits // hertz + padding, stream)


def _next(content: bytes, start: int, like: Frame | None) -> tuple[int, Frame] | None:
    """The next frame from `start` on that another of its stream follows, or the file's end."""
    position = content.find(b"\xff", start)
    while position >= 0:
        frame = _frame(content[position : position + 3])
        if frame is not None and (like is None or frame.stream == like.stream):
            end = position + frame.size
            after = _frame(content[end : end + 3])
            follows = after is not None and after.stream == frame.stream
            if follows or end == len(content) or _after_tags(content, end) > end:
                return position, frame
        position = content.find(b"\xff", position + 1)
    return None


def _after_tags(content: bytes, start: int) -> int:
    """Where the ID3 tags at `start`, or the tags at the end of the file, are over."""
    while content[start : start + 3] == b"ID3" and len(content) >= start + 10:
        size = 0
        for byte in content[start + 6 : start + 10]:
            size = size << 7 | byte & 127
        start += 10 + size + (10 if content[start + 5] & 16 else 0)
    if content.startswith((b"TAG", b"APETAGEX", b"LYRICSBEGIN"), start):
        return len(content)
    return min(start, len(content))


def _side_information(header: bytes) -> int:
    """Bytes between a frame's header and its Xing header."""
    mpeg1, mono = header[1] >> 3 & 3 == 3, header[3] >> 6 == 3
    return (17 if mono else 32) if mpeg1 else (9 if mono else 17)


def _declared(frame: bytes) -> int | None:
    """The number of frames in the header that a file's first frame may be: 0 where that does not
    say it, None where the frame is none."""
    for name in (b"Xing", b"Info"):
        # Some encoders count the checksum's two bytes, some do not.
        if 0 <= (place := frame.find(name)) <= 4 + 32 + 2 and len(frame) >= place + 12:
            _, flags, number = struct.unpack_from(">4sII", frame, place)
            return number if flags & 1 else 0
    if frame.startswith(b"VBRI", 36) and len(frame) >= 36 + 18:
        return int(struct.unpack_from(">I", frame, 36 + 14)[0])
    return None
