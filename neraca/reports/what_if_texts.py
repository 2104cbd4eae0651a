"""Every sentence of a what-if's page, in Bahasa Indonesia and in English. Data, and one way to look it up."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

LANGUAGES: Final = ("id", "en")

# Name -> Indonesian, English.
TEXTS: Final = MappingProxyType(
    {
        "title": ("Seandainya: akibat suatu perubahan", "What if: what a change would have led to"),
        "ledger": (
            "Neraca {ledger}, {records} catatan. Dihitung ulang di memori; tidak ada yang ditulis ke neraca.",
            "Ledger {ledger}, {records} records. Decided again in memory; nothing is written to the ledger.",
        ),
        "h_asked": ("Yang diubah", "What was changed"),
        "set": ("{name} = {after} (semula {before})", "{name} = {after} (was {before})"),
        "policy": ("Kebijakan awal {name}", "Under policy {name} from the beginning"),
        "insert": ("{after} tindakan dari {name} disisipkan", "Actions of {name} inserted: {after}"),
        "drop": ("{name} dihapus", "{name} dropped"),
        "change": ("{after} tindakan diubah menurut {name}", "Actions changed as in {name}: {after}"),
        "nothing_asked": ("Tidak ada yang diubah.", "Nothing was changed."),
        "no_difference": ("Tidak ada keputusan yang berbeda.", "No decision differs."),
        "in_short": (
            (
                "{differ} dari {records} keputusan berbeda ({share}). Pada akhirnya {registrations} "
                "pendaftaran "
                "dan {lines} jabatan SIP2MI berbeda keadaannya."
            ),
            (
                "Decisions that differ: {differ} of {records} ({share}). At the end {registrations} of the "
                "registrations and {lines} of the permit lines stand otherwise."
            ),
        ),
        "differ": ("keputusan berbeda", "decisions differ"),
        "changed": ("pendaftaran berbeda", "registrations otherwise"),
        "changed_lines": ("jabatan SIP2MI berbeda", "lines otherwise"),
        "h_end": ("Pada akhirnya", "At the end"),
        "h_decisions": ("Keputusan yang berbeda", "Decisions that differ"),
        "h_because": ("Sebabnya", "Because of what"),
        "h_people": ("Siapa yang nasibnya berubah", "Whose outcome changes"),
        "h_groups": ("Menurut P3MI dan negara tujuan", "By agency and destination"),
        "h_lines": ("Kuota menurut jabatan SIP2MI", "Units by line"),
        "h_first": ("Keputusan pertama yang berbeda", "The first decision that differs"),
        "h_explained": ("Keputusan yang dijelaskan", "The decision that is explained"),
        "h_chain": ("Akibat selanjutnya", "What follows from it"),
        "h_heaviest": ("Yang paling banyak akibatnya", "What most follows from"),
        "heaviest": (
            (
                "Setiap keputusan dihitung sekali, pada sebab terdekatnya. Akibat satu di antaranya: "
                "`neraca what-if … --explain SEQ`."
            ),
            (
                "Each decision is counted once, under its nearest cause. What follows from one of them: "
                "`neraca what-if … --explain SEQ`."
            ),
        ),
        "that_follow_short": ("akibat", "follow"),
        "h_rule": ("Cara membaca", "How to read this"),
        "as_is": ("sekarang", "as it is"),
        "would_be": ("seandainya", "as it would be"),
        "more": ("selisih", "difference"),
        "count": ("jumlah", "count"),
        "first_seq": ("pertama pada seq", "first at seq"),
        "meaning": ("arti", "meaning"),
        "thing": ("hal", "thing"),
        "figure": ("angka", "figure"),
        "registration": ("pendaftaran", "registration"),
        "agency": ("P3MI", "agency"),
        "destination": ("negara tujuan", "destination"),
        "permit": ("SIP2MI", "permit"),
        "line": ("nomor jabatan", "line"),
        "why": ("sebab", "why"),
        "field": ("kolom", "field"),
        "step": ("langkah", "step"),
        "decision": ("keputusan", "decision"),
        "through": ("melalui", "through"),
        "what_differs": ("yang berbeda", "what differs"),
        "follows_from": ("Ini berasal dari:", "It follows from:"),
        "nothing_follows": (
            "Tidak ada keputusan lain yang berbeda karenanya.",
            "No other decision differs because of it.",
        ),
        "that_follow": (
            "{count} keputusan berbeda karenanya; {shown} yang pertama ditampilkan, sisanya ada dalam JSON.",
            "Decisions that differ because of it: {count}. Here: the first {shown}; the JSON has all.",
        ),
        "rule": (
            (
                "Suatu keputusan berbeda karena suatu hal, jika hal itu berbeda keadaannya di kedua "
                "neraca pada "
                "saat itu dan mengembalikannya ke keadaan sekarang, dengan hal lain tetap seandainya, "
                "menghasilkan keputusan sekarang. Jika tidak ada satu hal yang cukup, disebut "
                "himpunan terkecil "
                "yang bersama-sama cukup. Urutan, nomor, hash, dan saldo sesudah mutasi tidak dibandingkan."
            ),
            (
                "A decision differs because of a thing if that thing does not stand alike in the two "
                "ledgers at "
                "that moment, and putting it back to how it is, with all else as it would be, gives the "
                "decision as it is. Where no single thing does, a smallest set that does so together "
                "is named. "
                "Order, numbers, hashes and the balances after a movement are not compared."
            ),
        ),
        "check": (
            (
                "Untuk memeriksa: jalankan `neraca decide` atas tindakan yang sama dengan kebijakan "
                "yang satu "
                "dan yang lain, lalu bandingkan; angka pada halaman ini harus sama."
            ),
            (
                "To check: run `neraca decide` on the same actions under the one policy and the other, and "
                "compare; the figures on this page must come out."
            ),
        ),
        "alike": (
            "{wanted}: keputusannya sama di kedua neraca.",
            "{wanted}: decided alike in both.",
        ),
        "given": ("perubahan yang diminta sendiri", "what was asked for itself"),
        "nothing": (
            "tidak dapat dijelaskan (periksa jurnal dengan `neraca verify`)",
            "nothing that stands apart (check the journal with `neraca verify`)",
        ),
        "and": (" dan ", " and "),
        "empty": ("Tidak ada.", "None."),
        "contents": ("Isi", "Contents"),
        "sort": ("Urutkan menurut kolom ini", "Sort by this column"),
        "save": ("Unduh CSV", "Download CSV"),
        "more_rows": (
            "dan {} baris lagi, semuanya ada dalam CSV",
            "and {} more; the CSV has all",
        ),
        "before_seq": ("sebelum {seq}", "before {seq}"),
        "and_more": (" dan {count} langkah lagi", " and so on, steps left out: {count}"),
        # ------------------------------------------------------------ how a registration stands
        "not registered": ("tidak terdaftar", "not registered"),
        "open": ("dalam proses", "in process"),
        "departed": ("berangkat", "departed"),
        "cancelled": ("batal", "cancelled"),
        "reregistered": ("registrasi ulang", "re-registered"),
        "voided": ("dibatalkan sistem", "voided"),
        "unit held": ("kuota terpakai", "unit held"),
        "unit departed": ("kuota berangkat", "unit departed"),
        "unit returned": ("kuota kembali", "unit returned"),
        "unit restored": ("kuota dipulihkan", "unit restored"),
        "unit forfeited": ("kuota hangus", "unit forfeited"),
        "unit released": ("kuota dilepas", "unit released"),
        "other_stages": ("tahapan lain", "other stages"),
        # ------------------------------------------------------------ accounts of a line
        "granted": ("diberikan", "granted"),
        "available": ("tersedia", "available"),
        "reserved": ("dipesan", "reserved"),
        "departed_units": ("berangkat", "departed"),
        "forfeited": ("hangus", "forfeited"),
        # ------------------------------------------------------------ outcomes
        "ACCEPTED": ("DITERIMA", "ACCEPTED"),
        "REFUSED": ("DITOLAK", "REFUSED"),
        "DUPLICATE": ("GANDA", "DUPLICATE"),
        "UNREADABLE": ("TIDAK TERBACA", "UNREADABLE"),
        "absent": ("tidak ada", "none"),
    }
)

# The words of `audit/what_if/meaning.py` for what a decision does: fields and values. In English they stand
# as they are; values that are no words (numbers, ids, names) stand in both.
_ACCOUNTS_ID: Final = MappingProxyType(
    {
        "granted": "diberikan",
        "available": "tersedia",
        "reserved": "dipesan",
        "departed": "berangkat",
        "forfeited": "hangus",
    }
)
EFFECT_FIELDS_ID: Final = MappingProxyType(
    {
        "late": "dicatat kemudian",
        "occurred_at": "waktu kejadian",
        "registered": "pendaftaran",
        "person_id": "orang",
        "unit": "kuota",
        "status": "status",
        "reregistered_as": "registrasi ulang sebagai",
        "reregistered_from": "registrasi ulang dari",
        "documents_verified": "verifikasi dokumen",
        "candidate_id_issued": "ID CPMI terbit",
        "agreement_signed": "perjanjian penempatan",
        "documents_fulfilled": "pemenuhan dokumen",
        "orientation_completed": "OPP",
        "biometrics_registered": "sidik jari biometrik",
        "departed": "keberangkatan",
        "issued": "penerbitan SIP2MI",
        "valid_to": "berlaku sampai",
        "revoked": "dicabut",
        "on hold": "ditahan",
        "version": "versi kebijakan",
        **{
            f"{one} to {other}": f"{text} ke {other_text}"
            for one, text in _ACCOUNTS_ID.items()
            for other, other_text in _ACCOUNTS_ID.items()
            if one != other
        },
    }
)
EFFECT_VALUES_ID: Final = MappingProxyType(
    {
        "yes": "ya",
        "no": "tidak",
        "new": "baru",
        "passed": "dilalui",
        "open": "dalam proses",
        "cancelled": "batal",
        "reregistered": "registrasi ulang",
        "voided": "dibatalkan sistem",
        "held": "terpakai",
        "departed": "berangkat",
        "returned": "kembali",
        "restored": "dipulihkan",
        "forfeited": "hangus",
        "released": "dilepas",
        "active": "aktif",
        "suspended": "diskors",
        "closed": "ditutup",
        "requested": "diajukan",
        "completed": "selesai",
        "received": "diterima",
        "answered": "dijawab",
    }
)
_ELSEWHERE: Final = ", elsewhere or otherwise"
_ELSEWHERE_ID: Final = ", di tempat lain atau dengan cara lain"


def effects_text(effects: str, language: str) -> str:
    """Give what a decision does differently, as `told` wrote it down, in that language."""
    if language == "en":
        return effects
    return "; ".join(_effect_id(part) for part in effects.split("; "))


def _effect_id(part: str) -> str:
    field, colon, turn = part.partition(": ")
    if not colon:
        return part
    elsewhere = _ELSEWHERE_ID if turn.endswith(_ELSEWHERE) else ""
    values = turn.removesuffix(_ELSEWHERE).split(" → ")
    words = " → ".join(EFFECT_VALUES_ID.get(value, value) for value in values)
    return f"{EFFECT_FIELDS_ID.get(field, field)}: {words}{elsewhere}"


class Speech:
    """The texts in one language."""

    def __init__(self, language: str) -> None:
        self.language: Final = language
        self.place: Final = LANGUAGES.index(language)

    def __call__(self, text: str, /, **values: object) -> str:
        """Give a text, its gaps filled; a brace in a value means nothing."""
        words = TEXTS[text][self.place]
        return words.format(**values) if values else words

    def __repr__(self) -> str:
        """Show the language."""
        return f"Speech({self.language})"
