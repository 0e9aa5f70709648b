"""The check of the whole params.yaml: the shipped file passes, and an invalid key anywhere is refused by name."""

import contextlib
import copy

import pytest

from factories.imports import ROOT
from textrnn.common.params.check import check_params
from textrnn.common.params.params_file import read_params
from textrnn.errors import CombinedError, UserError

SHIPPED = read_params(ROOT / "params.yaml")


def changed(dotted, value):
    params = copy.deepcopy(SHIPPED)
    *parents, leaf = dotted.split(".")
    section = params
    for key in parents:
        section = section[key]
    section[leaf] = value
    return params


def test_buckets_and_a_readout_that_reads_padding_are_refused_together():
    with pytest.raises(UserError) as caught:
        check_params(changed("recipes.news_rnn.pad.buckets", 4))
    assert str(caught.value) == (
        "recipes.news_rnn.pad.buckets: must be null if model.readout is last_step: it reads padding, so results "
        "would depend on the widths; got 4; set recipes.news_rnn.model.readout: last_valid, or recipes.news_rnn.pad: "
        "{max_length: 32, buckets: null}"
    )
    params = changed("recipes.news_rnn.pad.buckets", 4)
    for readout in ("last_valid", "max", "mean", "attention", ["max", "last_valid"]):
        params["recipes"]["news_rnn"]["model"]["readout"] = readout
        check_params(params)


def test_the_shipped_params_pass():
    check_params(SHIPPED)


def test_distillation_passes_with_a_crf():
    check_params(changed("recipes.ner_bilstm_crf.train.distill", {"seeds": [2], "weight": 0.7, "temperature": 2.0}))


def test_words_pass_with_a_lexicon_over_characters():
    for recipe in ("news_rnn", "ner_bilstm_crf"):
        params = changed(f"recipes.{recipe}.embed.lexicon", {"longest": 4, "vectors": None})
        check_params(params)  # a lexicon that the model does not use is allowed
        params["recipes"][recipe]["model"]["words"] = {"width": 5, "min_count": 1}
        check_params(params)


@pytest.mark.parametrize("wide", [True, False, {"scale": 1.5}, {"scale": 0}])
def test_a_classifier_may_have_a_wide_part(wide):
    check_params(changed("recipes.news_rnn.model.wide", wide))


