"""The F1 scores of dev are those of `evaluate`, alone and in a group; what is monitored decides the saved weights."""

import dataclasses
import random

import pytest
import torch

from factories.networks import PLAIN
from factories.process_groups import together
from factories.recipes import LABELS as CLASSES
from factories.recipes import SPLITS, recipe_of
from factories.saved_models import save
from factories.settings import settings
from factories.shards import write_padded
from textrnn.common.config.pad import Pad
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.evaluation.metrics.precision_recall import score_classes
from textrnn.evaluation.scoring.evaluate import evaluate, metrics
from textrnn.modeling.models.f1_counts import EntityF1Counts, GoldSpans, MacroF1Counts
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.models.running_metrics import Score
from textrnn.modeling.nn.crf import find_crf
from textrnn.preparation.artifacts.labels import make_labels
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_tags
from textrnn.preparation.padding.pad import pad
from textrnn.training.batching.loading import load_buckets
from textrnn.training.distributed.process_group import SINGLE_PROCESS
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.train_recipe import train_recipe

CPU = torch.device("cpu")
RAW = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
TAGGER = dataclasses.replace(PLAIN, readout="every_step", hidden_size=6)


def sentences(scheme, count=60):
    """Rows of random entities: neighbouring ones of a type, entities at both ends, rows without tokens."""
    drawn, rows = random.Random(3), []
    labels = make_labels("tag", RAW, scheme, "encode")
    for _ in range(count):
        raw = [drawn.choice(RAW) for _ in range(drawn.randrange(9))]
        spans = bio_spans(raw)
        if scheme == "bioes":
            names = bioes_tags(spans, len(raw))
        else:
            names = ["O"] * len(raw)
            for start, end, kind in spans:
                inside = [kind] * (end - start)
                names[start:end] = inside if scheme == "type" else [f"B-{kind}", *(f"I-{kind}" for _ in inside[1:])]
        entities = [{"start": start, "end": end, "type": labels.types.index(kind)} for start, end, kind in spans]
        ids = [drawn.randrange(2, 9) for _ in raw]
        rows.append((ids, [labels.names.index(name) for name in names], entities))
    return labels, rows


def padded_to(folder, rows, settings):
    write_padded(folder, "tag", {"train": rows, "dev": rows})
    (folder / "cut").mkdir()
    pad(EncodedRows.read(folder / "encoded"), settings, folder / "cut")
    return PaddedRows.read(folder / "cut")


@pytest.mark.parametrize("scheme", ["bio", "bioes", "type"])
@pytest.mark.parametrize("crf", [False, True], ids=["plain", "crf"])
@pytest.mark.parametrize("shape", [Pad(5, "left", None), Pad(None, "right", 3)], ids=["truncated left", "buckets"])
def test_entity_f1_is_that_of_evaluate(tmp_path, scheme, crf, shape):
    labels, rows = sentences(scheme)
    padded = padded_to(tmp_path, rows, shape)
    model = dataclasses.replace(TAGGER, crf=crf)
    folder, _, network = save(tmp_path, model, labels, facts=padded.facts)
    saved = load_model(folder)
    with torch.no_grad():
        if crf:  # so that the transitions matter
            for weight in (network.crf.transitions, network.crf.start, network.crf.end):
                weight.copy_(torch.randn(weight.shape))
        saved.network.load_state_dict(network.state_dict())
    wanted = metrics(evaluate(saved, padded, "dev"))
    assert 0 < wanted["entity_f1"] < 1
    buckets = load_buckets(padded, "dev")
    score = evaluate_loss(saved.network, buckets, 7, None, f1=counts_of(labels, padded))
    assert score.entity_f1 == wanted["entity_f1"]
    assert score.macro_f1 is None
    assert score.accuracy == pytest.approx(wanted["accuracy"], rel=1e-12)  # of the same sequences
    again = counts_of(labels, padded)
    for _ in range(2):  # nothing is left of the time before
        assert evaluate_loss(saved.network, buckets, 100, None, f1=again).entity_f1 == score.entity_f1


