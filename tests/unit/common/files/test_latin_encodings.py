"""Texts of the languages of Europe, as short as real rows are, in the encodings that their letters leave open."""

import pytest

from textrnn.common.files.encoding_hint import likely_encoding, lines_not_utf8, sample_words
from textrnn.common.files.latin_encodings import latin_encoding

TEXTS = [
    ("cp1252", "Le colis est arrivé en retard, n° 5 rue de l'Église; la boîte était abîmée.\nOù est ma commande ?"),
    ("cp1252", "n° 5\nété\n3 m³ à l'été\nL’œuvre coûte 30 € – « déjà vu », ça alors !"),
    ("cp1252", "n° 5"),
    ("cp1252", "ÉTÉ À LA PLAGE, FORÊT"),
    ("cp1252", "A encomenda não chegou, são três dias de atraso.\nA informação da ligação está errada"),
    ("cp1252", "não são"),
    ("cp1252", "O prédio é muito bonito, avó e avô, lã, pão, põe, maçã"),
    ("cp1252", "El niño no llegó; ¿dónde está mi pedido? Mañana será otro día."),
    ("cp1252", "Das Paket ist noch nicht da. Die Tür war zu, größte Mühe, schöne Grüße"),
    ("cp1252", "Il pacco non è arrivato, perché la città è lontana; però più tardi sarà così."),
    ("cp1252", "Pakken er ikke kommet, på søndag får jeg æbler. Över ån, räksmörgås"),
    ("cp1252", "The café was déjà vu, naïve “quotes” – très bien, Müller & Söhne"),
    ("cp1252", "It’s a “quote” – and 5 € or £3"),
    ("cp1252", "price 5 £"),
    ("cp1250", "Paczka jeszcze nie dotarła. Gdzie jest moje zamówienie? Proszę o zwrot pieniędzy."),
    ("cp1250", "Nie mogę się zalogować"),
    ("iso8859-2", "Paczka nie dotarła. Gdzie jest zamówienie? Proszę o zwrot pieniędzy, są błędy, dziękuję."),
    ("cp1250", "Balík ještě nedorazil. Příliš žluťoučký kůň úpěl ďábelské ódy. Děkuji za odpověď."),
    ("iso8859-2", "Balík ještě nedorazil. Příliš žluťoučký kůň úpěl ďábelské ódy. Děkuji za odpověď."),
    ("cp1250", "A csomag még nem érkezett meg. Kérem a pénzemet vissza, köszönöm, időben, gyűrű"),
    ("cp1250", "Kétszer számláztak ki egy rendelést, mikor kapom meg a pénzt? Köszönöm előre is"),
    ("cp1250", "Paket još nije stigao. Molim vas, riješite to što prije, čekam već sedam dana."),
    ("cp1254", "Sipariş gelmedi, lütfen paramı geri ödeyin. Teşekkürler, iyi günler, değil"),
    ("cp1257", "Siuntinys dar neatvyko, prašau grąžinti pinigus. Ačiū už pagalbą, labai lėtai"),
    ("mac-roman", "Le colis est arrivé en retard, n° 5 rue de l'Église; la boîte était abîmée."),
    ("cp850", "Das Paket ist noch nicht da. Die Tür war zu, größte Mühe, schöne Grüße"),
    ("cp852", "Paczka nie dotarła. Gdzie jest zamówienie? Proszę o zwrot pieniędzy, są błędy, dziękuję."),
]
OTHER_SCRIPTS = [
    ("cp1251", "Сегодня рынок вырос, команда победила. Где моя посылка?"),
    ("gb18030", "今天股市上涨，投资者信心恢复，球队赢得比赛。"),
    ("gb18030", "I like 苹果 phones\nbuy a 手机 now"),
    ("big5", "今天股市上漲，投資者信心恢復，球隊贏得比賽。"),
    ("cp932", "今日は株価が上がり、投資家の自信が回復しました。カタカナ"),
    ("euc-jp", "今日は株価が上がり、投資家の自信が回復しました。カタカナ"),
    ("cp949", "오늘 주식 시장이 상승했습니다. 팀이 경기에서 이겼다"),
]


@pytest.mark.parametrize("times", [1, 60])
@pytest.mark.parametrize(("encoding", "text"), TEXTS + OTHER_SCRIPTS)
def test_the_letters_are_read_as_they_were_written(encoding, text, times):
    content = f"text,label\n{text}\n".encode(encoding) * times
    assert likely_encoding(lines_not_utf8(content)) == encoding


@pytest.mark.parametrize(("encoding", "text"), OTHER_SCRIPTS)
def test_other_scripts_are_no_latin_letters(encoding, text):
    assert latin_encoding(text.encode(encoding)) is None


def test_some_lines_that_are_damaged_make_no_other_encoding():
    good = "été, forêt\n".encode()
    assert lines_not_utf8(good * 3 + b"\xff\n") == b""
    assert lines_not_utf8(b"plain\n" * 9 + b"caf\xe9\n") == b"caf\xe9\n"
    assert lines_not_utf8(b"") == b""


def test_sample_words_are_those_beyond_ascii():
    text = "the café; (déjà) vu: café, naïve. «Zoë» Äpfel Öl über".encode("cp1252")
    assert sample_words(text, "cp1252") == "café, déjà, naïve, «Zoë», Äpfel"
    assert sample_words(("今天" * 30).encode("gb18030"), "gb18030") == "今天" * 10
