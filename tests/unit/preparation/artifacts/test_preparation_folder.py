"""What an encoding and a recipe leave for training: vocabulary, labels and segmentation; matrix and lexicon."""

import numpy as np
import pyarrow as pa
import pytest

from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.lexicon_table import LEXICON
from textrnn.preparation.artifacts.model_files import REQUIRED_FILES
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.artifacts.vocabulary import Vocabulary

STATE = '{"clean": ["lower"], "segmenter": "chars", "punkt": null}\n'
LABELS = Labels("tag", ["O", "LOC"], "type", ["LOC"])


@pytest.fixture
def preparation(tmp_path):
    (tmp_path / "state.json").write_text(STATE, encoding="utf-8")
    (tmp_path / "made").mkdir()
    vocabulary = Vocabulary(pa.array(["中", "国"]), pa.array([3, 1]))
    return Preparation.write(tmp_path / "made", vocabulary, LABELS, tmp_path / "state.json")


def test_artifacts_lie_where_the_graph_has_them():
    assert Preparation.default_folder("chars").as_posix() == "data/encoded/chars/preparation"
    assert RecipeEmbedding.default_folder("r").as_posix() == "data/embedded/r"


def test_a_preparation_is_read_as_written(preparation, tmp_path):
    assert {path.name for path in (tmp_path / "made").iterdir()} == set(PREPARATION_FILES)
    assert PREPARATION_FILES == ("vocabulary.arrow", "labels.json", "segmentation.json")
    read = Preparation(tmp_path / "made")
    assert read == preparation
    assert read.read_vocabulary().tokens.to_pylist() == ["中", "国"]
    assert read.read_vocabulary().counts.to_pylist() == [3, 1]
    assert read.read_labels() == LABELS
    assert read.segmentation_file.read_text(encoding="utf-8") == STATE
    assert read.files == (read.vocabulary_file, read.labels_file, read.segmentation_file)


def test_a_copy_has_the_same_bytes(preparation, tmp_path):
    (tmp_path / "model").mkdir()
    preparation.copy_to(tmp_path / "model")
    copied = Preparation(tmp_path / "model").files
    assert [path.read_bytes() for path in copied] == [path.read_bytes() for path in preparation.files]


def test_a_model_directory_has_the_files_of_a_preparation():
    assert ("config.json", "model.safetensors", *PREPARATION_FILES) == REQUIRED_FILES


def test_missing_files_are_named(preparation):
    for path in preparation.files:
        path.unlink()
    with pytest.raises(UserError, match=r"made/vocabulary\.arrow: no such file; run the stage that writes it$"):
        preparation.read_vocabulary()
    with pytest.raises(UserError, match=r"made/labels\.json: no such file; run the stage that writes it$"):
        preparation.read_labels()


def test_an_embedding_is_read_as_written(tmp_path):
    matrix = np.arange(10, dtype=np.float32).reshape(5, 2)
    lexicon = pa.table(
        [[[2, 3]], pa.array(["n"]).dictionary_encode(), [8], [[0.5, 1.0]]],
        names=["ids", "tag", "frequency", "vector"],
    ).cast(LEXICON)
    no_words = pa.array([None, None], pa.string()).dictionary_encode()
    bigrams = pa.table([[[4, 2], [2, 2]], no_words, [0, 0], [[1.0], [2.0]]], names=LEXICON.names).cast(LEXICON)
    RecipeEmbedding(matrix, lexicon, bigrams).write(tmp_path)
    names = ["embedding.arrow", "lexicon.arrow", "bigrams.arrow"]
    assert [path.name for path in RecipeEmbedding.files(tmp_path)] == names
    assert set(RecipeEmbedding.files(tmp_path)) == set(tmp_path.iterdir())
    read = RecipeEmbedding.read(tmp_path)
    assert (read.matrix.dtype, read.matrix.tolist()) == (np.float32, matrix.tolist())
    assert not read.matrix.flags.writeable  # it is mapped from the file
    assert read.lexicon.equals(lexicon)
    assert read.bigrams.equals(bigrams)


@pytest.mark.parametrize("name", ["embedding.arrow", "lexicon.arrow", "bigrams.arrow"])
def test_a_missing_part_of_an_embedding_is_named(tmp_path, name):
    empty = LEXICON.empty_table()
    RecipeEmbedding(np.zeros((3, 2), np.float32), empty, empty).write(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file; run the stage that writes it$"):
        RecipeEmbedding.read(tmp_path)
