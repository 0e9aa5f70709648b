"""Reading params.yaml, and its sections as dataclasses."""

import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, Literal

import pytest

from textrnn.common.params.conversion import build_dataclass
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_entry_section, load_section, merge_values
from textrnn.errors import CombinedError, ErrorCollector, UserError, require
from textrnn.names import check_file_name


@dataclass(frozen=True)
class Inner:
    depth: int


@dataclass(frozen=True)
class Step:
    kind: Literal["step"]
    every: int


@dataclass(frozen=True)
class Cosine:
    kind: Literal["cosine"]
    floor: float


@dataclass(frozen=True)
class Options:
    count: int
    rate: float
    name: str
    on: bool
    side: Literal["left", "right"]
    inner: Inner
    limit: int | None
    steps: tuple[int, ...]
    weights: Mapping[str, float]
    schedule: Step | Cosine | None
    punkt: str | Inner
    extra: Any


VALUES = {
    "count": 3,
    "rate": 0.5,
    "name": "x",
    "on": True,
    "side": "left",
    "inner": {"depth": 2},
    "limit": None,
    "steps": [1, 2],
    "weights": {"a": 1},
    "schedule": {"kind": "cosine", "floor": 0},
    "punkt": "english",
    "extra": [None, {"q": 1}],
}


def assert_refused(match, **changed):
    with pytest.raises(UserError, match=f"^{re.escape(match)}$"):
        build_dataclass(Options, VALUES | changed, "train")


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "params.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_params(path)

    return read


def test_build_converts_every_kind_of_field():
    built = build_dataclass(Options, VALUES, "train")
    assert built == Options(
        3,
        0.5,
        "x",
        True,
        "left",
        Inner(2),
        None,
        (1, 2),
        {"a": 1.0},
        Cosine("cosine", 0.0),
        "english",
        [None, {"q": 1}],
    )
    assert type(built.weights["a"]) is float
    assert type(built.schedule.floor) is float
    with pytest.raises(FrozenInstanceError):
        built.count = 4


def test_whole_number_serves_as_number():
    rate = build_dataclass(Options, VALUES | {"rate": 2}, "train").rate
    assert (rate, type(rate)) == (2.0, float)


@pytest.mark.parametrize(("value", "built"), [({"depth": 5}, Inner(5)), ("train", "train")])
def test_union_of_text_and_mapping(value, built):
    assert build_dataclass(Options, VALUES | {"punkt": value}, "train").punkt == built


def test_unknown_key_suggests_the_nearest():
    assert_refused("train.cuont: unknown param; did you mean count?", cuont=1)


def test_unknown_key_without_a_similar_one_lists_the_known_keys():
    with pytest.raises(UserError, match=r"^inner\.qqqq: unknown param; known: depth$"):
        build_dataclass(Inner, {"depth": 1, "qqqq": 2}, "inner")


def test_missing_key():
    with pytest.raises(UserError, match=r"^inner\.depth: missing param; add it \(null if it does not apply\)$"):
        build_dataclass(Inner, {}, "inner")