@pytest.mark.parametrize(
    ("dotted", "value", "message"),
    [
        ("trian", {}, r"^trian: unknown section of params\.yaml; did you mean train\?"),
        ("data.sorce", "x", r"^data\.sorce: unknown param; did you mean source\?$"),
        ("limits.row", 100, r"^limits\.row: unknown param; did you mean rows\?"),
        ("sample.row", 100, r"^sample\.row: unknown param"),
        ("embed.seed", -1, r"^embed\.seed: must not be negative"),
        ("corpora.names.parse.format", "nmaes", r"^corpora\.names\.parse\.format: must be one of headlines, names"),
        (
            "corpora.names.parse.files.train",
            "/etc/names.csv",
            r"^corpora\.names\.parse\.files\.train: must be the name",
        ),
        (
            "corpora.names.parse.files.train",
            "../names.csv",
            r"^corpora\.names\.parse\.files\.train: must be the name",
        ),
        (
            "corpora.names.parse.dev",
            {"source": "train", "from": "train", "share": 0.1, "block": 1},
            r"^corpora\.names\.parse\.dev\.source: unknown",
        ),
        ("corpora.names.parse.dev.from", "dev", r"^corpora\.names\.parse\.dev\.from: must be train or test"),
        ("encodings.amazon_words.encode.mincount", 3, r"^encodings\.amazon_words\.encode\.mincount: unknown param"),
        ("encodings.amazon_words.corpus", "amzon", r"^encodings\.amazon_words\.corpus: must name an entry of corpora"),
        (
            "recipes.news_rnn.batch_size",
            512,
            r"^recipes\.news_rnn\.batch_size: unknown key; did you mean train\.batch",
        ),
        ("recipes.names_gru.pad.bucket", 5, r"^recipes\.names_gru\.pad\.bucket: unknown param; did you mean buckets\?"),
        (
            "recipes.news_rnn.pad.max_length",
            None,
            r"^recipes\.news_rnn\.pad\.buckets: must be a number if",
        ),
        (
            "recipes.reviews_lstm.pad.buckets",
            3,
            r"^recipes\.reviews_lstm\.pad\.side: must be right if",
        ),
        ("recipes.news_rnn.encoding", 5, r"^recipes\.news_rnn\.encoding: must name an entry of encodings; got 5"),
        ("train.sampling", "balance", r"^train\.sampling: must be one of balanced; got 'balance'"),
        ("train.sampling", {"power": "x"}, r"^train\.sampling\.power: must be a number; got 'x'"),
        ("model.readout", ["max", "last_step"], r"^model\.readout\[1\]: must be one of last_valid, max, mean"),
        ("train.learning_rate", -1, r"^train\.learning_rate: must be above 0; got -1"),
        ("model.hidden_size", 0, r"^model\.hidden_size: must be at least 1; got 0"),
        ("recipes.news_rnn.model.cell", "rn", r"^recipes\.news_rnn\.model\.cell: must be one of rnn, lstm"),
        ("recipes.news_rnn.model.hidden_size", 0, r"^recipes\.news_rnn\.model\.hidden_size: must be at least 1"),
        ("recipes.news_rnn.train.epoch", 3, r"^recipes\.news_rnn\.train\.epoch: unknown param; did you mean epochs\?"),
        ("recipes.ner_gru.train.sampling", "balanced", r"^recipes\.ner_gru\.train\.sampling: must be null for tagging"),
        (
            "encodings.amazon_words.vectorize",
            {"width": 5, "words": {"width": 5, "min_count": 1, "norm": 1.0, "longest": 4}},
            r"^encodings\.amazon_words\.vectorize\.words: must be null if tokens are not characters: segment has",
        ),
        (
            "recipes.news_rnn.embed.vectors",
            "vectorized",
            r"^recipes\.news_rnn\.embed\.vectors: needs encodings\.thucnews_chars\.vectorize\.width, which is null",
        ),
        (
            "recipes.news_rnn.embed.bigrams",
            "vectorized",
            r"^recipes\.news_rnn\.embed\.bigrams: needs encodings\.thucnews_chars\.vectorize\.bigrams, which is null",
        ),
        (
            "recipes.news_rnn.embed.lexicon",
            {"longest": 4, "vectors": "vectorized"},
            r"^recipes\.news_rnn\.embed\.lexicon\.vectors: needs encodings\.thucnews_chars\.vectorize\.words, which",
        ),
        ("embed.bigrams", "file.vec", r"^embed\.bigrams: must be one of vectorized; got 'file\.vec'"),
        ("recipes.news_rnn.model.bigrams", {"width": 5}, r"^recipes\.news_rnn\.model\.bigrams\.min_count: missing"),
        ("recipes.news_rnn.model.words", {"width": 5}, r"^recipes\.news_rnn\.model\.words\.min_count: missing"),
        (
            "recipes.news_rnn.model.words",
            {"width": 5, "min_count": 1},
            r"^recipes\.news_rnn\.model\.words: needs the recipe's embed\.lexicon, which is null; got Soft",
        ),
        (
            "recipes.news_rnn.model.words",
            {"width": 5, "min_count": 1, "sets": "bmse"},
            r"^recipes\.news_rnn\.model\.words\.sets: must be one of bme, bmes; got 'bmse'",
        ),
        (
            "recipes.news_rnn.model.words",
            {"width": 5, "min_count": 1, "weights": "count"},
            r"^recipes\.news_rnn\.model\.words\.weights: must be one of equal, frequency; got 'count'",
        ),
        (
            "recipes.news_rnn.embed.lexicon",
            {"longest": 1, "vectors": None},
            r"^recipes\.news_rnn\.embed\.lexicon\.longest: must be at least 2; got 1",
        ),
        (
            "recipes.news_rnn_words.embed.lexicon",
            {"longest": 4, "vectors": None},
            r"^recipes\.news_rnn_words\.embed\.lexicon: must be null if tokens are not characters: "
            r"encodings\.thucnews_words\.segment has segmenter: jieba; got",
        ),
        ("model.wide", "dev", r"^model\.wide: must be true or false; got 'dev'"),
        ("model.wide", None, r"^model\.wide: must not be null$"),
        ("recipes.news_rnn.model.wide", {"scale": -1}, r"^recipes\.news_rnn\.model\.wide\.scale: must be at least 0"),
        ("recipes.news_rnn.model.wide", {"scales": 1}, r"^recipes\.news_rnn\.model\.wide\.scales: unknown param"),
        (
            "recipes.ner_gru.model.wide",
            True,
            r"^recipes\.ner_gru\.model\.wide: must be false if readout is every_step: .*; got True \(bool\)$",
        ),
        ("train.batch_size", "x", r"^train\.batch_size: must be a whole number, or auto; got 'x'"),
        ("recipes", [], r"^recipes: must be a mapping of named entries"),
        ("sample.rows", 4, r"^sample\.rows: must be at least 5; got 4"),
        (
            "corpora.amazon.parse.classes.size",
            "a",
            r"^corpora\.amazon\.parse\.classes\.size: DVC's run cache ignores",
        ),
    ],
)
def test_an_invalid_key_or_value_is_refused(dotted, value, message):
    with pytest.raises(UserError, match=message):
        check_params(changed(dotted, value))


