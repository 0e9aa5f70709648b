"""Reading params.yaml, and its sections as dataclasses."""

import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, Literal

import pytest

from textrnn.common.config.params import (
    build_dataclass,
    get_param,
    load_section,
    load_stage_params,
    read_params,
    require,
    require_file_name,
)
from textrnn.errors import UserError


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
    with pytest.raises(UserError, match=r"^inner\.depth: missing param; add it \(null where it does not apply\)$"):
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
        ({"kind": "step"}, "schedule.every: missing param; add it (null where it does not apply)"),
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
        ("a: 2024-13-45\n", "month must be in 1..12"),
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
    params = {"recipes": {"news_rnn": {"pad_size": 16}}, "limits": None}
    assert get_param(params, "recipes", "news_rnn", "pad_size") == 16
    assert get_param(params) is params
    with pytest.raises(UserError, match=r"^recipes\.news_rn: no such entry; did you mean news_rnn\?$"):
        get_param(params, "recipes", "news_rn")
    with pytest.raises(UserError, match=r"^recipes\.zzz: no such entry; known: news_rnn$"):
        get_param(params, "recipes", "zzz")
    with pytest.raises(UserError, match=r"^limits\.rows: its parent must be a mapping; got null$"):
        get_param(params, "limits", "rows")
    with pytest.raises(UserError, match=r"^x: no such entry; known: none$"):
        get_param({}, "x")


def test_load_section():
    params = {"nests": {"one": {"depth": 4}, "two": {"depth": "4"}, "three": 7}}
    assert load_section(Inner, params, "nests", "one") == Inner(4)
    with pytest.raises(UserError, match=r"^nests\.two\.depth: must be a whole number; got '4' \(str\)$"):
        load_section(Inner, params, "nests", "two")
    with pytest.raises(UserError, match=r"^nests\.three: must be a mapping; got 7 \(int\)$"):
        load_section(Inner, params, "nests", "three")


def test_load_stage_params_ignores_keys_of_other_stages_and_refuses_unknown_ones():
    among = ("depth", "width", "colour")
    entry = {"depth": 4, "width": "not mine", "colour": None}
    assert load_stage_params(Inner, {"nests": {"one": entry}}, "nests", "one", among=among) == Inner(4)
    with pytest.raises(UserError, match=r"^nests\.one\.color: unknown param; did you mean colour\?$"):
        load_stage_params(Inner, {"nests": {"one": {"depth": 4, "width": 1, "color": 2}}}, "nests", "one", among=among)
    with pytest.raises(UserError, match=r"^nests\.one\.depth: missing param"):
        load_stage_params(Inner, {"nests": {"one": {"width": 1}}}, "nests", "one", among=among)
    with pytest.raises(UserError, match=r"^nests\.one\.depth: must be a whole number; got True \(bool\)$"):
        load_stage_params(Inner, {"nests": {"one": {"depth": True}}}, "nests", "one", among=among)
    with pytest.raises(UserError, match=r"^nests\.one: must be a mapping; got \[\] \(list\)$"):
        load_stage_params(Inner, {"nests": {"one": []}}, "nests", "one", among=among)


def test_require():
    require(True, "a.b", "must be positive", -1)
    with pytest.raises(UserError, match=r"^a\.b: must be positive; got -1 \(int\)$"):
        require(False, "a.b", "must be positive", -1)


@pytest.mark.parametrize("name", ["/etc/vectors.txt", "../vectors.txt", "a/../../b.txt", ""])
def test_a_name_that_leads_out_of_its_folder_is_refused(name):
    with pytest.raises(UserError, match=r"recipes\.a\.vectors: must be the name of something inside data\.vectors"):
        require_file_name(name, "recipes.a.vectors", "data.vectors")


def test_a_name_inside_its_folder_is_accepted():
    require_file_name("chinese/sgns.txt.bz2", "recipes.a.vectors", "data.vectors")
