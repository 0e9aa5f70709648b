"""Model cards: the whole text of one, and the inputs of the script."""

import ast
import pathlib

import pytest
from ruamel.yaml import YAML

from factories.analysis_files import (
    EMBEDDED,
    ENCODED,
    PADDED,
    PARAMS,
    RECIPE,
    SEGMENTATION,
    TRAINED,
    write_inputs,
    write_json,
)
from textrnn.common.integrity.checksums import file_sha256
from textrnn.errors import UserError
from textrnn.evaluation.analysis.card_example import CardExample
from textrnn.evaluation.analysis.card_facts import CardFacts, describe_segmentation
from textrnn.evaluation.analysis.model_card import render
from textrnn.preparation.artifacts.labels import Labels

GOLDEN = pathlib.Path(__file__).with_name("card.golden.md")
SCORES = {"loss": 0.5, "accuracy": 0.875, "macro_f1": 0.25}
CAPPED = [
    {"name": "train.epochs", "asked": 1000, "used": 5},
    {"name": "model.hidden_size", "asked": 128, "used": 64},
]
FACTS = CardFacts(
    folder="models/tiny",
    config={
        "recipe": "tiny",
        "tokens": 4762,
        "embedding_size": 300,
        "pairs": 0,
        "words": {"words": 2345, "rows": 67, "longest": 4},
        "widths": [16, 1024],
        "pad_side": "right",
        "truncates": True,
        "model": {
            "cell": "gru",
            "bigrams": {"width": 3, "min_count": 1},
            "readout": ["max", "mean"],
            "head_size": None,
        },
    },
    labels=Labels("tag", ["O", "北"], "type", ["北"]),
    weights=1_234_567,
    size=4_938_268,
    sha256="ab" * 32,
    data={"encoding": "own_chars", "corpus": "own", "clean": []},
    padded=dict.fromkeys(("train", "dev", "test"), PADDED),
    encoded=ENCODED,
    trained={
        "steps": 60,
        "stopped_by": None,
        "params": {"seed": 1, "shuffle": True, "class_weights": {}},
        "capped": CAPPED,
    },
    scores={"dev": SCORES, "test": SCORES | {"entity_f1": 0.125}},
    parts={},
    intervals={},
    versions={"textrnn": "0.1.0"},
)


EXAMPLE = CardExample("张三 said hello", "PER 张三")


def card(**changes):
    return render(CardFacts(**{**FACTS.__dict__, **changes}), EXAMPLE)


def test_a_card_equals_the_golden_file():
    assert render(FACTS, EXAMPLE) == GOLDEN.read_text(encoding="utf-8")


def test_a_card_says_what_limits_capped_and_only_that():
    text = card(trained=FACTS.trained | {"capped": CAPPED[:1]})
    assert "`limits` apply: `train.epochs` 1,000 capped to 5. The scores of a capped run" in text
    text = card(trained=FACTS.trained | {"capped": []})
    assert "`limits` changed neither the model nor its training: the params below are the recipe's." in text
    assert "capped" not in text


def test_a_card_of_a_model_with_a_wide_part_has_the_scores_of_its_parts():
    parts = {part: SCORES | {"accuracy": accuracy} for part, accuracy in (("deep", 0.75), ("wide", 0.8), ("both", 0.9))}
    text = card(parts={"dev": parts, "test": parts}, config=FACTS.config | {"ngrams": [3, 1234]})
    table = text.split("| split | part | accuracy | macro-F1 | loss |\n|---|---|---|---|---|\n")[1]
    assert table.startswith(
        "| dev | deep | 0.75 | 0.25 | 0.5 |\n| dev | wide | 0.8 | 0.25 | 0.5 |\n| dev | both | 0.9 |"
    )
    assert "| test | both | 0.9 | 0.25 | 0.5 |\n\nDeep is the recurrent part, wide the linear part" in text
    assert "* n-grams: 3, 1,234\n" in text


HOSTILE_LABELS = ["a|b", "`x`", "<script>alert(1)</script>", "x](javascript:alert(1))", "# head", "two\n\nlines"]
HOSTILE_LABELS += ["\x1b[2J"]


def test_labels_are_no_markup():
    weights = dict.fromkeys(HOSTILE_LABELS, 2)
    params = {"seed": 1, "class_weights": weights}
    text = card(
        labels=Labels("classify", HOSTILE_LABELS, None, []),
        trained=FACTS.trained | {"params": params, "notices": ["too short for <b>"]},
        data=FACTS.data | {"data.source": "my <data>|`x`"},
    )
    shown = text.split("## Labels\n\n")[1].split("\n")[0]
    assert shown == (
        "`a|b`, `` `x` ``, `<script>alert(1)</script>`, `x](javascript:alert(1))`, `# head`, `two  lines`, `\\x1b[2J`"
    )
    assert (
        r"* class_weights: a\|b 2, \`x\` 2, \<script\>alert(1)\</script\> 2, x\](javascript:alert(1)) 2, \# head 2, "
        r"two  lines 2, \\x1b\[2J 2"
    ) in text
    assert r"* data.source: my \<data\>\|\`x\`" in text
    assert r"* too short for \<b\>" in text
    assert (
        len(text.split("\n")) == len(render(FACTS, EXAMPLE).split("\n")) + 4
    )  # data.source and notices, less `shuffle`


