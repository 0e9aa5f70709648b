"""Names that become paths and commands: one pattern, and no path of the project is made without it."""

from pathlib import Path

import pytest

from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.names import check_file_name, check_name, check_path, is_name, path_of
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.artifacts.result_files import BaselineFiles, RecipeFiles
from textrnn.study.plan.json_files import run_file

FORM = "must have only letters, digits, _ and -, at most 64 of them, and not begin with -; got "
HOSTILE = (
    *("", ".", "..", "../x", "/etc", "a/b", "a/", "a.b", ".git", "-x", "--help", "a b", " a", "a "),
    *("a\n", "a\0b", "a\tb", "\x1b[2J", "a; touch X; #", "$(touch X)", "`touch X`", "${data.source}"),
    *("a|b", "a&b", "a>b", "*", "~", "a@b", "a:b", "a#b", "a\\b", "a'b", 'a"b', "%2e"),
    *("a\u202eb", "e\u0301", "\ud800", "a" * 65),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_means_something_elsewhere_is_refused(name):
    assert not is_name(name)
    with pytest.raises(UserError) as caught:
        check_name(name, "corpora")
    assert str(caught.value).startswith(f"corpora: the name of an entry {FORM}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a", "0", "_", "a-b_c", "新闻_字", "é", "a" * 64, "字" * 64])
def test_other_names_are_names(name):
    assert is_name(name)
    check_name(name, "corpora")
    assert path_of(Path("data"), name, ".json") == Path(f"data/{name}.json")


def test_a_name_of_too_many_bytes_for_a_file_is_refused():
    with pytest.raises(UserError, match=r"^corpora: the name of an entry must have at most 200 bytes .*, 256 bytes$"):
        check_name("\U00020000" * 64, "corpora")


def test_the_message_says_what_has_the_name():
    with pytest.raises(UserError, match=r"^models/a b: the name of a model must have only letters"):
        check_name("a b", Path("models/a b"), "a model")


PATHS = {
    "parsed": ParsedRows.default_folder,
    "segmented": SegmentedRows.default_folder,
    "encoded": EncodedRows.default_folder,
    "padded": PaddedRows.default_folder,
    "preparation": Preparation.default_folder,
    "vectorized": LearnedVectors.default_folder,
    "linear": LinearModel.default_folder,
    "embedded": RecipeEmbedding.default_folder,
    "run": lambda name: run_file(Path("logs/study"), name, 1),
    **{
        attribute: lambda name, attribute=attribute: getattr(RecipeFiles(name), attribute)
        for attribute in ("model", "card", "evaluated", "analyzed", "scores", "curves", "confusion_plot", "timings")
    },
    **{
        f"baseline {attribute}": lambda name, attribute=attribute: getattr(BaselineFiles(name), attribute)
        for attribute in ("baselines", "predicted_rows", "best_score", "timings")
    },
}


@pytest.mark.parametrize("what", PATHS)
def test_no_path_is_made_of_another_name(what):
    PATHS[what]("news_rnn")
    for name in ("../../x", "/tmp/x", "a; touch X; #", "", "."):
        with pytest.raises(UserError, match=r"the name of an entry must have only letters"):
            PATHS[what](name)


@pytest.mark.parametrize(
    "name", ["train.csv", "sub/train.csv", "a; touch X.csv", "my data (1).csv", "-x", "~/x", "新.txt"]
)
def test_a_file_inside_its_folder_may_have_any_name(name):
    check_file_name(name, "corpora.a.parse.files.train", "its folder")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("a\0b", "must have no control characters; got 'a\\x00b' (str)"),
        ("a\nb", "must have no control characters; got 'a\\nb' (str)"),
        ("a\x7fb", "must have no control characters; got "),
        ("\ud800", "must have no control characters; got '\\ud800' (str)"),
        ("n" * 256, "must have at most 255 bytes in UTF-8, 3,000 with its folders; got 'nnn"),
        ("字" * 86, "must have at most 255 bytes in UTF-8, 3,000 with its folders; got '字"),
        ("/".join(["n" * 100] * 40), "must have at most 255 bytes in UTF-8, 3,000 with its folders; got 'nnn"),
        ("../x", "must be the name of something inside its folder; got '../x' (str)"),
        ("/x", "must be the name of something inside its folder; got '/x' (str)"),
        (".", "must be the name of something inside its folder; got '.' (str)"),
    ],
)
def test_a_name_that_no_file_has_is_refused(name, wrong):
    with pytest.raises(UserError) as caught:
        check_file_name(name, "where", "its folder")
    assert str(caught.value).startswith(f"where: {wrong}")
    assert len(str(caught.value)) < 600


def test_a_folder_may_be_anywhere():
    check_path("/mnt/corpora", "data.source")
    check_path("../corpora", "data.source")
    with pytest.raises(UserError, match=r"^data\.source: must have no control characters"):
        check_path("/mnt/\0", "data.source")
