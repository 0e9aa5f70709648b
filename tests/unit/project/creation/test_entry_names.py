"""Names of entries: what YAML or DVC would read as something else is neither made nor taken."""

import pytest
from ruamel.yaml import YAML

from textrnn.common.params.entry_names import check_entry_name
from textrnn.errors import UserError
from textrnn.project.creation.entry_names import entry_name

NOT_TEXT = ["2024", "null", "true", "1e5", "2024-01-02", "0x1F", "yes", "off", "size", "nfiles", "1_000", "2024-99-99"]


@pytest.mark.parametrize("name", NOT_TEXT)
def test_a_file_named_so_gets_another_name(tmp_path, name):
    made = entry_name(tmp_path / f"{name}.csv")
    assert made == f"corpus_{name.replace('-', '_')}" or "-" in name
    assert YAML(typ="safe").load(f"{made}: 1") == {made: 1}
    check_entry_name(made, "--name")


@pytest.mark.parametrize("name", NOT_TEXT)
def test_such_a_name_is_refused(name):
    with pytest.raises(UserError, match=rf"^--name: .* must not be a number, .*; got '{name}'; name it corpus_{name}"):
        check_entry_name(name, "--name")


@pytest.mark.parametrize("name", ["a: {b", "a: {", "", "a b", "-a", "a" * 65, "a\n"])
def test_what_no_entry_can_be_named(name):
    with pytest.raises(UserError, match=r"^recipes: the name of an entry must have only letters, digits, _ and -"):
        check_entry_name(name, "recipes")


@pytest.mark.parametrize(
    ("file", "name"), [("my tickets.csv", "my_tickets"), ("20news.csv.gz", "20news"), ("数据.csv", "corpus")]
)
def test_other_files(tmp_path, file, name):
    assert entry_name(tmp_path / file) == name
    check_entry_name(name, "--name")
