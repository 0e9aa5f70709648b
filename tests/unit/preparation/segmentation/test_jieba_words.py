"""The fast jieba words compared with jieba's own: adversarial strings, samples of code points and of real text."""

from __future__ import annotations

import marshal
import os
import random
import subprocess
import sys

import jieba
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factories.imports import SOURCE
from factories.jieba_reference import BOUNDS, by_code_points, check, differing, headlines, sentences
from textrnn.preparation.segmentation import jieba_words
from textrnn.preparation.segmentation.jieba_words import FastCut, cut_batch, is_fast, load_jieba_cut, slow_jieba_cut

needs_rjieba = pytest.mark.skipif(not is_fast(), reason="needs the verified versions of rjieba and jieba")

# in and around jieba's blocks: Han, rare Han, compatibility ideographs, letters, digits, full width, signs, spaces
SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2007\u2028\u2029\u202f\u3000"
INVISIBLE = "\0\x01\x1b\x7f\xad\u0301\u200b\u200c\u200d\u2060\ufe0f\ufeff\ufffd\uffff"
RARE = "㐀㐁䶵鿖鿗豈更𠀀𠮷𪛖𫠠𬺰\U0002ebe0丽\U00030edd\ud800\udbff\udc00\udfff"
LATIN = "aAbBcCtTzZ0159+#&._%-"
FULL = "ＡＢａｂ０１９＋％．，。！？：；“”（）①ⅣγéİßΑА😀👪🏽🇨"
WORDS = [
    *("B超", "AT&T", "c++", "C#", "T恤衫", "AA制", "PH值", "4S店", "江南style", "IP地址", "阿Q", "γ射线", "X光线"),
    *("中国", "中华人民共和国", "清华大学", "的", "了", "不", "年", "月", "结婚", "和尚", "未", "研究生", "生命"),
    *("1.2.3", "3.14%", "2.5", "A股", "e-mail", "v2.0b", "\r\n", "50%", "-1", "a_b", "..", "--"),
]
PIECES = [*SPACES, *INVISIBLE, *BOUNDS, *RARE, *LATIN, *FULL, *WORDS]

GOLDEN = {
    "": [],
    "我来到北京清华大学": ["我", "来到", "北京", "清华大学"],
    "他来到了网易杭研大厦": ["他", "来到", "了", "网易", "杭研", "大厦"],
    # rjieba alone differs here: by its total, its rounded emissions, its joining of codes
    "叠加入时": ["叠加", "入时"],
    "灯黑豹骨": ["灯黑", "豹骨"],
    "抬危遗": ["抬", "危遗"],
    "淑局妃": ["淑", "局妃"],
    "逛夷嫣": ["逛夷嫣"],
    "够末置": ["够", "末", "置"],
    "WES-5.4.5": ["WES", "-", "5.4", ".", "5"],
    "G260911-0711": ["G260911", "-", "0711"],
    "1.2.3%": ["1.2", ".", "3%"],
    # words that contain signs, and the same signs between other words
    "xAT&Ty": ["x", "AT&T", "y"],
    "C++和c#": ["C++", "和", "c#"],
    "a+b#": ["a", "+", "b", "#"],
    "做B超花2.5%": ["做", "B超", "花", "2.5%"],
    # outside the blocks
    "\r\n\n\r \t": ["\r\n", "\n", "\r", " ", "\t"],
    "中\u3400文": ["中", "\u3400", "文"],
    "北京\ud800大学𠮷": ["北京", "\ud800", "大学", "𠮷"],
    "Ａ１": ["Ａ", "１"],
    "👨‍👩": ["👨", "\u200d", "👩"],
}


@pytest.fixture(scope="module")
def fast():
    return load_jieba_cut()


@pytest.fixture(scope="module")
def slow():
    return slow_jieba_cut()


@pytest.fixture(scope="module")
def dictionary(slow):
    return [word for word, count in slow.__self__.FREQ.items() if count]


