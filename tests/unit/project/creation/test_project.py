"""What `textrnn init` writes, but for git and DVC: params that pass the check and fit the data, with comments."""

import gzip
import itertools
import json
import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from factories.imports import ROOT
from textrnn.common.params.params_file import read_params
from textrnn.common.params.project_check import check_project
from textrnn.project.creation import project as creation

CHINESE = ["股市今日大涨三百点", "中国队在世界杯比赛中获胜", "新手机发布会今日举行", "电影票房再创新高"]
ENGLISH = ["the parcel has not arrived and it is late", "please send me the invoice for this order again"]
NAMES = ["Schmidt", "Okafor", "Nakamura", "O'Brien"]


@pytest.fixture
def init(tmp_path, run_command, monkeypatch):
    """A function of a file's name, its content and arguments: the project that `textrnn init` writes, without git."""
    monkeypatch.setattr(creation, "start_version_control", lambda *_: None)

    def run(name, content, *arguments):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        code, said, error = run_command("init", tmp_path / "project", "--file", path, *arguments)
        assert (code, error) == (0, ""), said
        check_project(read_params(tmp_path / "project" / "params.yaml"), tmp_path / "project")
        return tmp_path / "project"

    return run


def csv_of(texts, labels=("a", "b"), rows=40, delimiter=","):
    chosen = itertools.islice(zip(itertools.cycle(texts), itertools.cycle(labels)), rows)
    return "".join(f"{text}{delimiter}{label}\n" for text, label in [("text", "label"), *chosen])


def entries(project):
    params = read_params(project / "params.yaml")
    return [next(iter(params[table].items())) for table in ("corpora", "encodings", "recipes")]


def shipped(recipe):
    return read_params(ROOT / "params.yaml")["recipes"][recipe]


def test_a_table_of_english_texts(init):
    project = init("my tickets.csv", csv_of(ENGLISH, delimiter=";"))
    (corpus, corpus_entry), (encoding, encoding_entry), (recipe, recipe_entry) = entries(project)
    assert (corpus, encoding, recipe) == ("my_tickets", "my_tickets_words", "my_tickets_bilstm")
    split = {"from": "train", "share": 0.2, "block": 1}
    assert corpus_entry["parse"] == {
        "format": "table",
        "files": {"train": "my tickets.csv"},
        "table": {"text": "text", "label": "label", "delimiter": None, "group": None},
        "test": split,
        "dev": split,
    }
    assert encoding_entry["segment"]["segmenter"] == "nltk"
    assert encoding_entry["encode"] == {"min_count": "auto"}
    assert {key: value for key, value in recipe_entry.items() if key != "encoding"} == {
        key: value for key, value in shipped("reviews_bilstm").items() if key != "encoding"
    }
    assert (project / "data/raw/my_tickets/my tickets.csv").is_file()


def test_each_line_of_params_has_a_comment(init):
    project = init("tickets.csv", csv_of(ENGLISH))
    lines = (project / "params.yaml").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if line.strip() and "#" not in line]
    assert [line for line in bare if not re.match(r"  max_rejects", line)] == []
    own = lines[lines.index(next(line for line in lines if line.startswith("corpora:"))) :]
    assert max(map(len, own)) <= 160


def test_the_defaults_are_the_shipped_ones(init):
    params, all_shipped = read_params(init("t.csv", csv_of(ENGLISH)) / "params.yaml"), read_params(ROOT / "params.yaml")
    sections = ("parse", "segment", "encode", "vectorize", "embed", "pad", "model", "train", "baseline")
    assert {name: params[name] for name in sections} == {name: all_shipped[name] for name in sections}
    assert params["limits"] == {"rows": None, "epochs": None, "hidden_size": None}
    assert "sample" not in params
    assert [len(params[table]) for table in ("corpora", "encodings", "recipes")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("texts", "template", "segmenter", "min_count"),
    [
        (CHINESE, "news_bilstm", "chars", None),
        (["，".join(CHINESE * 4)], "reviews_bilstm", "jieba", "auto"),
        (["荷物がまだ届いていませんので確認してください" * 6], "reviews_bilstm", "chars", "auto"),
        (NAMES, "names_bigru", "chars", None),
        (ENGLISH, "reviews_bilstm", "nltk", "auto"),
    ],
)
def test_the_recipe_fits_the_texts(init, texts, template, segmenter, min_count):
    _, (_, encoding), (_, recipe) = entries(init("t.csv", csv_of(texts)))
    assert recipe["model"] == shipped(template)["model"]
    assert recipe["train"] == shipped(template)["train"]
    assert encoding["segment"].get("segmenter", "chars") == segmenter
    assert encoding["encode"].get("min_count") == min_count


def test_many_rows_have_smaller_shares_and_another_recipe(init):
    rng = random.Random(1)
    texts = [f"{rng.random()} the parcel is late and it is not here" for _ in range(101)]
    (_, corpus), _, (_, recipe) = entries(init("t.csv", csv_of(texts, rows=20_100)))
    assert corpus["parse"]["dev"]["share"] == corpus["parse"]["test"]["share"] == 0.1
    assert recipe["model"] == shipped("films_bilstm")["model"]