@pytest.mark.parametrize(
    ("field", "value", "expected", "shown"),
    [
        ("count", "3", "a whole number", "'3' (str)"),
        ("count", 3.0, "a whole number", "3.0 (float)"),
        ("count", True, "a whole number", "True (bool)"),
        ("count", None, "a whole number", "null"),
        ("count", [3], "a whole number", "[3] (list)"),
        ("rate", "0.5", "a number", "'0.5' (str)"),
        ("rate", False, "a number", "False (bool)"),
        ("rate", None, "a number", "null"),
        ("name", 3, "text", "3 (int)"),
        ("name", True, "text", "True (bool)"),
        ("on", 1, "true or false", "1 (int)"),
        ("on", "yes", "true or false", "'yes' (str)"),
        ("side", "top", "one of left, right", "'top' (str)"),
        ("side", ["left"], "one of left, right", "['left'] (list)"),
        ("inner", 3, "a mapping", "3 (int)"),
        ("inner", None, "a mapping", "null"),
        ("limit", "3", "a whole number", "'3' (str)"),
        ("limit", True, "a whole number", "True (bool)"),
        ("steps", 3, "a list", "3 (int)"),
        ("steps", "12", "a list", "'12' (str)"),
        ("weights", [1], "a mapping", "[1] (list)"),
        ("schedule", "step", "a mapping", "'step' (str)"),
    ],
)
def test_mistyped_value(field, value, expected, shown):
    assert_refused(f"train.{field}: must be {expected}; got {shown}", **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("inner", {"dept": 1}, "train.inner.dept: unknown param; did you mean depth?"),
        ("inner", {"depth": "1"}, "train.inner.depth: must be a whole number; got '1' (str)"),
        ("steps", [1, 2.5], "train.steps[1]: must be a whole number; got 2.5 (float)"),
        ("weights", {"a": 1, "b": "x"}, "train.weights.b: must be a number; got 'x' (str)"),
        ("punkt", {"depht": 1}, "train.punkt.depht: unknown param; did you mean depth?"),
    ],
)
def test_nested_errors_have_dotted_names(field, value, message):
    assert_refused(message, **{field: value})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"kind": "step"}, "schedule.every: missing param; add it (null if it does not apply)"),
        ({"kind": "step", "every": 1, "floor": 0.0}, "schedule.floor: unknown param; known: kind, every"),
        ({"kind": "step", "every": "x"}, "schedule.every: must be a whole number; got 'x' (str)"),
        ({"kind": "stp", "every": 1}, "schedule.kind: must be one of step, cosine; got 'stp' (str)"),
        ({"kind": ["step"]}, "schedule.kind: must be one of step, cosine; got ['step'] (list)"),
        ({"every": 1}, "schedule.kind: missing param; one of step, cosine"),
    ],
)
def test_errors_are_about_the_kind_that_the_value_names(value, message):
    assert_refused(f"train.{message}", schedule=value)


def test_first_kind_is_built():
    assert build_dataclass(Options, VALUES | {"schedule": {"kind": "step", "every": 5}}, "train").schedule == Step(
        "step", 5
    )


def test_literal_compares_types():
    @dataclass(frozen=True)
    class Bits:
        bits: Literal[1, 8]

    assert build_dataclass(Bits, {"bits": 8}, "b") == Bits(8)
    for value in (True, 1.0, "1", 2):
        with pytest.raises(UserError, match=r"^b\.bits: must be one of 1, 8; got"):
            build_dataclass(Bits, {"bits": value}, "b")


def test_mapping_keys_become_text_and_may_not_collide():
    assert build_dataclass(Options, VALUES | {"weights": {0: 1, 1: 2}}, "train").weights == {"0": 1.0, "1": 2.0}
    assert_refused("train.weights: has a key twice, as a number and as text; got 1, '1'", weights={1: 1, "1": 2})


def test_read_params_reads_yaml_1_2(read):
    assert read("a: 1e-05\nb: 1e-5\nc: 1e5\nd: 0.001\ne: 010\nf: yes\ng: null\nh: [1, -2]\nü: 字\n") == {
        "a": 0.00001,
        "b": 0.00001,
        "c": 100000.0,
        "d": 0.001,
        "e": 10,
        "f": "yes",
        "g": None,
        "h": [1, -2],
        "ü": "字",
    }


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("a: 1\nb: 2\na: 3\n", 'line 3: found duplicate key "a" with value "3" (original value: "1")'),
        ("a:\n  b: 1\n  b: 2\n", 'line 3: found duplicate key "b" with value "2" (original value: "1")'),
        ("a: 1\n  b: 2\n", "line 2: mapping values are not allowed here"),
        ("a: {b: 1\n", "line 2: expected ',' or '}', but got '<stream end>'"),
        ("\ta: 1\n", "line 1: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2\n", "line 2: but found another document"),
        ("a: 2024-13-45\n", "line 1: '2024-13-45' is no timestamp: month must be in 1..12"),
        (b"a: \xff\n", "'utf-8' codec can't decode byte 0xff in position 3: invalid start byte"),
    ],
)
def test_unreadable_yaml(read, tmp_path, text, got):
    with pytest.raises(UserError, match=re.escape(got)) as caught:
        read(text)
    assert str(caught.value) == f"{tmp_path / 'params.yaml'}: is not readable as YAML; got {got}"


def test_control_characters_are_unreadable(read):
    with pytest.raises(UserError, match="is not readable as YAML; got unacceptable character #x0001"):
        read("a: \x01\n")