def test_all_errors_are_told_in_one_list():
    params = copy.deepcopy(SHIPPED)
    params["train"]["batch_size"] = 0  # told once, not again for each recipe
    params["trian"] = {}
    params["corpora"]["names"]["parse"]["files"] = {"train": 3}
    params["encodings"]["msra_chars"]["corpus"] = ["msra"]
    params["recipes"]["news_rnn"]["pad"]["sid"] = "left"
    del params["recipes"]["names_gru"]["pad"]
    params["recipes"]["ner_gru"]["max_length"] = 3
    params["recipes"]["news_lstm"]["train"]["epochs"] = 0
    params["recipes"]["news_lstm_norm"]["pad"]["buckets"] = 3
    with pytest.raises(CombinedError) as caught:
        check_params(params)
    first, *rest = str(caught.value).splitlines()
    assert first == "9 errors"
    assert [line.partition(": ")[0].strip() for line in rest] == [
        "trian",
        "train.batch_size",
        "corpora.names.parse.files.train",
        "encodings.msra_chars.corpus",
        "recipes.news_rnn.pad.sid",
        "recipes.news_lstm.train.epochs",
        "recipes.news_lstm_norm.pad.buckets",
        "recipes.names_gru.pad",
        "recipes.ner_gru.max_length",
    ]


def test_defaults_must_be_complete():
    params = copy.deepcopy(SHIPPED)
    del params["train"]["batch_size"]  # told once, not again for each recipe without a batch size of its own
    with pytest.raises(UserError, match=r"^train\.batch_size: missing param; add it \(null if it does not apply\)$"):
        check_params(params)


def test_a_misspelt_default_is_told_once():
    params = copy.deepcopy(SHIPPED)
    params["train"]["bacth_size"] = params["train"].pop("batch_size")
    with pytest.raises(UserError, match=r"^train\.bacth_size: unknown param; did you mean batch_size\?$"):
        check_params(params)


@pytest.mark.parametrize(
    ("dotted", "misspelt", "message"),
    [
        ("model", "modle", r"^modle: unknown section of params\.yaml; did you mean model\?$"),
        ("data", "dta", r"^dta: unknown section of params\.yaml; did you mean data\?$"),
        ("recipes", "recipess", r"^recipess: unknown section of params\.yaml; did you mean recipes\?$"),
        ("recipes.news_rnn.model", "modle", r"^recipes\.news_rnn\.modle: unknown key; did you mean model\?$"),
        ("recipes.news_rnn.encoding", "encodign", r"^recipes\.news_rnn\.encodign: unknown key; did you mean encoding"),
        ("encodings.thucnews_chars.corpus", "corpsu", r"^encodings\.thucnews_chars\.corpsu: unknown key; did you mean"),
    ],
)
def test_a_misspelt_section_is_one_error(dotted, misspelt, message):
    params = copy.deepcopy(SHIPPED)
    *parents, leaf = dotted.split(".")
    section = params
    for key in parents:
        section = section[key]
    section[misspelt] = section.pop(leaf)
    with pytest.raises(UserError, match=message) as caught:
        check_params(params)
    assert not isinstance(caught.value, CombinedError)


