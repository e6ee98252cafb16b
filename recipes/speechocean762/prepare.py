"""speechocean762 (OpenSLR 101, or its re-encoded copy) into lhotse manifests and Kaldi tables.

OUT/train, OUT/validation and OUT/test each get `recordings.jsonl.gz`, `supervisions.jsonl.gz` and
the tables. `validation` holds the 12 speakers of `held_out_speakers.txt`, taken out of `train`;
its `trials` and `mix2_extraction.csv` are what models are selected on. Both it and `test` get
`sentences.tsv` and `conversions.tsv`.
"""

from collections import defaultdict
from pathlib import Path

from joint.data.choices import SENTENCE_COUNT
from joint.data.prepare.manifests import PrepareReport, write_skipped, write_split, written_whole
from joint.data.prepare.speech_pairs import write_speech_pairs
from joint.data.prepare.splits import refuse_overlap
from joint.data.prepare.tables import copy_lists, read_table, read_tables, write_tables
from joint.errors import DataError
from joint.files import read_lines
from recipes.speechocean762.lists import write_lists

HELD_OUT = Path(__file__).with_name("held_out_speakers.txt")
SEED = 762
TARGETS_PER_SPEAKER = 60
MIXTURES = 300
TABLES = ("wav.scp", "text", "utt2spk", "spk2gender", "spk2age")


def prepare(
    corpus: str | Path,
    output: str | Path,
    held_out: str | Path | None = HELD_OUT,
    jobs: int = 1,
    sentences: int = SENTENCE_COUNT,
) -> PrepareReport:
    """Check the corpus and write its splits into `output`, whole or not at all.

    `held_out` lists the validation speakers, one a line (None: no validation split); a corpus
    that has none of them in `train`, such as the embedded one, gets no validation split.
    `jobs` recordings are checked at a time. `sentences` is the number of rows of the lists for
    synthesis and conversion (0: no lists).
    Bad recordings are skipped and listed in `skipped.tsv`. Raises DataError for missing tables.
    """
    root = Path(corpus)
    needed = [f"{split}/{table}" for split in ("train", "test") for table in TABLES]
    if missing := [name for name in needed if not (root / name).is_file()]:
        raise DataError(root, f"no {', '.join(missing)}", "the layout of OpenSLR 101")
    everybody = read_tables(root / "train")
    test = read_tables(root / "test")
    validation_speakers = read_speakers(held_out) if held_out is not None else set()
    splits = {
        "train": [u for u in everybody if u.speaker not in validation_speakers],
        "validation": [u for u in everybody if u.speaker in validation_speakers],
        "test": test,
    }
    refuse_overlap(root, train=splits["train"], test=splits["test"])
    phones = read_phones(root / "resource" / "text-phone")
    report = PrepareReport(Path(output))
    with written_whole(output) as partial:
        for name, utterances in splits.items():
            if not utterances and name == "validation":
                continue
            folder = partial / name
            kept = write_split(
                folder, utterances, report, name, phones, language="English", jobs=jobs
            )
            write_tables(folder, kept)
            if name == "validation":
                write_lists(folder, kept, TARGETS_PER_SPEAKER, MIXTURES, SEED)
            if name != "train":
                write_speech_pairs(folder, sentences, SEED)
        copy_lists(root / "test", partial / "test")
        write_skipped(partial, report)
    return report


def read_speakers(path: str | Path) -> set[str]:
    """Speakers named in a file, one a line; # begins a comment. Raises DataError."""
    lines = read_lines(path, "a list of speakers, one a line")
    return {name for line in lines if (name := line.split("#")[0].strip())}


def read_phones(path: Path) -> dict[str, dict[str, list[list[str]]]]:
    """`{"phones": [[phones of word 0], …]}` of each utterance, from `UTTERANCE.WORD PHONES` lines.

    A corpus without the file has no phones. Raises DataError for a line of another form.
    """
    if not path.is_file():
        return {}
    words: dict[str, dict[int, list[str]]] = defaultdict(dict)
    for key, phones in read_table(path).items():
        utterance, dot, index = key.rpartition(".")
        if not dot or not index.isdecimal():
            raise DataError(path, repr(key), "UTTERANCE.WORDINDEX")
        words[utterance][int(index)] = phones.split()
    return {
        utterance: {"phones": [by_index[index] for index in sorted(by_index)]}
        for utterance, by_index in words.items()
    }