def test_skewed_labels_are_monitored_by_macro_f1(init):
    _, _, (_, recipe) = entries(init("t.csv", csv_of(ENGLISH, labels=["a"] * 9 + ["b"])))
    assert recipe["train"] == shipped("reviews_bilstm")["train"] | {"monitor": "macro_f1"}


def test_rows_that_cannot_be_used_are_skipped_by_number(init):
    (_, corpus), _, _ = entries(init("t.csv", csv_of(ENGLISH) + ",a\n,b\n"))
    assert corpus["parse"]["max_rejects"] == 2


def test_groups_stay_together(init):
    rows = ["text,label,who", *(f"{ENGLISH[number % 2]},{'ab'[number % 2]},u{number % 5}" for number in range(30))]
    (_, corpus), _, _ = entries(init("t.csv", "\n".join(rows), "--group", "who"))
    assert corpus["parse"]["table"]["group"] == "who"


def test_other_columns_names_and_delimiters(init):
    content = csv_of(ENGLISH, delimiter="\t").replace("text\tlabel", "body\tkind")
    project = init("t.tsv", content, "--text", "body", "--label", "kind", "--name", "mail")
    (corpus, entry), _, _ = entries(project)
    assert corpus == "mail"
    assert entry["parse"]["table"] == {"text": "body", "label": "kind", "delimiter": None, "group": None}


def test_an_encoding_that_is_guessed_is_written_down(init):
    (_, corpus), _, _ = entries(init("t.csv", csv_of(CHINESE).encode("gb18030")))
    assert corpus["parse"]["text_encoding"] == "gb18030"


def test_an_encoding_with_a_mark_is_found_at_each_run(init):
    (_, corpus), _, (_, recipe) = entries(init("t.csv", csv_of(CHINESE).encode("utf-16")))
    assert "text_encoding" not in corpus["parse"]
    assert recipe["model"] == shipped("news_bilstm")["model"]


def test_packed_and_parquet_files(init, tmp_path):
    (_, corpus), _, _ = entries(init("t.csv.gz", gzip.compress(csv_of(ENGLISH).encode())))
    assert corpus["parse"]["files"] == {"train": "t.csv.gz"}


def test_a_parquet_file(init, tmp_path):
    pq.write_table(pa.table({"text": ENGLISH * 9, "label": [0, 1] * 9}), tmp_path / "made.parquet")
    project = init("t.parquet", (tmp_path / "made.parquet").read_bytes())
    (_, corpus), _, _ = entries(project)
    assert corpus["parse"]["files"] == {"train": "t.parquet"}


SENTENCE = (["Anna", "Stone", "went", "to", "Oslo", "."], ["B-PER", "I-PER", "O", "O", "B-LOC", "O"])


def test_tagged_words(init):
    lines = [json.dumps({"tokens": SENTENCE[0], "tags": SENTENCE[1]})] * 20
    project = init("t.jsonl", "\n".join(lines), "--tokens", "tokens", "--tags", "tags")
    (_, corpus), (_, encoding), (name, recipe) = entries(project)
    assert name == "t_bilstm_crf"
    assert corpus["parse"]["table"] == {"tokens": "tokens", "tags": "tags", "delimiter": None, "group": None}
    assert encoding["segment"] == {"segmenter": "tokens"}
    assert encoding["encode"] == {"min_count": "auto", "tags": "bioes"}
    expected = shipped("ner_bilstm_crf")
    assert recipe["model"] == {key: value for key, value in expected["model"].items() if key != "words"}
    assert recipe["embed"] == {"vectors": "vectorized", "bigrams": "vectorized", "width": None}
    assert encoding["vectorize"] == {"width": 200, "bigrams": {"width": 50, "min_count": 5, "norm": 1.4}}
    assert recipe["train"] == expected["train"]


def test_tagged_characters_of_another_format(init):
    sentence = "".join(f"{character}\t{tag}\n" for character, tag in zip("钱安博在沪市。", "BIIOBIO", strict=True))
    sentence = re.sub(r"\t([BI])\n", r"\t\1-PER\n", sentence)
    project = init("t.txt", f"{sentence}\n" * 1000, "--format", "bio")
    (_, corpus), (_, encoding), (_, recipe) = entries(project)
    assert encoding["vectorize"]["words"]["longest"] == 4
    assert (corpus["parse"]["format"], corpus["parse"]["dev"]["block"]) == ("bio", 20)
    assert "table" not in corpus["parse"]
    assert recipe["model"] == shipped("ner_bilstm_crf")["model"]
    assert recipe["embed"] == shipped("ner_bilstm_crf")["embed"]


def test_fasttext(init):
    (_, corpus), _, _ = entries(
        init("t.txt", "".join(f"__label__{n % 2} {ENGLISH[n % 2]}\n" for n in range(20)), "--format", "fasttext")
    )
    assert corpus["parse"]["format"] == "fasttext"