def test_a_misspelt_section_hides_no_error_of_its_values():
    params = copy.deepcopy(SHIPPED)
    params["modle"] = params.pop("model") | {"layers": 0}
    params["recipes"]["news_lstm"]["embedd"] = params["recipes"]["news_lstm"].pop("embed") | {"width": -1}
    with pytest.raises(CombinedError) as caught:
        check_params(params)
    said = str(caught.value)
    assert "modle: unknown section" in said
    assert "model.layers: must be at least 1" in said
    assert "recipes.news_lstm.embed.width: must be at least 1" in said


def test_a_share_out_of_range_is_one_error():
    params = copy.deepcopy(SHIPPED)
    del params["corpora"]["imdb"]["parse"]["files"]["test"]
    params["corpora"]["imdb"]["parse"]["test"] = {"from": "train", "share": 1.5, "block": 1}
    with pytest.raises(
        UserError, match=r"^corpora\.imdb\.parse\.test\.share: must lie in \(0, 1\); got 1\.5"
    ) as caught:
        check_params(params)
    assert not isinstance(caught.value, CombinedError)


def test_widths_of_learned_vectors_agree_with_those_of_the_recipe():
    params = copy.deepcopy(SHIPPED)
    params["encodings"]["thucnews_chars"]["vectorize"] = {
        "width": 9,
        "bigrams": {"width": 7, "min_count": 1, "norm": 1.0},
        "words": {"width": 5, "min_count": 1, "norm": 1.0, "longest": 4},
    }
    recipe = params["recipes"]["news_bilstm"]
    recipe["embed"] = {
        "width": 9,
        "vectors": "vectorized",
        "bigrams": "vectorized",
        "lexicon": {"longest": 4, "vectors": "vectorized"},
    }
    recipe["model"] |= {"bigrams": {"width": 7, "min_count": 2}, "words": {"width": 5, "min_count": 2}}
    check_params(params)
    recipe["embed"]["width"] = None
    recipe["model"]["bigrams"] = recipe["model"]["words"] = None  # vectors that the model does not use are allowed
    check_params(params)
    recipe["embed"]["width"] = 8
    recipe["model"] |= {"bigrams": {"width": 6, "min_count": 2}, "words": {"width": 4, "min_count": 2}}
    assert [message.partition(", or null")[0] for message in messages(params)] == [
        "recipes.news_bilstm.embed.width: must be 9, as wide as the vectors that vectorize learns",
        "recipes.news_bilstm.model.bigrams.width: must be 7, as wide as the vectors that vectorize learns",
        "recipes.news_bilstm.model.words.width: must be 5, as wide as the vectors that vectorize learns",
    ]


def test_the_smallest_useful_entries_have_six_lines_at_most():
    params = copy.deepcopy(SHIPPED)
    params["corpora"]["mine"] = {
        "parse": {"format": "headlines", "files": {"train": "a", "dev": "b", "test": "c", "classes": "d"}}
    }
    params["encodings"]["mine_chars"] = {"corpus": "mine", "segment": {}, "encode": {}}
    params["recipes"]["mine_lstm"] = {"encoding": "mine_chars", "embed": {}, "pad": {}, "model": {}, "train": {}}
    check_params(params)  # a line for each name and each key: 4, 5 and 6


def messages(params):
    with pytest.raises(UserError) as caught:
        check_params(params)
    errors = caught.value.errors if isinstance(caught.value, CombinedError) else [caught.value]
    return [str(error) for error in errors]


