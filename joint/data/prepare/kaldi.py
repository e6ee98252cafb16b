"""Prepare a folder of Kaldi tables."""

from pathlib import Path

from joint.data.choices import Check
from joint.data.prepare.manifests import PrepareReport, write_skipped, write_split, written_whole
from joint.data.prepare.tables import copy_lists, read_tables, write_tables


def prepare_kaldi(
    folder: str | Path, output: str | Path, check: Check = Check.FULL, jobs: int = 1
) -> PrepareReport:
    """Check a folder of Kaldi tables and write manifests, tables and `skipped.tsv` into `output`.

    Raises DataError where the tables do not agree or no recording is usable.
    """
    folder = Path(folder).absolute()
    utterances = read_tables(folder)
    report = PrepareReport(Path(output))
    with written_whole(output) as partial:
        kept = write_split(partial, utterances, report, folder.name, check=check, jobs=jobs)
        write_tables(partial, kept)
        copy_lists(folder, partial)
        write_skipped(partial, report)
    return report
