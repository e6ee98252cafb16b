"""The command line of a study."""

import argparse


def study_parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose `--help` shows the docstring of the study's module as it is written."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
