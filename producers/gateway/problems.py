"""Problem documents (RFC 9457): everything that the gateway answers besides what was asked for.

Each has a `code` that programs act on, and one sentence on what to do in English and in Bahasa Indonesia. A
refusal by the rules carries the rules' own code and sentences; those of the gateway itself stand here. No
document repeats a secret or more than a few characters of what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from producers.gateway.ports import Sentence
from schemas.shape import Problem as ShapeProblem
from schemas.strict_json import compact

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A problem that the gateway itself finds."""

    code: str
    status: int
    sentence: Sentence


def _kind(code: str, status: int, title: str, english: str, indonesian: str) -> Kind:
    return Kind(code, status, Sentence(title, english, indonesian))


KINDS: Final[Mapping[str, Kind]] = {
    kind.code: kind
    for kind in (
        _kind(
            "BAD_REQUEST",
            400,
            "The request cannot be understood",
            "Correct what `detail` names, and ask again.",
            "Perbaiki hal yang disebut pada `detail`, lalu ulangi permintaan.",
        ),
        _kind(
            "NOT_AUTHENTICATED",
            401,
            "No valid key",
            "Send the header `Authorization: Bearer` with a valid key; whoever runs the gateway issues keys.",
            "Kirim header `Authorization: Bearer` dengan kunci yang berlaku; "
            "kunci diterbitkan pengelola gateway.",
        ),
        _kind(
            "NOT_ALLOWED",
            403,
            "The key does not reach that far",
            "Use a key of the system, office or kind of data that `detail` names; nothing was recorded.",
            "Gunakan kunci untuk sistem, kantor, atau jenis data yang disebut; tidak ada yang dicatat.",
        ),
        _kind(
            "OFFICER_NOT_YOURS",
            403,
            "The officer comes from the key",
            "Leave `officer` out: the gateway fills in the officer of the key; nothing was recorded.",
            "Hilangkan `officer`: gateway mengisi petugas pemilik kunci; tidak ada yang dicatat.",
        ),
        _kind(
            "NOT_FOUND",
            404,
            "There is no such thing",
            "Check the id; what was just written is there once its `seq` is reached (header Min-Seq).",
            "Periksa ID; data yang baru ditulis tersedia setelah `seq`-nya tercapai (header Min-Seq).",
        ),
        _kind(
            "NO_SUCH_PATH",
            404,
            "There is no such path",
            "The gateway answers at other paths: /openapi.json lists them, docs/gateway.md explains them.",
            "Gateway menjawab pada jalur lain: lihat /openapi.json, dengan penjelasan pada docs/gateway.md.",
        ),
        _kind(
            "METHOD_NOT_ALLOWED",
            405,
            "The path does not take this method",
            "See /openapi.json for what each path takes.",
            "Lihat /openapi.json untuk metode setiap jalur.",
        ),
        _kind(
            "REQUEST_TOO_SLOW",
            408,
            "The body did not arrive in time",
            "Send the whole request again on a faster connection; nothing was recorded.",
            "Kirim ulang seluruh permintaan dengan koneksi yang lebih cepat; tidak ada yang dicatat.",
        ),
        _kind(
            "BODY_TOO_LARGE",
            413,
            "The body is too large",
            "Send less at once; nothing was recorded.",
            "Kirim data lebih sedikit sekaligus; tidak ada yang dicatat.",
        ),
        _kind(
            "MEDIA_TYPE_UNKNOWN",
            415,
            "The body is of another media type",
            "Send application/json; a batch may also be application/x-ndjson.",
            "Kirim application/json; kumpulan tindakan boleh juga application/x-ndjson.",
        ),
        _kind(
            "SHAPE",
            422,
            "The action breaks the shape",
            "Correct each field that `problems` names, and send the action again; nothing was recorded.",
            "Perbaiki setiap isian yang disebut pada `problems`, lalu kirim kembali; tidak ada yang dicatat.",
        ),
        _kind(
            "TOO_MANY_REQUESTS",
            429,
            "Too much is on its way",
            "Wait as long as Retry-After says, and send the same action again; nothing was recorded.",
            "Tunggu selama Retry-After, lalu kirim tindakan yang sama; tidak ada yang dicatat.",
        ),
        _kind(
            "HEAD_TOO_LARGE",
            431,
            "The head of the request is too large",
            "Send fewer or shorter headers and a shorter path; nothing was recorded.",
            "Kirim header yang lebih sedikit atau lebih pendek dan jalur yang lebih pendek; "
            "tidak ada yang dicatat.",
        ),
        _kind(
            "INTERNAL",
            500,
            "Something is wrong inside the gateway",
            "Send the same action again with the same action_id, and tell whoever runs the gateway.",
            "Kirim kembali tindakan yang sama dengan action_id yang sama, dan beri tahu pengelola gateway.",
        ),
        _kind(
            "KAFKA_UNAVAILABLE",
            503,
            "Kafka does not answer",
            "Nothing was recorded; send the same action again later with the same action_id.",
            "Tidak ada yang dicatat; kirim kembali tindakan yang sama nanti dengan action_id yang sama.",
        ),
        _kind(
            "JOURNAL_UNAVAILABLE",
            503,
            "The journal cannot be read at the moment",
            "Ask again in a moment.",
            "Ulangi permintaan beberapa saat lagi.",
        ),
        _kind(
            "DATABASE_UNAVAILABLE",
            503,
            "PostgreSQL does not answer",
            "Ask again in a moment; actions are taken all the same.",
            "Ulangi permintaan beberapa saat lagi; tindakan tetap dapat dikirim.",
        ),
        _kind(
            "KEYS_UNAVAILABLE",
            503,
            "Keys cannot be checked at the moment",
            "Ask again in a moment; nothing was recorded.",
            "Ulangi permintaan beberapa saat lagi; tidak ada yang dicatat.",
        ),
        _kind(
            "KEY_STORE_UNAVAILABLE",
            503,
            "Nothing can be sealed at the moment",
            "Ask again in a moment; nothing was recorded, and actions are taken all the same.",
            "Ulangi permintaan beberapa saat lagi; tidak ada yang dicatat, dan tindakan tetap dapat dikirim.",
        ),
        _kind(
            "NOT_THAT_FAR",
            412,
            "The tables do not reach that seq yet",
            "Ask again in a moment; `seq` says how far they reach.",
            "Ulangi permintaan beberapa saat lagi; `seq` menunjukkan posisi tabel.",
        ),
        _kind(
            "OUTCOME_UNKNOWN",
            504,
            "Unknown: no decision came in time",
            "Send the same action again with the same action_id: that is safe, and tells what was decided.",
            "Belum diketahui: kirim kembali tindakan yang sama dengan action_id yang sama; "
            "itu aman dan memberi tahu keputusannya.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document and the headers that go with it."""

    code: str
    status: int
    sentence: Sentence
    detail: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, *, indonesian: bool = False) -> dict[str, Any]:
        """Give the document; `detail` is in the language asked for where nothing more exact is known."""
        spoken = self.sentence.indonesian if indonesian else self.sentence.english
        return {
            "type": f"urn:neraca:problem:{self.code}",
            "title": self.sentence.title,
            "status": self.status,
            "detail": self.detail or spoken,
            "code": self.code,
            "english": self.sentence.english,
            "indonesian": self.sentence.indonesian,
            **self.extra,
        }

    def body(self, *, indonesian: bool = False) -> bytes:
        """Give it as bytes."""
        return compact(self.document(indonesian=indonesian)).encode() + b"\n"


class ProblemFound(Exception):
    """Ends the handling of a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def problem(
    code: str,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **extra: object,
) -> Problem:
    """Give a problem of the gateway's own."""
    kind = KINDS[code]
    return Problem(code, kind.status, kind.sentence, detail, extra, headers or {})


def shape_problem(found: Sequence[ShapeProblem]) -> Problem:
    """Give everything that breaks the shape of an action."""
    told = [{"field": one.field, "reason": one.reason, "advice": one.advice} for one in found]
    first = found[0]
    detail = f"{first.field}: {first.reason}" if first.field else first.reason
    if len(found) > 1:
        detail += f"; and {len(found) - 1} more"
    return problem("SHAPE", detail, problems=told)


def refusal(code: str, sentence: Sentence, seq: int, action_id: str, kind: str) -> Problem:
    """Give a refusal by the rules: a decision, with its number."""
    extra = {"seq": seq, "action_id": action_id, "kind": kind}
    return Problem(
        code, 409, sentence, "", extra, {"Seq": str(seq), "Content-Location": f"/v1/decisions/{seq}"}
    )