def test_scripts_and_the_graph(init):
    project = init("t.csv", csv_of(ENGLISH))
    stages = YAML(typ="safe").load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        script = stage.get("do", stage)["cmd"].split()[1]
        assert f'run_script("{name}")' in (project / script).read_text(encoding="utf-8")
    scripts = {path.stem for path in (project / "pipeline").iterdir()}
    assert scripts == {*stages, "table", "rates"}
    for name in scripts:
        assert (ROOT / "pipeline" / f"{name}.py").is_file()
    for folder in ("data/vectors", "data/punkt"):
        assert (project / folder).is_dir()
    assert "textrnn predict models/t_bilstm" in (project / "README.md").read_text(encoding="utf-8")
    ignored = (project / ".dvcignore").read_text(encoding="utf-8")
    assert "/models/.*" in ignored
    assert ".textrnn/\n.textrnn-*/\n" in ignored
    assert "src" not in ignored
    assert "study" not in ignored


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("text,label\n" + "a,x\nb,x\n" * 9, [], "needs at least two labels; got ['x']"),
        ("text,label\na,x\nb,y\n", [], "needs at least 10 rows for train, dev and test; got 2"),
        ("text,label\n,x\n,y\n", [], "needs at least 10 rows for train, dev and test; got 0; see the lines above"),
        ("a,b\nc,d\n", [], 'has no column "text"'),
        ("text,label\n" + "".join(f"t{n},{n // 2}\n" for n in range(100)), [], "got 50 labels in 100 rows; is the"),
        (
            "text,label,who\n" + "a b,x,u1\nb c,y,u2\n" * 9,
            ["--group", "who"],
            "needs at least 3 groups for train, dev and test; got 2",
        ),
        ("tokens,tags\n" + "a b,O O\n" * 20, ["--tokens", "tokens", "--tags", "tags"], "needs at least one entity"),
        ("text,label\na,x\n", ["--group", "nope"], 'has no column "nope"; got text, label; name another column with'),
        ("text,label\na,x\n", ["--text-encoding", "foo"], "--text-encoding: must be the name of an encoding"),
        ("text,label\na,x\n", ["--delimiter", ";;"], "--delimiter: must be one character"),
    ],
)
def test_what_cannot_be_a_project_leaves_no_folder(tmp_path, run_command, content, arguments, message):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    code, _, said = run_command("init", tmp_path / "project", "--file", tmp_path / "t.csv", *arguments)
    assert code == 1
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "project").exists()


def test_a_project_is_not_written_over_another(init, tmp_path, run_command):
    project = init("t.csv", csv_of(ENGLISH))
    before = (project / "params.yaml").read_bytes()
    code, _, said = run_command("init", project, "--file", tmp_path / "t.csv")
    assert (code, said) == (
        1,
        f"error: {project}: has a params.yaml already; name another folder, or one without a project\n",
    )
    assert (project / "params.yaml").read_bytes() == before


def test_a_name_that_no_entry_can_have_is_refused(tmp_path, run_command):
    (tmp_path / "t.csv").write_text(csv_of(ENGLISH), encoding="utf-8")
    code, _, said = run_command("init", tmp_path / "project", "--file", tmp_path / "t.csv", "--name", "my data")
    assert code == 1
    assert "the name of an entry must have only letters" in said
    assert not (tmp_path / "project").exists()


def test_headlines_have_the_labels_of_the_file(init):
    lines = "".join(f"{CHINESE[n % 4]}\t{n % 2}\n" for n in range(40))
    (_, corpus), _, _ = entries(init("t.txt", lines, "--format", "headlines"))
    assert corpus["parse"]["format"] == "headlines"
    assert corpus["parse"]["classes"] == {"0": "0", "1": "1"}


@pytest.mark.parametrize("name", ["2024.csv", "null.csv", "1e5.csv", "2024-01-02.csv", "size.csv"])
def test_files_whose_names_are_no_text(init, name):
    (corpus, _), (encoding, entry), _ = entries(init(name, csv_of(ENGLISH)))
    assert isinstance(corpus, str)
    assert entry["corpus"] == corpus
    assert encoding == f"{corpus}_words"


def test_comments_name_pages_of_textrnn_as_such(init):
    text = (init("tickets.csv", csv_of(ENGLISH)) / "params.yaml").read_text(encoding="utf-8")
    pages = re.findall(r"docs/(\w+\.md)( of textrnn)?", text)
    assert {"params.md", "training.md"} <= {page for page, _ in pages}
    assert [page for page, owner in pages if not owner or not (ROOT / "docs" / page).is_file()] == []


def test_init_shows_what_a_guessed_encoding_reads_and_writes_it(tmp_path, run_command, monkeypatch):
    monkeypatch.setattr(creation, "start_version_control", lambda *_: None)
    texts = [f"n° {number} é muito bonito: não são" for number in range(20)]
    (tmp_path / "t.csv").write_bytes(csv_of(texts).encode("cp1252"))
    code, said, _ = run_command("init", tmp_path / "project", "--file", tmp_path / "t.csv")
    assert code == 0
    assert "encoding:   a guess, which reads n°, é, não, são; if letters are wrong, --text-encoding NAME\n" in said
    ((_, corpus), _, _) = entries(tmp_path / "project")
    assert corpus["parse"]["text_encoding"] == "cp1252"
