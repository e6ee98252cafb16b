"""`joint align` and `joint probe`: what they write, and what they refuse."""

import json
import shutil
from pathlib import Path

from support import ROOT, TINY, Command, Refused

from joint.data.corpus import Corpus, Utterance
from joint.data.prepare.tables import write_tables


def test_align(
    joint_command: Command, aligned: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(aligned, folder)
    lexicon = embedded_corpus / "resource" / "lexicon.txt"
    outcome = joint_command("align", folder, "--lexicon", lexicon, "--jobs", 1)
    assert outcome.code == 0 and "of 24 utterances aligned" in outcome.out
    assert (folder / "phones.txt").read_text().startswith("SIL\nAA\n")
    assert (folder / "unaligned.tsv").read_text().startswith("utterance\treason\n")


def test_align_refuses(refused: Refused, aligned: Path, tmp_path: Path) -> None:
    assert "no file" in refused("align", tmp_path)
    lexicon = tmp_path / "lexicon.txt"
    assert "lexicon.txt" in refused("align", aligned, "--lexicon", lexicon)
    lexicon.write_text("CAT\tK QQ T\n")
    assert "the phone QQ" in refused("align", aligned, "--lexicon", lexicon)


def test_probe(
    joint_command: Command, tiny_checkpoint: Path, aligned: Path, tmp_path: Path
) -> None:
    outcome = joint_command(
        "probe", "--checkpoint", tiny_checkpoint, "--data", aligned, "--output", tmp_path
    )
    assert outcome.code == 0, outcome
    assert "| speaker |" in outcome.out and "| phones (frames) |" in outcome.out
    found = json.loads((tmp_path / "probes.json").read_text())
    assert {f["layer"] for f in found["trained"]} == {f["layer"] for f in found["untrained"]}
    assert (tmp_path / "probes.png").stat().st_size > 5000


def test_probe_refuses(
    refused: Refused, tiny_checkpoint: Path, aligned: Path, prepared: Path, tmp_path: Path
) -> None:
    common = ("probe", "--checkpoint", tiny_checkpoint, "--data")
    assert "no file" in refused(*common, tmp_path)
    assert "tdnn1 or" in refused(*common, aligned, "--question", "speaker", "--layer", "tdnn7")
    assert "unknown question" in refused(*common, aligned, "--question", "age")
    assert "joint align" in refused(*common, prepared / "test", "--question", "speaking rate")


GRID = """
recipe: {recipe}
output: {output}
baseline: baseline
probe_layer: tdnn2
common:
  data.train: {data}
  trainer.max_steps: 2
  validation: null
  encoder.backbone:
    {{_target_: joint.encoders.backbones.tdnn.XvectorTdnn, channels: 16, output_dim: 24}}
  tasks.frames.task.layer: tdnn2
  tasks.frame_adversary.task.layer: tdnn2
  data.cache: null
  streams.speakers.batch_size: 4
  tasks.verification.task.criterion: # as in the downstream recipe
    {{_target_: joint.losses.margin.AamSoftmax, _partial_: true}}
  trainer.workers: 0
variants:
  baseline: {{}}
  COMBINE: {{tasks.frames.weight: 0.3, tasks.segment_adversary.weight: 0.3}}
downstream:
  recipe: {downstream}
  variants: [COMBINE]
  overrides:
    trainer.max_steps: 1
    data.train: {data}
    streams.mixtures.scenes.speeds: [1.0, 0.9, 1.1, 0.8, 1.2]
"""
RECIPE = ROOT / "recipes" / "speechocean762" / "phonetic_heads.yaml"


def test_ablate_and_evaluate(
    joint_command: Command, refused: Refused, aligned: Path, tmp_path: Path
) -> None:
    test_set = with_tables(aligned, tmp_path / "test")
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        GRID.format(recipe=RECIPE, downstream=TINY, output=tmp_path / "out", data=aligned)
    )
    outcome = joint_command("ablate", grid, "--data", test_set)
    assert outcome.code == 0, outcome
    heading, _, baseline, combined = outcome.out.splitlines()[-4:]
    assert "phones of frames %" in heading and "EER against baseline" in heading
    assert baseline.startswith("| baseline |") and baseline.endswith("| – |")
    assert "[" in combined.split("|")[-2]
    assert (tmp_path / "out" / "table.svg").is_file()
    assert (tmp_path / "out" / "COMBINE" / "seed1" / "downstream" / "figures.json").is_file()

    checkpoint = tmp_path / "out" / "COMBINE" / "seed1"
    common = ("evaluate", "phonetics", "--checkpoint", checkpoint, "--data")
    figures = joint_command(*common, test_set, "--json", tmp_path / "phones.json")
    assert figures.code == 0 and "spoken_accuracy_percent" in figures.out
    found = json.loads((tmp_path / "phones.json").read_text())
    assert 0 <= found["spoken_accuracy_percent"] <= 100 and found["by_group"]["SIL"]["frames"] > 100
    assert "frames" in refused(*common, test_set, "--task", "segments")
    other = tmp_path / "out" / "baseline" / "seed1"
    assert "no frame-level" in refused(
        "evaluate", "phonetics", "--checkpoint", other, "--data", test_set
    )
    inventory = (test_set / "phones.txt").read_text()
    (test_set / "phones.txt").write_text(inventory + "QX\n")
    assert "40 phones" in refused(*common, test_set)
    (test_set / "phones.txt").unlink()
    assert "joint align" in refused(*common, test_set)
    assert "joint align" in refused("ablate", grid, "--data", test_set)


