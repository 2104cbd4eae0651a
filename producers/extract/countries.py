"""Countries by their names in Indonesian and English, and by their codes: what an operator may have typed.

The names are those of CLDR (through Babel), of which both languages are taken, and the ones below that
offices use beside them. Must not guess: a name that is nearly known is told, not taken.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from babel import Locale
from babel.core import get_global

# Written in offices and on forms, and in no list of CLDR.
_ALSO: Final = MappingProxyType(
    {
        "AE": "UEA;UNI EMIRAT ARAB;PERSATUAN EMIRAT ARAB;EMIRATES;UAE;ABU DHABI;DUBAI",
        "BN": "BRUNAI;BRUNEI DARUSSALAM;BRUNAI DARUSSALAM",
        "CD": "REPUBLIK DEMOKRATIK KONGO;DEMOCRATIC REPUBLIC OF THE CONGO",
        "CG": "REPUBLIK KONGO;REPUBLIC OF THE CONGO",
        "CN": "RRC;RRT;TIONGKOK;CHINA;CINA;REPUBLIK RAKYAT TIONGKOK;REPUBLIK RAKYAT CHINA;"
        "REPUBLIK RAKYAT CINA;PEOPLES REPUBLIC OF CHINA",
        "CI": "PANTAI GADING;IVORY COAST",
        "CV": "TANJUNG VERDE;CAPE VERDE",
        "CZ": "CEKO;CZECH REPUBLIC;REPUBLIK CEKO",
        "FJ": "FIJI",
        "GB": "INGGRIS;INGGRIS RAYA;BRITANIA RAYA;ENGLAND;GREAT BRITAIN;UK;U.K.",
        "HK": "HONGKONG;HONG KONG;HONGKONG SAR;HONG KONG SAR;HONG KONG CHINA;HONG KONG, CHINA",
        "JO": "YORDANIA;JORDANIA",
        "JP": "JEPANG",
        "KH": "KAMBOJA",
        "KP": "KOREA UTARA;DEMOCRATIC PEOPLES REPUBLIC OF KOREA",
        "KR": "KOREA;KOREA SELATAN;REPUBLIK KOREA;REPUBLIC OF KOREA;KOREA REPUBLIC;KORSEL;SOUTH KOREA",
        "KW": "KUWEIT",
        "LA": "LAO;LAOS",
        "MM": "BIRMA;BURMA;MYANMAR",
        "MO": "MAKAU;MACAU;MACAO;MAKAO",
        "MV": "MALADEWA;MALDIVES",
        "MY": "MALAYSIA;MALAYSIA TIMUR;SABAH;SARAWAK",
        "NL": "BELANDA;HOLLAND;HOLANDA",
        "NZ": "SELANDIA BARU",
        "PG": "PAPUA NUGINI;PNG",
        "PL": "POLANDIA",
        "QA": "KATAR",
        "RU": "RUSIA;FEDERASI RUSIA;RUSSIAN FEDERATION",
        "SA": "ARAB SAUDI;SAUDI ARABIA;SAUDI;KSA;KERAJAAN ARAB SAUDI;ARABIA SAUDI",
        "SB": "KEPULAUAN SOLOMON",
        "SG": "SINGAPURA",
        "SY": "SURIAH;SURIA;SYRIAN ARAB REPUBLIC",
        "SZ": "ESWATINI;SWAZILAND",
        "TL": "TIMOR LESTE;TIMOR TIMUR;EAST TIMOR",
        "TR": "TURKI;TURKEY;TURKIYE",
        "TW": "TAIWAN;TAIWAN ROC;TAIWAN R.O.C.;TAIWAN (ROC);CHINESE TAIPEI;TAIWAN, PROVINCE OF CHINA",
        "US": "AMERIKA SERIKAT;AMERIKA;USA;U.S.A.;U.S.;UNITED STATES OF AMERICA",
        "VA": "VATIKAN;VATICAN;HOLY SEE",
        "VN": "VIETNAM;VIET NAM",
        "ZA": "AFRIKA SELATAN;SOUTH AFRICA",
    }
)
# How near a wrong name must be to be taken for a slip of the hand.
_NEAR: Final = 0.8
_CACHE: Final = 4096
# Looking for the nearest takes milliseconds: for the wrong names of an extract, not for a file of nonsense.
_NAME_MAX: Final = 60
_WRONG_NAMES_MAX: Final = 500
_NOT_WORDS: Final = re.compile(r"[^A-Z0-9]+")
# Codes of CLDR that are no countries of ISO 3166-1: regions, and places that only CLDR has.
_NOT_ISO: Final = frozenset(
    {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
)


class Countries:
    """Every name and code that is known."""

    def __init__(self) -> None:
        names: dict[str, str] = {}
        for language in ("id", "en"):
            for code, name in Locale.parse(language).territories.items():
                if len(code) == 2 and code.isalpha() and code not in _NOT_ISO:
                    names[code] = code
                    names.setdefault(_folded(name), code)
                    # `Hong Kong SAR China`, `Makau DAK Tiongkok`: the place without its status.
                    names.setdefault(re.sub(r" (SAR|DAK) .*", "", _folded(name)), code)
        for code, others in _ALSO.items():
            for name in others.split(";"):
                names[_folded(name)] = code
        known = set(names.values())
        for alias, codes in get_global("territory_aliases").items():
            # The three-letter codes of ISO 3166-1, among them.
            if len(alias) == 3 and alias.isalpha() and len(codes) == 1 and codes[0] in known:
                names.setdefault(alias, codes[0])
        self._codes = names
        self._found = lru_cache(_CACHE)(self._find)
        self._near: dict[str, str | None] = {}

    def find(self, text: str) -> str | None:
        """Give the two-letter code of a name or code, or None."""
        return self._found(text) if len(text) <= _NAME_MAX else None

    def _find(self, text: str) -> str | None:
        return self._codes.get(_folded(text))

    def nearest(self, text: str) -> str | None:
        """Give the known name that a wrong one is nearest to, if any is near."""
        name = _folded(text)
        if name not in self._near:
            if len(name) > _NAME_MAX or len(self._near) >= _WRONG_NAMES_MAX:
                return None
            close = difflib.get_close_matches(name, self._codes, n=1, cutoff=_NEAR)
            self._near[name] = close[0] if close and len(close[0]) > 3 else None
        return self._near[name]

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"Countries({len(self._codes)} names)"


def _folded(name: str) -> str:
    """Give a name without case, accents, punctuation and double spaces."""
    plain = unicodedata.normalize("NFKD", name.upper())
    plain = (
        "".join(letter for letter in plain if not unicodedata.combining(letter))
        .replace("'", "")
        .replace("’", "")
    )
    return _NOT_WORDS.sub(" ", plain).strip()