@pytest.mark.parametrize(("text", "got"), [("", "NoneType"), ("- 1\n", "list"), ("word\n", "str")])
def test_file_that_is_not_a_mapping(read, text, got):
    with pytest.raises(UserError, match=f"params.yaml: must be a mapping of sections; got {got}$"):
        read(text)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"params\.yaml: no such file; run from the folder that holds params\.yaml$"):
        read_params(tmp_path / "params.yaml")


def test_get_param():
    params = {"recipes": {"news_rnn": {"encoding": "chars"}}, "limits": None}
    assert get_param(params, "recipes", "news_rnn", "encoding") == "chars"
    assert get_param(params) is params
    with pytest.raises(UserError, match=r"^recipes\.news_rn: no such entry; did you mean news_rnn\?$"):
        get_param(params, "recipes", "news_rn")
    with pytest.raises(UserError, match=r"^recipes\.zzz: no such entry; known: news_rnn$"):
        get_param(params, "recipes", "zzz")
    with pytest.raises(UserError, match=r"^limits\.rows: its parent must be a mapping; got null$"):
        get_param(params, "limits", "rows")
    with pytest.raises(UserError, match=r"^x: no such entry; known: none$"):
        get_param({}, "x")


@dataclass(frozen=True)
class Box:
    depth: int
    width: int
    label: Inner | None = None

    def check(self, where):
        with ErrorCollector() as errors:
            for name in ("depth", "width"):
                errors.require(getattr(self, name) > 0, f"{where}.{name}", "must be above 0", getattr(self, name))


def test_load_section():
    assert load_section(Box, {"box": {"depth": 4, "width": 1, "label": None}}, "box") == Box(4, 1)
    with pytest.raises(UserError, match=r"^box: must be a mapping; got 7 \(int\)$"):
        load_section(Box, {"box": 7}, "box")


def test_load_section_reports_every_error():
    with pytest.raises(CombinedError) as caught:
        load_section(Box, {"box": {"depth": "4", "q": 1, "label": {"depth": "x", "q": 1}}}, "box")
    assert str(caught.value).splitlines() == [
        "5 errors",
        "  box.depth: must be a whole number; got '4' (str)",
        "  box.q: unknown param; known: depth, width, label",
        "  box.label.depth: must be a whole number; got 'x' (str)",
        "  box.label.q: unknown param; known: depth",
        "  box.width: missing param; add it (null if it does not apply)",
    ]
    with pytest.raises(
        CombinedError, match=r"^2 errors\n  box\.depth: must be above 0; got 0.*\n  box\.width: must be"
    ):
        load_section(Box, {"box": {"depth": 0, "width": -1, "label": None}}, "box")


def entry(own, defaults=None):
    return {"box": defaults or {"width": 2, "label": {"depth": 1}}, "rooms": {"a": {"box": own}}}


def test_an_entrys_values_take_the_place_of_the_defaults():
    assert load_entry_section(Box, entry({"depth": 3}), "rooms", "a", "box") == Box(3, 2, Inner(1))
    assert load_entry_section(Box, entry({"depth": 3, "width": 5}), "rooms", "a", "box") == Box(3, 5, Inner(1))
    # null is a value too, and mappings are not merged into each other
    assert load_entry_section(Box, entry({"depth": 3, "label": None}), "rooms", "a", "box") == Box(3, 2, None)
    with pytest.raises(UserError, match=r"^rooms\.a\.box\.label\.depth: missing param"):
        load_entry_section(Box, entry({"depth": 3, "label": {}}), "rooms", "a", "box")
    assert merge_values(entry({"depth": 3, "label": None}), "rooms", "a", "box") == {
        "depth": 3,
        "width": 2,
        "label": None,
    }


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (entry({"depth": "3"}), r"^rooms\.a\.box\.depth: must be a whole number; got '3' \(str\)$"),
        (entry({}), r"^rooms\.a\.box\.depth: missing param; add it"),
        (entry({"depth": -1}), r"^rooms\.a\.box\.depth: must be above 0; got -1 \(int\)$"),
        (entry({"depth": 1}, {"width": "w", "label": None}), r"^box\.width: must be a whole number; got 'w' \(str\)$"),
        (entry({"depth": 1, "widht": 3}), r"^rooms\.a\.box\.widht: unknown param; did you mean width\?$"),
        (
            entry({"depth": 1, "qqqq": 3}),
            r"^rooms\.a\.box\.qqqq: unknown param; known: depth, width, label; "
            r"`-S \+\+rooms\.a\.box\.<name>=<value>` sets a param that the entry does not state$",
        ),
        (entry(None), r"^rooms\.a\.box: must be a mapping; got null; write `box: \{\}` where nothing differs"),
        (
            {"box": {}, "rooms": {"a": {}}},
            r"^rooms\.a\.box: missing section; write `box: \{\}` where nothing differs from the defaults$",
        ),
        ({"box": {}, "rooms": {"a": 3}}, r"^rooms\.a: must be a mapping; got 3 \(int\)$"),
        ({"box": 3, "rooms": {"a": {"box": {}}}}, r"^box: must be a mapping; got 3 \(int\)$"),
    ],
)
def test_an_entrys_errors_name_where_the_value_stands(params, message):
    with pytest.raises(UserError, match=message):
        load_entry_section(Box, params, "rooms", "a", "box")