def as_row(utterance: Utterance) -> Utterance:
    return Utterance(
        utterance.id, Path(utterance.path), utterance.speaker, utterance.text, utterance.gender
    )


def with_tables(aligned: Path, folder: Path) -> Path:
    """The aligned corpus with Kaldi tables and trials of all pairs."""
    shutil.copytree(aligned, folder)
    corpus = Corpus.load(aligned)
    write_tables(folder, [as_row(u) for u in corpus.utterances])
    pairs = [(a, b) for i, a in enumerate(corpus.utterances) for b in corpus.utterances[:i]]
    lines = [f"{int(a.speaker == b.speaker)} {a.id} {b.id}\n" for a, b in pairs]
    (folder / "trials").write_text("".join(lines))
    return folder


def test_report(
    joint_command: Command, refused: Refused, tiny_checkpoint: Path, aligned: Path, tmp_path: Path
) -> None:
    folder = with_tables(aligned, tmp_path / "test")
    common = ("report", "--checkpoint", tiny_checkpoint, "--data", folder, "--output")
    out = tmp_path / "out"
    outcome = joint_command(*common, out, "--against", "speechocean762-joint")
    assert outcome.code == 2 and "one shape" in outcome.err[-1]  # embeddings of other widths
    outcome = joint_command(*common, out, "--against", tiny_checkpoint)
    assert outcome.code == 0, outcome
    page = (out / "report.html").read_text()
    for title in ("Verification", "Drift", "Geometry", "What the layers tell"):
        assert f"<h2>{title}</h2>" in page
    figures = json.loads((out / "report.json").read_text())
    assert abs(figures["cosine_drift"]) < 1e-12 and 0 <= figures["eer_percent"] <= 100
    assert "tsne or umap" in refused(*common, out, "--plane", "pca")


def test_explain(
    joint_command: Command,
    refused: Refused,
    tiny_checkpoint: Path,
    aligned: Path,
    embedded_corpus: Path,
    tmp_path: Path,
) -> None:
    one, other, *_ = sorted((embedded_corpus / "WAVE").rglob("*.ogg"))[:3]
    common = ("--checkpoint", tiny_checkpoint, "--output", tmp_path)
    outcome = joint_command("explain", "verification", one, other, *common)
    assert outcome.code == 0, outcome
    found = json.loads((tmp_path / "first.json").read_text())
    assert len(found["by_band"]) == 40 and max(found["by_frame"]) <= 1
    assert (tmp_path / "second.png").stat().st_size > 5000
    scored = joint_command(
        "explain", "verification", one, other, *common, "--method", "score-cam", "--layer", "tdnn3"
    )
    assert scored.code == 0, scored

    voices = ("--mixture", one, "--enrollment", other, "--reference")
    outcome = joint_command("explain", "extraction", *voices, one, *common)
    assert outcome.code == 0 and "enrollment: score" in outcome.out, outcome
    ranked = joint_command("explain", "phones", "--data", aligned, "--pairs", 6, *common)
    assert ranked.code == 0 and len(ranked.out.splitlines()) > 10
    assert json.loads((tmp_path / "phones.json").read_text())["pairs"] == 6

    assert "samples" in refused("explain", "extraction", *voices, other, *common)
    wrong = ("explain", "verification", one, other, *common)
    assert "layer-cam or" in refused(*wrong, "--method", "smooth-grad")
    assert "spectrogram with score-cam" in refused(*wrong, "--method", "score-cam")
    assert "tdnn1" in refused(*wrong, "--layer", "tdnn9")
