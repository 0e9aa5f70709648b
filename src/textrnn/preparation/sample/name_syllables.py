"""Syllables of the generated names: data without code."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.preparation.sample.sampling import words

# Names: country -> weight in the sampling of rows, then first, middle and last syllables. Vowels and endings tell the
# countries apart. A `~` capitalises the next letter, a `_` becomes a space.
COUNTRIES = {
    "Arabic": (10.0, "Ha Kha Sa Na Ra Ba Sha Ma Ta Za Gha Ke", "li da ba sa mo di ri", "ad ar im our awi an een i ouf"),
    "Chinese": (1.3, "Zh X Q Sh Ch W H L Y G F D J", "", "ang ong iao uan ei ou in un ai"),
    "Czech": (2.6, "Ko Ho Vo Ja Ne Sva Pro Kre Du Ma", "ri ve ha di cha", "vak cek sky zka cka ska nek lik"),
    "Dutch": (1.5, "van_der_~ Van~ Ro Aa Ve Kui Ha Me", "bel der sen pe", "man sen ingh stra huis oosten dijk"),
    "English": (18.3, "Ash Black Hart Wood Wal Har Nor Stan Thorn Brad Al Ed Win Whi", "ling er ming hur bi",
                "ton ley ford son well man worth ham er field by"),
    "French": (1.4, "Beau De Du Le~ La Mon Char Fon Gar", "la re bou vil", "eau ault ier ois elle mont lac"),
    "German": (3.6, "Schmi Kra Hei Ber Schw Ste Voge Ro Wei Ho", "den fel sche ger",
               "mann stein berg er bach dt feld inger"),
    "Greek": (1.0, "Pa Ka Ste Andre Kos Geo The Mar", "po da to lo ri", "poulos akis idis as ellis ou opoulos"),
    "Irish": (1.2, "O'~ O'~ Mc~ Mac Kea Don Fla Bra", "no ga lo ri", "nnell nnor han gan dy ney han rty"),
    "Italian": (3.5, "Di_~ De_~ Ro Be Fe Gia Mar Vi Ca Sa", "ri lo ne ce to", "etti ini elli ano acci one i ucci"),
    "Japanese": (4.9, "Ya Ta Na Ki Mi Sa Fu Ha O I Ko", "ka ma shi mu na ra", "moto mura ta da gawa no shi zaki ka"),
    "Korean": (0.5, "K P Ch S H Y N J R", "", "im ark oi eo ang oung am oon"),
    "Polish": (0.7, "Ko Wi Ka Za Woj Szy Ja No", "wal czy min le", "ski wicz czyk ak ek owski"),
    "Portuguese": (0.4, "Fer Al Pe Sou Sil Ri Car", "rei mei val bei", "ra da os eira es alho inho"),
    "Russian": (46.9, "Vi Pe Ab Zhe Tu Iv Gri Ku Bo Shch Dob Ya Ma Ts Zh", "ra le ki no bo ze ly cha da sha",
                "ov ev in sky off enko vich kin yan uk nov iev akov"),
    "Scottish": (0.5, "Mac Mc Camp Fra Ro Stew Gra", "ke don", "bell ser art ald ham son ie"),
    "Spanish": (1.5, "Fer Mar Gon Ro Her Al San De_la_~", "nan dri ti", "ez ero illa osa ado guez era"),
    "Vietnamese": (0.4, "Ng Tr Ph V D H L", "", "uyen an am o uong inh ieu ai"),
}  # fmt: skip
# Surnames that several countries share, and that no model can tell apart.
AMBIGUOUS = {
    "Martin": words("English French German Scottish Spanish"), "Lee": words("English Chinese Korean"),
    "Simon": words("French German Irish English Czech"), "Long": words("Chinese English Scottish"),
    "Adam": words("Czech French English Irish German"), "Ha": words("Korean Vietnamese Chinese"),
    "Chu": words("Chinese Vietnamese Korean"), "Romano": words("Italian Spanish Portuguese"),
    "Samuel": words("English French Arabic Polish"), "Costa": words("Italian Portuguese Spanish Greek"),
    "Vos": words("Dutch Czech Russian"), "Berg": words("German Dutch Russian"),
    "Abe": words("Japanese Arabic Russian"), "Roman": words("Russian Polish Japanese"),
}  # fmt: skip


@dataclass(frozen=True)
class StemOrder:
    """Names of a country with two stems: the share of all its names, which stem comes first, and the endings."""

    share: float
    dark_first: bool
    endings: tuple[str, ...]


# Two neighbours share stems and endings: in one of them the stem with a dark vowel is the first, in the other the last.
DARK_STEMS, BRIGHT_STEMS = words("kan nor tul"), words("kin ner til")
LINKS = words("my dy ry by")
_EAST, _NORTH, _OPEN = words("ov ev yev in"), words("s sen sby ser"), words("ga da no ro")
STEM_ORDERS = {
    "Russian": StemOrder(0.16, True, _EAST), "Arabic": StemOrder(0.6, False, _EAST),
    "English": StemOrder(0.2, True, _NORTH), "German": StemOrder(0.7, False, _NORTH),
    "Japanese": StemOrder(0.5, True, _OPEN), "Italian": StemOrder(0.6, False, _OPEN),
}  # fmt: skip