@pytest.mark.parametrize(
    ("text", "line", "got"),
    [
        ("a: 1\nb: &x {c: 1}\n", 2, "&x"),
        ("a: &x 1\nb: *x\n", 1, "&x"),
        ("a:\n  b: 1\n  <<: {c: 1}\n", 3, "<<"),
    ],
)
def test_values_that_stand_in_two_places_are_refused(read, tmp_path, text, line, got):
    with pytest.raises(UserError) as caught:
        read(text)
    assert str(caught.value) == (
        f"{tmp_path / 'params.yaml'}, line {line}: has a YAML anchor, alias or merge key; `-S` would change the value "
        f"where it was first written, not here; got {got}; write the value out"
    )


def test_a_file_that_is_nested_too_deeply_is_refused(read):
    with pytest.raises(UserError, match=r"params\.yaml: is nested too deeply"):
        read("a: " + "[" * 5000 + "]" * 5000 + "\n")


def test_a_quoted_merge_key_is_a_name(read):
    assert read("a: {'<<': 1}\n") == {"a": {"<<": 1}}


def test_an_alias_bomb_is_refused_before_it_is_expanded(read):
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    with pytest.raises(UserError, match=r"line 1: has a YAML anchor"):
        read(bomb)


def test_an_old_layout_is_refused_with_the_new_names(read, tmp_path):
    text = """
data: {source: x, seed: 1}
segment: {seed: 1}
corpora: {a: {format: names, files: {}}, b: {parse: {}}}
encodings: {c: {corpus: a, segment: chars, min_count: 1}, d: {corpus: a, segment: {}, encode: {}}}
recipes: {r: {encoding: c, pad_size: 16, embedding_size: 3}, s: {encoding: c, pad_size: 3}}
"""
    with pytest.raises(UserError) as caught:
        read(text)
    assert str(caught.value) == (
        f"{tmp_path / 'params.yaml'}: is in the layout of version 0.1, or has some of its keys; "
        "data.seed is now parse.seed; corpora.*.parse has format, files; "
        "encodings.*.segment is now encodings.*.segment.segmenter; encodings.*.encode has min_count; "
        "recipes.*.embedding_size is now recipes.*.embed.width; recipes.*.pad_size is now recipes.*.pad.max_length; "
        "CHANGELOG.md has the whole table"
    )


def test_require():
    require(True, "a.b", "must be positive", -1)
    with pytest.raises(UserError, match=r"^a\.b: must be positive; got -1 \(int\)$"):
        require(False, "a.b", "must be positive", -1)


@pytest.mark.parametrize("name", ["/etc/vectors.txt", "../vectors.txt", "a/../../b.txt", ""])
def test_a_name_that_leads_out_of_its_folder_is_refused(name):
    with pytest.raises(UserError, match=r"recipes\.a\.vectors: must be the name of something inside data\.vectors"):
        check_file_name(name, "recipes.a.vectors", "data.vectors")


def test_a_name_inside_its_folder_is_accepted():
    check_file_name("chinese/sgns.txt.bz2", "recipes.a.vectors", "data.vectors")
