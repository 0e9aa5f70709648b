"""The language of texts: by script, and by frequent words where many languages share one."""

import pytest

from textrnn.project.inspection.language import FUNCTION_WORDS, LanguageCounts


def language(*texts):
    counts = LanguageCounts()
    for text in texts:
        counts.add(text)
    return counts.language()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My parcel has not arrived yet and the driver left it in the rain", "English"),
        ("Das Paket ist nicht da und der Fahrer hat mich nicht gefragt", "German"),
        ("Le colis est dans la rue et je ne suis pas là pour vous", "French"),
        ("El paquete no ha llegado y la tienda no responde por el pedido", "Spanish"),
        ("Il pacco non è arrivato e anche il corriere non risponde", "Italian"),
        ("A encomenda não chegou e o motorista não foi para a minha rua", "Portuguese"),
        ("Het pakket is niet op tijd en ik zijn met het adres niet blij", "Dutch"),
        ("中国队在世界杯比赛，股市大涨三百点", "Chinese"),
        ("iPhone 12 发布会今日举行", "Chinese"),
        ("荷物がまだ届いていません", "Japanese"),
        ("소포가 아직 도착하지 않았습니다", "Korean"),
        ("พัสดุยังมาไม่ถึง", "Thai"),
        ("Посылка ещё не пришла", "of Cyrillic letters"),
        ("Schmidt Okafor Nakamura", "of Latin letters"),
        ("12:30 !!", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_language_of_a_text(text, expected):
    assert language(text) == expected


def test_a_few_foreign_texts_change_nothing():
    assert language(*["The parcel is not here and it is late"] * 20, "中国队在世界杯比赛") == "English"
    assert language(*["中国队在世界杯比赛，股市大涨"] * 20, "The parcel is not here") == "Chinese"


def test_no_language_has_the_words_of_another_alone():
    for name, words in FUNCTION_WORDS.items():
        others = " ".join(other for language, other in FUNCTION_WORDS.items() if language != name).split()
        assert len(set(words.split()) - set(others)) >= 4, name