@pytest.mark.parametrize("text", GOLDEN)
def test_golden(text, fast, slow):
    assert fast(text) == GOLDEN[text]
    assert slow(text) == GOLDEN[text]


def test_slow_is_jieba_lcut(slow):
    texts = [*GOLDEN, "".join(WORDS), " ".join(WORDS)]
    assert [slow(text) for text in texts] == [jieba.lcut(text) for text in texts]


# adversarial strings


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.sampled_from([*SPACES, *INVISIBLE, *BOUNDS, *RARE, *LATIN, *FULL, *WORDS]), max_size=30).map("".join)
)
@example("\r")
@example("a\r\r\n中")
@example("𠮷\r\n𠮷")
def test_mixtures(fast, slow, text):
    assert fast(text) == slow(text)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=LATIN + "中国年股", max_size=20))
def test_letters_digits_and_signs(fast, slow, text):
    assert fast(text) == slow(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=20))
def test_any_text(fast, slow, text):
    assert fast(text) == slow(text)


def test_words_that_overlap(fast, slow, dictionary):
    """Words chained by a shared character: many routes, many of them equally likely except for rounding."""
    generator = random.Random(0)
    starting = {}
    for word in dictionary:
        if len(word) > 1:
            starting.setdefault(word[0], []).append(word)
    texts = []
    for word in generator.sample(dictionary, 12_000):
        text = word
        for _ in range(generator.randrange(1, 5)):
            text += generator.choice(starting.get(text[-1], dictionary))[1:]
        texts.append(text)
    assert differing(texts, fast, slow) == []


def test_runs_of_rare_characters(fast, slow):
    """Runs that go to the HMM, many with characters never seen in some state: ties on -3.14e100."""
    generator = random.Random(0)
    texts = [
        "".join(chr(generator.randrange(0x4E00, 0x9FD6)) for _ in range(generator.randrange(2, 9)))
        for _ in range(12_000)
    ]
    assert differing(texts, fast, slow) == []
    assert differing(["".join(texts[:300])], fast, slow) == []


def test_code_points(fast, slow):
    """The first plane with a sample of Han and Hangul, and a sample of every other plane."""
    first = [*range(0x3500), *range(0x4D80, 0x4E20), *range(0x9F80, 0xA100), *range(0xD780, 0xE010)]
    first += [*range(0xF8F0, 0x10010), *range(0x3500, 0xF8F0, 29)]
    other = [*range(0x1F300, 0x1F700, 3), *range(0x10000, 0x110000, 401), 0x10FFFF]
    bounds = [point + by for point in map(ord, BOUNDS) for by in (-1, 0, 1)]
    assert by_code_points(first + other + bounds, fast, slow) == []


# the assumptions of the proof


@needs_rjieba
def test_the_dictionaries_hold_the_same_words(dictionary, slow):
    from rjieba import Jieba

    rjieba = Jieba()
    assert [word for word in dictionary if not rjieba.has_word(word)] == []
    rjieba.add_word("\n", 3, None)
    rjieba.add_word("\u3400", 10**11, None)
    # for a word with count n of t, the suggestion for its double is n n / t + 1, which reveals t
    assert rjieba.suggest_freq("\u3400\u3400") == 10**22 // (slow.__self__.total + 10**11) + 1


def test_no_word_consists_of_letters_and_digits_alone(dictionary):
    assert [word for word in dictionary if word.isascii() and word.isalnum()] == []
    assert [word for word in dictionary if jieba_words.OUTSIDE.search(word) or jieba_words.SEP in word] == []


# loading, batches, memory


def test_a_batch_equals_one_by_one(fast):
    texts = [*GOLDEN, "北京\r", "\n大学", "", *WORDS] * 9
    assert len(texts) > jieba_words.BATCH_SIZE
    plain = [text for text in texts if not jieba_words.OUTSIDE.search(text)]
    for some in (texts, plain, plain[:1], [*plain, "a\0b"], ["\0"], ["", ""], [""], []):
        assert cut_batch(some) == [fast(text) for text in some]


