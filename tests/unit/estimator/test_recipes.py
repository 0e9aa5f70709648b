"""Which recipe an estimator starts from, and that the packaged values are those of params.yaml."""

import pytest

from factories.params import PARAMS
from textrnn.errors import UserError
from textrnn.estimator import recipes
from textrnn.estimator.recipes import CLASSIFIERS, LOOKED_AT, evenly_spaced, start_of_classifier, start_of_tagger
from textrnn.project.shipped.recipes import FEW_ROWS, TAGGER, shipped_params

ENGLISH = ["I was charged twice for the same order", "where is my parcel please?"]
CHINESE = ["中国股市今日大涨三百点", "iPhone新品今日发布"]
NAMES = ["Smith", "van Dyke", "Müller"]


def test_the_packaged_values_are_those_of_params_yaml():
    shipped = shipped_params()
    assert {name: shipped[name] for name in shipped if name != "limits"} == {
        name: PARAMS[name] for name in PARAMS if name != "limits"
    }
    assert shipped["limits"] == dict.fromkeys(PARAMS["limits"])
    assert set(recipes.defaults()) == PARAMS.keys() - {"corpora", "encodings", "recipes"}
    assert {*CLASSIFIERS, TAGGER} <= shipped["recipes"].keys()


def test_a_caller_gets_copies():
    recipes.defaults()["model"]["hidden_size"] = 1
    sections = start_of_classifier(ENGLISH, "films_bilstm", "auto").sections()
    sections["segment"]["punkt"]["rows"] = 1
    sections["model"]["readout"].append("attention")
    again = start_of_classifier(ENGLISH, "films_bilstm", "auto").sections()
    assert again["segment"]["punkt"]["rows"] == 20_000
    assert again["model"]["readout"] == ["max", "mean"]
    assert recipes.defaults()["model"]["hidden_size"] == 128


@pytest.mark.parametrize(
    ("texts", "segmenter", "recipe", "chosen"),
    [
        (ENGLISH, "auto", "reviews_bilstm", "nltk"),
        (ENGLISH * FEW_ROWS, "auto", "films_bilstm", "nltk"),
        (ENGLISH, "chars", "news_bilstm", "chars"),
        (ENGLISH, "tokens", "reviews_bilstm", "tokens"),
        (NAMES, "auto", "names_bigru", "chars"),
        (NAMES, "nltk", "reviews_bilstm", "nltk"),
        ([*NAMES * 20, "a name of six words indeed"], "auto", "names_bigru", "chars"),
        ([*NAMES * 3, "a name of six words indeed"], "auto", "names_bigru", "chars"),
        ([*NAMES, *ENGLISH], "auto", "reviews_bilstm", "nltk"),
        (["Donaudampfschifffahrtsgesellschaft"], "auto", "reviews_bilstm", "nltk"),  # longer than a name
        (CHINESE, "auto", "news_bilstm", "chars"),
        ([CHINESE[0] * 6], "auto", "reviews_bilstm", "jieba"),
        ([CHINESE[0] * 6] * (FEW_ROWS + 1), "auto", "films_bilstm", "jieba"),
        (["今日はとてもいい天気ですから" * 5], "auto", "reviews_bilstm", "chars"),
        ([CHINESE[0] * 6], "chars", "news_bilstm", "chars"),
        (CHINESE, "chars", "news_bilstm", "chars"),
        (CHINESE, "jieba", "reviews_bilstm", "jieba"),
        (["今日は天気がいい", "ราคาหุ้นวันนี้"], "auto", "news_bilstm", "chars"),
        (["오늘은 날씨가 아주 좋습니다", "가격이 또 크게 올랐다"], "auto", "reviews_bilstm", "nltk"),  # has blanks
        (["москва слезам совсем не верит", "где моя посылка сегодня"], "auto", "reviews_bilstm", "nltk"),
    ],
)
def test_a_classifier_follows_its_texts(texts, segmenter, recipe, chosen):
    start = start_of_classifier(texts, "auto", segmenter)
    sections = start.sections()
    assert (start.recipe, sections["segment"].get("segmenter", "chars")) == (recipe, chosen)
    assert sections["encode"]["min_count"] == "auto"
    assert sections["pad"].get("max_length") is None
    assert {name: sections[name] for name in ("embed", "model", "train")} == {
        name: PARAMS["recipes"][recipe][name] for name in ("embed", "model", "train")
    }


@pytest.mark.parametrize("recipe", CLASSIFIERS)
def test_a_recipe_that_is_named_is_taken_as_it_is(recipe):
    shipped = PARAMS["recipes"][recipe]
    encoding = PARAMS["encodings"][shipped["encoding"]]
    sections = start_of_classifier(ENGLISH, recipe, "auto").sections()
    assert sections == {
        **{name: encoding.get(name, {}) for name in ("segment", "encode", "vectorize")},
        **{name: shipped[name] for name in ("embed", "pad", "model", "train")},
    }
    other = start_of_classifier(ENGLISH, recipe, "tokens").sections()
    assert other == {**sections, "segment": {"segmenter": "tokens"}}


def test_a_tagger_has_a_lexicon_where_tokens_are_chinese_characters():
    shipped = PARAMS["recipes"][TAGGER]
    characters = start_of_tagger([list("中国股市"), ["大", "涨", "2026", "年"]], "auto").sections()
    assert (characters["embed"], characters["model"]) == (shipped["embed"], shipped["model"])
    assert characters["encode"] == {"min_count": "auto", "tags": "bioes"}
    for tokens in ([["The", "price", "of", "年"]], [list("abc")], [["中国", "股市"]]):
        words = start_of_tagger(tokens, "auto").sections()
        assert words["embed"] == {"width": None, "vectors": "vectorized", "bigrams": "vectorized", "lexicon": None}
        assert words["vectorize"]["words"] is None
        assert words["vectorize"]["bigrams"]["width"] == 50
        assert words["model"] == {**shipped["model"], "words": None}
    assert start_of_tagger([["The"]], TAGGER).sections()["embed"] == shipped["embed"]


def test_an_unknown_recipe_is_refused():
    with pytest.raises(UserError, match=r"^recipe: must be one of auto, news_bilstm, names_bigru, .*; got 'news'$"):
        start_of_classifier(ENGLISH, "news", "auto")
    with pytest.raises(UserError, match=r"^recipe: must be one of auto, ner_bilstm_crf; got 'news_bilstm'$"):
        start_of_tagger([["a"]], "news_bilstm")


@pytest.mark.parametrize("count", [1, LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 1, 5 * LOOKED_AT])
def test_the_choice_looks_at_rows_of_all_places(count):
    seen = evenly_spaced(range(count))
    assert min(count, LOOKED_AT) / 2 <= len(seen) <= LOOKED_AT
    assert seen[0] == 0
    assert seen[-1] >= count - 5
