"""The province of an office, from its code: `BP3MI-NTB`, `LTSA-JATIM-2`, `DINAS-NTB-1`.

A code written otherwise gives none: it is shown as it stands, never guessed, and never taken from a
person's national ID number (domain §2).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

# Type, province, and a number where the province has several of that type.
_CODE: Final = re.compile(r"(?:BP3MI|LTSA|DINAS)-([A-Z]+)(?:-[0-9]+)?")

# As BP2MI shortens them: Indonesian and English name.
PROVINCES: Final = MappingProxyType(
    {
        "ACEH": ("Aceh", "Aceh"),
        "SUMUT": ("Sumatera Utara", "North Sumatra"),
        "SUMBAR": ("Sumatera Barat", "West Sumatra"),
        "RIAU": ("Riau", "Riau"),
        "KEPRI": ("Kepulauan Riau", "Riau Islands"),
        "JAMBI": ("Jambi", "Jambi"),
        "SUMSEL": ("Sumatera Selatan", "South Sumatra"),
        "BABEL": ("Kepulauan Bangka Belitung", "Bangka Belitung Islands"),
        "BENGKULU": ("Bengkulu", "Bengkulu"),
        "LAMPUNG": ("Lampung", "Lampung"),
        "JAKARTA": ("DKI Jakarta", "Jakarta"),
        "BANTEN": ("Banten", "Banten"),
        "JABAR": ("Jawa Barat", "West Java"),
        "JATENG": ("Jawa Tengah", "Central Java"),
        "DIY": ("DI Yogyakarta", "Yogyakarta"),
        "JATIM": ("Jawa Timur", "East Java"),
        "BALI": ("Bali", "Bali"),
        "NTB": ("Nusa Tenggara Barat", "West Nusa Tenggara"),
        "NTT": ("Nusa Tenggara Timur", "East Nusa Tenggara"),
        "KALBAR": ("Kalimantan Barat", "West Kalimantan"),
        "KALTENG": ("Kalimantan Tengah", "Central Kalimantan"),
        "KALSEL": ("Kalimantan Selatan", "South Kalimantan"),
        "KALTIM": ("Kalimantan Timur", "East Kalimantan"),
        "KALTARA": ("Kalimantan Utara", "North Kalimantan"),
        "SULUT": ("Sulawesi Utara", "North Sulawesi"),
        "GORONTALO": ("Gorontalo", "Gorontalo"),
        "SULTENG": ("Sulawesi Tengah", "Central Sulawesi"),
        "SULBAR": ("Sulawesi Barat", "West Sulawesi"),
        "SULSEL": ("Sulawesi Selatan", "South Sulawesi"),
        "SULTRA": ("Sulawesi Tenggara", "Southeast Sulawesi"),
        "MALUKU": ("Maluku", "Maluku"),
        "MALUT": ("Maluku Utara", "North Maluku"),
        "PAPUA": ("Papua", "Papua"),
        "PABAR": ("Papua Barat", "West Papua"),
        "PABARDAYA": ("Papua Barat Daya", "Southwest Papua"),
        "PATENG": ("Papua Tengah", "Central Papua"),
        "PAPEG": ("Papua Pegunungan", "Highland Papua"),
        "PASEL": ("Papua Selatan", "South Papua"),
    }
)
# Before the code of an office whose province cannot be told; no province has a colon.
OFFICE: Final = "office:"


def province_of(office_code: str) -> str:
    """Give the province's short name, or `OFFICE` and the code as it stands."""
    found = _CODE.fullmatch(office_code)
    if found is not None and found[1] in PROVINCES:
        return found[1]
    return OFFICE + office_code