@needs_rjieba
def test_a_batch_is_one_call_of_rjieba(monkeypatch):
    words = FastCut()
    monkeypatch.setattr(words, "cut", None)
    assert words.cut_many(["北京大学", "", "A股"]) == [["北京大学"], [], ["A股"]]


@needs_rjieba
def test_the_cache_is_bounded(monkeypatch, slow):
    monkeypatch.setattr(jieba_words, "MAX_CACHED_RUNS", 3)
    words = FastCut()
    texts = ["抬危遗", "淑局妃", "逛夷嫣", "够末置", "灯黑", "抬危遗"] * 2
    sizes = []
    for text in texts:
        assert words.cut(text) == slow(text)
        sizes.append(len(words._cache))
    assert max(sizes) == 3
    words.cut("抬危遗" * 9)
    assert len(words._cache) == sizes[-1]


@pytest.mark.parametrize("verified", [{"jieba": "0.1"}, {"no-such-package-at-all": "1"}])
def test_other_versions_are_not_trusted(verified, monkeypatch):
    monkeypatch.setattr(jieba_words, "VERIFIED_VERSIONS", verified)
    assert not is_fast.__wrapped__()


def test_without_rjieba_jieba_itself_is_used(monkeypatch, slow):
    monkeypatch.setattr(jieba_words, "is_fast", lambda: False)
    assert load_jieba_cut() is slow
    assert cut_batch(["抬危遗", "", "WES-5.4.5"]) == [GOLDEN["抬危遗"], [], GOLDEN["WES-5.4.5"]]


def test_a_forged_cache_file_is_not_read(monkeypatch, tmp_path):
    forged = marshal.dumps(({"我来": 10**9, "我": 0}, 10**9))
    (tmp_path / "jieba.cache").write_bytes(forged)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert jieba.Tokenizer().lcut("我来到")[0] == "我来"  # jieba reads it
    assert jieba_words._slow_cut.__wrapped__(())("我来到") == ["我", "来到"]
    assert (tmp_path / "jieba.cache").read_bytes() == forged


def test_nothing_is_written_or_printed(tmp_path):
    code = (
        "from textrnn.preparation.segmentation.jieba_words import load_jieba_cut, slow_jieba_cut\n"
        "for cut in (load_jieba_cut(), slow_jieba_cut()): print(*cut('清华大学'))"
    )
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "TMPDIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    run = subprocess.run([sys.executable, "-c", code], env={**env, "PYTHONUTF8": "1"}, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "清华大学\n清华大学\n", "")
    assert list(tmp_path.iterdir()) == []


# real text


@pytest.mark.real
def test_real_headlines_and_sentences(real_data, fast, slow):
    texts = headlines(real_data, "test.txt") + sentences(real_data, "msra_test_bio.txt")[:1000]
    assert len(texts) == 11_000
    check(texts, fast, slow)


def test_long_runs_have_the_labels_of_jieba():
    from jieba.finalseg import emit_P, start_P, trans_P, viterbi

    generator = random.Random(7)
    labels = jieba_words._viterbi()
    for length in (*range(1, 5), *range(509, 516), *range(1020, 1030), 3000):
        for characters in ("的一是了我不人在他", [chr(at) for at in range(0x4E00, 0x9FD5)]):
            run = "".join(generator.choices(characters, k=length))
            assert labels(run) == "".join(viterbi(run, "BMES", start_P, trans_P, emit_P)[1])


def test_no_path_that_is_copied_grows_with_the_run(monkeypatch):
    lengths = []

    def record(finished, last):
        lengths.extend(len(path) for paths in finished for path in paths.values())
        return real(finished, last)

    real = jieba_words._join_parts
    monkeypatch.setattr(jieba_words, "_join_parts", record)
    assert len(jieba_words._viterbi()("\u4e02" * 50_000)) == 50_000
    assert set(lengths) == {jieba_words.PART_LENGTH}