def test_an_unknown_key_of_the_defaults_hides_nothing_else():
    params = copy.deepcopy(SHIPPED)
    params["train"]["foo"] = 1
    params["recipes"]["news_rnn"]["train"]["epochs"] = 0
    params["recipes"]["ner_gru"]["train"]["sampling"] = "balanced"
    assert [message.partition(":")[0] for message in messages(params)] == [
        "train.foo",
        "recipes.news_rnn.train.epochs",
        "recipes.ner_gru.train.sampling",
    ]


def test_an_entrys_own_value_is_told_also_where_the_default_is_as_wrong():
    params = copy.deepcopy(SHIPPED)
    params["train"]["batch_size"] = params["recipes"]["news_rnn"]["train"]["batch_size"] = 0
    assert messages(params) == [
        "train.batch_size: must be at least 1; got 0 (int)",
        "recipes.news_rnn.train.batch_size: must be at least 1; got 0 (int)",
    ]


def test_defaults_of_a_corpus_are_checked_by_their_own_names():
    params = copy.deepcopy(SHIPPED)
    params["parse"]["max_rejects"] = -1
    assert messages(params) == ["parse.max_rejects: must not be negative; got -1 (int)"]
    params = copy.deepcopy(SHIPPED)
    params["parse"]["format"] = params["corpora"]["imdb"]["parse"].pop("format")
    assert messages(params)[0] == "parse.format: has no default; write it in each entry"
    params = copy.deepcopy(SHIPPED)
    for corpus in params["corpora"].values():
        corpus["parse"].setdefault("dev", None)
    params["parse"]["dev"] = {"from": "train", "share": 0.1, "block": 1}
    check_params(params)


@pytest.mark.parametrize("name", ["", "-x", "a.b", "../x", "a/b", "a b", "${x}", "a\n", "a" * 65, "%", "a@b"])
def test_a_name_that_cannot_be_part_of_a_path_or_a_command_is_refused(name):
    for table in ("corpora", "encodings", "recipes"):
        params = copy.deepcopy(SHIPPED)
        params[table][name] = next(iter(params[table].values()))
        (message,) = messages(params)
        assert message.startswith(f"{table}: the name of an entry must have only letters, digits, _ and -")


@pytest.mark.parametrize("name", ["a", "a-b_c", "新闻_字", "0", "a" * 64])
def test_other_names_are_accepted(name):
    params = copy.deepcopy(SHIPPED)
    params["recipes"][name] = params["recipes"]["news_rnn"]
    check_params(params)


HOSTILE = (None, True, -1, 0, 10**400, float("nan"), float("inf"), "", "x", "../x", [], ["x"], [[1]], {}, {"a": 1})


def paths(values, at=()):
    for key, value in values.items():
        yield (*at, key)
        if isinstance(value, dict):
            yield from paths(value, (*at, key))


@pytest.mark.slow
def test_no_value_anywhere_is_a_traceback():
    for number, (*parents, leaf) in enumerate(paths(SHIPPED)):
        for value in [HOSTILE[(number + shift) % len(HOSTILE)] for shift in (0, 4, 8, 11)]:
            params = copy.deepcopy(SHIPPED)
            section = params
            for key in parents:
                section = section[key]
            section[leaf] = value
            with contextlib.suppress(UserError):
                check_params(params)


def test_a_reference_that_is_no_name_is_refused():
    params = copy.deepcopy(SHIPPED)
    params["recipes"]["ner_bilstm_crf"]["encoding"] = ["msra_bioes"]
    (message,) = messages(params)
    assert message.startswith("recipes.ner_bilstm_crf.encoding: must name an entry of encodings; got ['msra_bioes']")


@pytest.mark.parametrize("value", [10**400, float("nan"), float("inf")], ids=["huge", "nan", "inf"])
def test_a_number_that_is_not_finite_is_refused(value):
    params = copy.deepcopy(SHIPPED)
    params["train"]["learning_rate"] = value
    (message,) = messages(params)
    assert message.startswith("train.learning_rate: must be a finite number; got")