@pytest.mark.parametrize("count", [2, 3, 20])
def test_in_a_group_the_counts_are_added_up(tmp_path, count):
    labels, rows = sentences("bioes")
    padded = padded_to(tmp_path, rows, Pad(None, "right", 3))
    _, _, network = save(tmp_path, dataclasses.replace(TAGGER, crf=True), labels, facts=padded.facts)
    assert find_crf(network) is not None
    buckets = load_buckets(padded, "dev")

    def score(group):
        return evaluate_loss(network, buckets, 7, None, group=group, f1=counts_of(labels, padded)).entity_f1

    alone = score(SINGLE_PROCESS)
    assert 0 < alone < 1
    assert together(count, score) == [alone] * count


def test_no_span_at_all_is_a_score_of_0(tmp_path):
    labels, _ = sentences("bio")
    padded = padded_to(tmp_path, [([2, 3], [0, 0], [])] * 3, Pad(None, "right", 3))
    counts = counts_of(labels, padded)
    assert counts.add_to(Score(1.0, 0.5), counts.counts) == Score(1.0, 0.5, entity_f1=0.0)


def test_macro_f1_is_that_of_evaluate():
    generator = torch.Generator().manual_seed(1)
    counts, gold, predicted = MacroF1Counts(5, CPU), [], []
    for _ in range(3):
        gold.append(torch.randint(0, 4, (30,), generator=generator))  # class 4 has no row
        predicted.append(torch.randint(0, 3, (30,), generator=generator))  # and two classes are never predicted
        counts.update(torch.arange(30), gold[-1], predicted[-1])
    names = list("abcde")
    wanted = score_classes(torch.cat(gold).numpy(), torch.cat(predicted).numpy(), names)
    assert counts.counts.tolist() == wanted.confusion.tolist()
    assert counts.add_to(Score(1.0, 0.5), counts.counts).macro_f1 == pytest.approx(wanted.macro_f1, rel=1e-12)
    counts.reset()
    assert counts.add_to(Score(1.0, 0.5), counts.counts).macro_f1 == 0


def test_a_recipe_that_monitors_macro_f1_saves_the_weights_with_the_best(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    padded = write_padded(tmp_path, "classify", SPLITS)
    options = settings(epochs=3, evaluate_every=2, learning_rate=0.05, monitor="macro_f1")
    trained = train_recipe(recipe_of(padded, train=options), curves_file=tmp_path / "curves.csv")
    header, *lines = [line.split(",") for line in (tmp_path / "curves.csv").read_text().splitlines()]
    assert header == ["step", "split", "loss", "accuracy", "macro_f1"]
    scores = [(float(line[4]), -float(line[2]), int(line[0])) for line in lines if line[1] == "dev"]
    best = max(scores)
    assert (trained.outcome.record()["dev_macro_f1"], trained.outcome.best_step) == (best[0], best[2])
    counts = MacroF1Counts(len(CLASSES.names), CPU)
    score = evaluate_loss(trained.network, load_buckets(padded, "dev"), 100, None, f1=counts)
    assert score.macro_f1 == trained.outcome.dev_macro_f1


def test_a_tagger_counts_its_entities_whatever_it_monitors(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    labels, rows = sentences("bioes", 20)
    padded = write_padded(tmp_path, "tag", {"train": rows, "dev": rows})
    for monitor in ("loss", "entity_f1"):
        recipe = recipe_of(
            padded, labels=labels, model=TAGGER, train=settings(epochs=4, learning_rate=0.05, monitor=monitor)
        )
        trained = train_recipe(recipe, curves_file=tmp_path / "curves.csv")
        lines = [line.split(",") for line in (tmp_path / "curves.csv").read_text().splitlines()[1:]]
        entity_f1 = {int(line[0]): float(line[4]) for line in lines if line[1] == "dev"}
        assert len(entity_f1) == 4
        assert trained.outcome.record()["dev_entity_f1"] == entity_f1[trained.outcome.best_step]
    assert trained.outcome.record()["dev_entity_f1"] == max(entity_f1.values())


def counts_of(labels, padded):
    return EntityF1Counts(labels, GoldSpans.of_split(padded, "dev"))