def test_a_card_without_an_example_has_none():
    text = render(FACTS, None)
    assert text.startswith(
        "---\nlibrary_name: textrnn\npipeline_tag: token-classification\n---\n\n# Model card: tiny\n"
    )
    assert 'print(model.predict(["a text"]))' in text
    assert "predicts correctly" not in text


def test_the_head_of_a_card_is_yaml():
    text = 'a: "b" # c 😀 \\n'
    head = render(FACTS, CardExample(text, "- x")).split("---\n")[1]
    values = YAML(typ="safe").load(head)
    assert values["widget"] == [{"text": text, "example_title": "- x"}]


def test_a_long_list_of_labels_is_shortened():
    names = [f"l{number}" for number in range(1234)]
    text = card(labels=Labels("classify", names, None, []))
    assert "`l49` and 1,184 more\n" in text
    assert "`l50`" not in text


@pytest.fixture
def stage(tmp_path, monkeypatch, import_stage):
    """The script's module, in a folder with all that it reads, and the saved network."""
    network = write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return import_stage("analyze"), network


def written():
    return pathlib.Path(f"models/{RECIPE}.md").read_text(encoding="utf-8")


def test_the_stage_writes_the_card_next_to_the_directory(stage):
    script, network = stage
    evaluated = {"dev": SCORES, "test": SCORES | {"loss": 0.75}}
    write_json(pathlib.Path("data/evaluated/tiny/metrics.json"), evaluated)
    script.main(RECIPE)
    text = written()
    assert "| split | part |" not in text
    parts = {split: {"deep": SCORES, "wide": SCORES, "both": SCORES} for split in ("dev", "test")}
    write_json(pathlib.Path("data/evaluated/tiny/metrics.json"), {**evaluated, "parts": parts})
    script.main(RECIPE)
    assert "| test | wide | 0.875 | 0.25 | 0.5 |" in written()
    write_json(pathlib.Path("data/evaluated/tiny/metrics.json"), evaluated)
    assert f"* parameters: {sum(value.numel() for value in network.parameters()):,}\n" in text
    assert f"* SHA-256: {file_sha256(pathlib.Path('models/tiny/model.safetensors'))}\n" in text
    assert "| test | 0.75 | 0.875 | 0.25 |" in text
    assert "| dev | 2,700 | 468 | 12 | 1.71% |" in text
    assert 'textrnn.load("models/tiny")' in text
    entry = ["encoding: letters", "corpus: alphabet", "clean: none", "segmenter: chars", "punkt: none", "min_count: 2"]
    assert "".join(f"* {line}\n" for line in (*entry, "max_tokens: none", "tags: none")) in text
    assert "* steps: 60\n* stopped_by: none\n\nParams:\n\n* seed: 1\n* clip_norm: 5.0\n" in text
    assert "* rows: generated, none is real\n* data.source: data/sample\n" in text
    assert "* word vectors: none\n" in text
    assert "[" not in text.split("## Results")[1].split("## How to load")[0]
    script.main(RECIPE)
    assert written() == text


def test_a_card_has_what_rules_gave_and_what_the_run_is_too_short_for(stage):
    script, _ = stage
    script.main(RECIPE)
    assert "set by rules" not in written()
    assert "too short" not in written()
    size = {"name": "train.batch_size", "asked": "auto", "used": 32, "follows": "6,300 rows of train"}
    epochs = {"name": "train.epochs", "asked": 5, "used": 20, "follows": "train.min_steps 4,000"}
    trained = TRAINED | {"auto": [size, epochs], "notices": ["recipes.tiny.train.average: too long", "more"]}
    write_json(pathlib.Path("models/tiny/training.json"), trained)
    count = {"name": "encode.min_count", "asked": "auto", "used": 2, "follows": "9 tokens of train, segmenter nltk"}
    write_json(pathlib.Path("data/encoded/letters/ids/statistics.json"), ENCODED | {"auto": [count]})
    script.main(RECIPE)
    assert "* min_count: 2 (auto: 9 tokens of train, segmenter nltk)\n" in written()
    told = "The run was too short for these settings:\n\n* recipes.tiny.train.average: too long\n* more\n\n"
    assert f"* stopped_by: none\n\n{told}Params:\n" in written()
    wanted = "* train.batch_size: 32 (asked: auto; from 6,300 rows of train)\n"
    wanted += "* train.epochs: 20 (asked: 5; from train.min_steps 4,000)\n"
    assert f"\n\nOf these, set by rules:\n\n{wanted}\n## Versions" in written()


def test_a_card_says_that_the_model_was_trained_on_dev_too(stage):
    script, _ = stage
    script.main(RECIPE)
    assert "on train and dev" not in written()
    write_json(pathlib.Path("models/tiny/training.json"), TRAINED | {"refit": {"rows": 2710, "steps": 40}})
    script.main(RECIPE)
    note = "test only measures them. Then the model was trained on train and dev for as many steps, and "
    assert (
        f"{note}those weights were saved. The scores on dev are those of the first run, on train alone.\n" in written()
    )
    assert "* refit: rows 2,710, steps 40\n" in written()


