"""Make the embedded corpus, a small part of speechocean762 in the corpus's own layout.

    python -m recipes.speechocean762.embed CORPUS --output recipes/speechocean762/embedded

`train` has 36 of the corpus's train speakers, `test` the 12 validation speakers, so that models
that were trained on it or on the full recipe's `train` can be tested on it.
"""

import random
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import soundfile
import typer

from joint.data.corpus import Utterance
from joint.data.prepare.manifests import written_whole
from joint.data.prepare.tables import read_table, read_tables, write_tables
from joint.errors import DataError
from joint.terminal import errors_in_one_line
from recipes.speechocean762.lists import choose_speakers, write_lists
from recipes.speechocean762.prepare import HELD_OUT, read_speakers

EMBEDDED = Path(__file__).with_name("embedded")
SEED = 762
SPEAKERS_PER_GROUP = 9
UTTERANCES_PER_SPEAKER = 11
TARGETS_PER_SPEAKER = 30
MIXTURES = 120
LIMIT_BYTES = 18_000_000

README = """\
# Embedded corpus: a small part of speechocean762
{train} utterances of 36 speakers in `train` and {test} of 12 others in `test`; a quarter of either
group each: girls, boys (below 16 years), women, men. All 48 are *train* speakers of the whole
corpus; the 12 are the project's validation speakers (`../held_out_speakers.txt`), which no recipe
trains on.

**Source and attribution.** Junbo Zhang, Zhiwen Zhang, Yongqing Wang, Zhiyong Yan, Qiong Song,
Yukai Huang, Ke Li, Daniel Povey, Yujun Wang: "speechocean762: An Open-Source Non-native English
Speech Corpus For Pronunciation Assessment", Interspeech 2021. Distributed as OpenSLR 101
(https://www.openslr.org/101), licence CC BY 4.0
(https://creativecommons.org/licenses/by/4.0/).

**What was changed.** A part of the speakers and utterances was chosen, the audio re-encoded from
WAV to Ogg Vorbis (quality 0.7, 16 kHz mono), the pronunciation scores left out, and tables,
lexicon and phones restricted to what is here. `test/trials` and `test/mix2_extraction.csv` were
made for this project:
- `trials`: `LABEL UTT1 UTT2`, 1 = same speaker; {nontarget} non-target and {target} target trials,
  three quarters of the non-target ones between speakers of one gender and age group.
- `mix2_extraction.csv`: `mix_id,target,interferer,enrollment,snr_db`, {mixtures} mixtures, half of
  one gender. With s, n the two waveforms cut to the shorter length:
  g = sqrt(mean(s²) / (mean(n²)·10^(snr_db/10))), mixture = s + g·n, reference = s.

Made by `python -m recipes.speechocean762.embed CORPUS` with seed {seed}.
"""


def embed(corpus: str | Path, output: str | Path) -> int:
    """Write the embedded corpus into the new folder `output`; returns its size in bytes.

    Raises DataError where the corpus lacks speakers, `output` has content or the size would be
    over 18 MB.
    """
    root = Path(corpus)
    everybody = read_tables(root / "train")
    held_out = read_speakers(HELD_OUT)
    if missing := held_out - {u.speaker for u in everybody}:
        raise DataError(root, f"no train speaker {min(missing)}", f"all of {HELD_OUT.name}")
    rest = [u for u in everybody if u.speaker not in held_out]
    speakers = set(choose_speakers(rest, SPEAKERS_PER_GROUP, SEED))
    splits = {
        "train": _some([u for u in rest if u.speaker in speakers]),
        "test": _some([u for u in everybody if u.speaker in held_out]),
    }
    with written_whole(output) as partial:
        for name, utterances in splits.items():
            _write_split(partial, name, utterances)
        write_lists(partial / "test", splits["test"], TARGETS_PER_SPEAKER, MIXTURES, SEED)
        _write_resources(root, partial, [u for split in splits.values() for u in split])
        labels = [line[0] for line in (partial / "test" / "trials").read_text().splitlines()]
        readme = README.format(
            train=len(splits["train"]),
            test=len(splits["test"]),
            target=labels.count("1"),
            nontarget=labels.count("0"),
            mixtures=MIXTURES,
            seed=SEED,
        )
        (partial / "README.md").write_text(readme, encoding="utf-8")
        size = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
        if size > LIMIT_BYTES:
            raise DataError(output, f"{size / 1e6:.1f} MB", f"at most {LIMIT_BYTES / 1e6:.0f} MB")
    return size


def _some(utterances: Sequence[Utterance]) -> list[Utterance]:
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_speaker[utterance.speaker].append(utterance)
    generator = random.Random(SEED)
    return [
        utterance
        for _, own in sorted(by_speaker.items())
        for utterance in sorted(
            generator.sample(own, min(UTTERANCES_PER_SPEAKER, len(own))), key=lambda u: u.id
        )
    ]


def _write_split(root: Path, name: str, utterances: Sequence[Utterance]) -> None:
    """Write audio into WAVE/ and the tables of one split, with paths relative to `root`."""
    relative = []
    utterances_of: dict[str, list[str]] = defaultdict(list)
    for utterance in utterances:
        path = Path("WAVE", f"SPEAKER{utterance.speaker}", f"{utterance.id}.ogg")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        _copy_as_ogg(Path(utterance.path), root / path)
        relative.append(replace(utterance, path=str(path)))
        utterances_of[utterance.speaker].append(utterance.id)
    (root / name).mkdir()
    write_tables(root / name, relative)
    lines = [f"{speaker} {' '.join(ids)}\n" for speaker, ids in sorted(utterances_of.items())]
    (root / name / "spk2utt").write_text("".join(lines), encoding="utf-8")


def _copy_as_ogg(source: Path, target: Path) -> None:
    if source.suffix.lower() == ".ogg":
        shutil.copyfile(source, target)
        return
    waveform, rate = soundfile.read(source, dtype="float32")
    soundfile.write(target, waveform, rate, format="OGG", subtype="VORBIS", compression_level=0.3)


def _write_resources(corpus: Path, root: Path, utterances: Sequence[Utterance]) -> None:
    """Write lexicon and phones of these utterances; a word has one line for each pronunciation."""
    ids = {utterance.id for utterance in utterances}
    words = {word for utterance in utterances for word in utterance.text.split()}
    (root / "resource").mkdir()
    lexicon = (corpus / "resource" / "lexicon.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lexicon if line.split(maxsplit=1)[:1] and line.split()[0] in words]
    (root / "resource" / "lexicon.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")
    phones = read_table(corpus / "resource" / "text-phone")
    lines = [f"{k}\t{v}\n" for k, v in phones.items() if k.rpartition(".")[0] in ids]
    (root / "resource" / "text-phone").write_text("".join(lines), encoding="utf-8")


def main(
    corpus: Annotated[Path, typer.Argument(help="The corpus in the layout of OpenSLR 101.")],
    output: Annotated[Path, typer.Option(help="A new folder.")] = EMBEDDED,
) -> None:
    """Make the embedded corpus."""
    print(f"{output}: {embed(corpus, output) / 1e6:.1f} MB")


if __name__ == "__main__":
    with errors_in_one_line():
        typer.run(main)