def test_a_card_has_the_intervals_of_its_scores(stage):
    script, _ = stage
    intervals = {"dev": {}, "test": {"accuracy": [0.86125, 0.88874], "macro_f1": [0.2, 0.30004]}}
    written_scores = {"dev": SCORES, "test": SCORES, "intervals": intervals}
    write_json(pathlib.Path("data/evaluated/tiny/metrics.json"), written_scores)
    script.main(RECIPE)
    assert "0.875 [0.8612, 0.8887] | 0.25 [0.2000, 0.3000] |" in written()
    assert "test only measures them. Brackets are 95% intervals over rows.\n" in written()
    assert "| intervals |" not in written()


def test_a_card_names_the_source_of_rows_and_vectors(stage):
    script, _ = stage
    write_json(pathlib.Path("params.yaml"), PARAMS | {"data": {"source": "data/web"}})
    embedded = pathlib.Path("data/embedded/tiny/statistics.json")
    write_json(embedded, EMBEDDED | {"vectors": "letters.vec"})
    script.main(RECIPE)
    assert "* data.source: data/web\n* word vectors: letters.vec\n" in written()
    assert "vectors of words and pairs" not in written()
    write_json(embedded, EMBEDDED | {"lexicon": {"longest": 4, "vectors": "words.vec"}})
    script.main(RECIPE)
    assert "* vectors of words and pairs: words.vec\n" in written()
    assert "generated" not in written()
    assert "vectorized from" not in written()
    texts = {"text": None, "train": 5400, "unlabelled": 0}
    learned = {"vectors": "vectorized", "bigrams": "vectorized", "vectorized_texts": texts}
    write_json(embedded, EMBEDDED | learned)
    script.main(RECIPE)
    lines = "* word vectors: vectorized\n* vectors of bigrams: vectorized\n* vectorized from: 5,400 texts of train\n"
    assert lines in written()
    write_json(embedded, EMBEDDED | learned | {"vectorized_texts": texts | {"text": "u.txt", "unlabelled": 49_393}})
    script.main(RECIPE)
    assert "* vectorized from: 5,400 texts of train, 49,393 of u.txt\n" in written()


def test_of_a_sentence_model_a_card_has_the_sizes(stage):
    script, _ = stage
    punkt = {"abbrev_types": ["dr", "mr"], "collocations": [["a", "b"]], "sent_starters": [], "ortho_context": {"a": 1}}
    state = SEGMENTATION | {"clean": ["lower", "digits"], "segmenter": "nltk", "punkt": punkt}
    write_json(pathlib.Path("models/tiny/segmentation.json"), state)
    script.main(RECIPE)
    sizes = "abbrev_types 2, collocations 1, sent_starters 0, ortho_context 1"
    assert f"* clean: lower, digits\n* segmenter: nltk\n* punkt: {sizes}\n" in written()


def test_the_example_code_loads_the_model(stage, capsys):
    script, _ = stage
    script.main(RECIPE)
    code = written().split("```python\n")[1].split("```")[0]
    exec(compile(code, "card", "exec"), {})
    (prediction,) = ast.literal_eval(capsys.readouterr().out)
    assert list(prediction["probabilities"]) == ["北", "south", "east"]


@pytest.mark.parametrize(
    "name", ["data/evaluated/tiny/metrics.json", "data/padded/tiny/statistics.json", "models/tiny/training.json"]
)
def test_without_the_results_of_a_stage_there_is_no_card(stage, name):
    script, _ = stage
    path = pathlib.Path(name)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{name}: is damaged; got .*; run the stage that writes it$"):
        script.main(RECIPE)
    path.unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file; run the stage that writes it$"):
        script.main(RECIPE)
    assert not pathlib.Path("models/tiny.md").exists()
    assert not pathlib.Path("data/analyzed").exists()


def test_a_file_without_weights_is_named(stage):
    script, _ = stage
    path = pathlib.Path("models/tiny/model.safetensors")
    path.write_text("no weights", encoding="utf-8")
    with pytest.raises(UserError, match=r"^models/tiny/model\.safetensors: is damaged; got "):
        script.main(RECIPE)
    path.unlink()
    with pytest.raises(UserError, match=r"^models/tiny/model\.safetensors: no such file; "):
        script.main(RECIPE)


def test_the_segmentation_of_a_card_has_sizes_of_tables_only():
    state = {"clean": ["lower"], "segmenter": "jieba", "punkt": None, "dictionary": [["云计算", 5], ["台中", None]]}
    expected = {"clean": ["lower"], "segmenter": "jieba", "punkt": None}
    assert describe_segmentation(state) == {**expected, "words of the user dictionary": 2}
    state.pop("dictionary")
    assert describe_segmentation(state) == expected
    punkt = {"abbrev_types": ["mr", "dr"], "ortho_context": {"a": 4}}
    assert describe_segmentation({**state, "punkt": punkt})["punkt"] == {"abbrev_types": 2, "ortho_context": 1}
