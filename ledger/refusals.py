"""The closed list of refusal codes, in the contract's order, each with what to do about it in two languages.

Data only: the rules give a code, whoever speaks to a person looks the sentence up here.
"""

from __future__ import annotations

from typing import Final, final


@final
class Refusal:
    """What a code means.

    Attributes:
        code: As in a decision.
        title: The same for every refusal with this code, in English.
        judul: The same in Bahasa Indonesia.
        english: One sentence that says what to do.
        indonesian: That sentence in Bahasa Indonesia.

    """

    __slots__ = ("code", "english", "indonesian", "judul", "title")

    def __init__(self, code: str, title: str, judul: str, english: str, indonesian: str) -> None:
        self.code: Final = code
        self.title: Final = title
        self.judul: Final = judul
        self.english: Final = english
        self.indonesian: Final = indonesian

    def __repr__(self) -> str:
        """Show the code and what to do."""
        return f"Refusal({self.code}: {self.english})"


_ALL: Final = (
    Refusal(
        "ACTION_ID_REUSED",
        "The action id belongs to another action",
        "ID tindakan sudah dipakai tindakan lain",
        "Send this action under an id of its own; the first action of that id stands as it was decided.",
        "Kirim tindakan ini dengan ID tersendiri; tindakan pertama dengan ID tersebut tetap "
        "berlaku sebagaimana diputuskan.",
    ),
    Refusal(
        "WRONG_SYSTEM",
        "The system does not do this",
        "Sistem ini tidak melayani tindakan tersebut",
        "Send the action from the system that serves this step, or that the registration was made for.",
        "Kirim tindakan dari sistem yang melayani tahap ini atau sistem tempat pendaftaran dibuat.",
    ),
    Refusal(
        "WRONG_OFFICE",
        "An office of this type does not do this",
        "Tipe kantor ini tidak melayani tindakan tersebut",
        "Let an office act that serves this step: the list of kinds names the office types.",
        "Serahkan tindakan kepada kantor yang melayani tahap ini; daftar jenis tindakan "
        "menyebut tipe kantornya.",
    ),
    Refusal(
        "OCCURRED_IN_FUTURE",
        "It is dated after it was entered",
        "Tanggal kejadian sesudah tanggal pencatatan",
        "Correct the date, or the clock of the office, and send it under a new id.",
        "Perbaiki tanggal atau jam kantor, lalu kirim dengan ID baru.",
    ),
    Refusal(
        "SERVICE_HANDED_BACK",
        "Training services were handed back to the ministries",
        "Layanan pelatihan telah dikembalikan kepada kementerian/lembaga",
        "Turn to the ministry or agency in charge of training (point 5 of the letter).",
        "Hubungi kementerian/lembaga yang membidangi pelatihan (butir 5 surat).",
    ),
    Refusal(
        "SYSTEM_CLOSED",
        "SISKOTKLN is closed",
        "SISKOTKLN sudah ditutup",
        "Let the candidate register again in SIAPKerja; the next stages follow in SISKOP2MI "
        "(points 1 and 3 of the letter).",
        "Calon PMI mendaftar ulang melalui SIAPKerja; tahap selanjutnya melalui SISKOP2MI "
        "(butir 1 dan 3 surat).",
    ),
    Refusal(
        "EVIDENCE_MISSING",
        "A departure entered after the closure needs evidence",
        "Keberangkatan yang dicatat sesudah penutupan memerlukan bukti",
        "Send it under a new id with evidence of the departure, for example the boarding pass.",
        "Kirim dengan ID baru beserta bukti keberangkatan, misalnya pas naik pesawat.",
    ),
    Refusal(
        "REGISTERED_AFTER_LIMIT",
        "SISKOTKLN takes no registration from 17 February 2023 on",
        "SISKOTKLN tidak menerima pendaftaran sejak 17 Februari 2023",
        "Register the candidate in SIAPKerja.",
        "Daftarkan calon PMI melalui SIAPKerja.",
    ),
    Refusal(
        "SYSTEM_NOT_OPEN",
        "The system was not open yet",
        "Sistem belum dibuka",
        "Correct the date: SIAPKerja and SISKOP2MI act from 17 February 2023 on.",
        "Perbaiki tanggal: SIAPKerja dan SISKOP2MI berlaku sejak 17 Februari 2023.",
    ),
    Refusal(
        "REGISTRATION_EXISTS",
        "The registration number is in use",
        "Nomor pendaftaran sudah dipakai",
        "Give the new registration a number of its own.",
        "Berikan nomor tersendiri untuk pendaftaran baru.",
    ),
    Refusal(
        "UNKNOWN_REGISTRATION",
        "There is no such registration",
        "Pendaftaran tidak ada",
        "Check the registration number; the registration must be sent, and accepted, before its stages.",
        "Periksa nomor pendaftaran; pendaftaran harus dikirim dan diterima sebelum tahapannya.",
    ),
    Refusal(
        "PERSON_ON_HOLD",
        "The person is on hold",
        "Orangnya sedang ditahan",
        "Wait for BP2MI to settle the identity dispute and release the person.",
        "Tunggu BP2MI menyelesaikan sengketa identitas dan mencabut penahanan.",
    ),
    Refusal(
        "PERSON_NOT_ON_HOLD",
        "The person is not on hold",
        "Orangnya tidak sedang ditahan",
        "Put the person whose registration it is on hold first (person_held), then rule on the registration.",
        "Tahan dahulu orang pemilik pendaftaran ini (person_held), kemudian putuskan pendaftarannya.",
    ),
    Refusal(
        "OPEN_REGISTRATION_EXISTS",
        "The person has an open registration",
        "Orangnya masih mempunyai pendaftaran terbuka",
        "Go on with the open registration, or cancel it first; re-registration starts on 17 July 2023.",
        "Lanjutkan pendaftaran yang masih terbuka atau batalkan dahulu; pendaftaran ulang "
        "mulai 17 Juli 2023.",
    ),
    Refusal(
        "OCCURRED_BEFORE_REGISTRATION",
        "It is dated before the registration",
        "Tanggalnya sebelum pendaftaran",
        "Correct the date and send it under a new id.",
        "Perbaiki tanggal, lalu kirim dengan ID baru.",
    ),
    Refusal(
        "REGISTRATION_ENDED",
        "The registration has ended",
        "Pendaftaran sudah berakhir",
        "Nothing follows a departure, a cancellation, a re-registration or a voiding; use the "
        "open registration.",
        "Tidak ada tahap setelah berangkat, batal, daftar ulang, atau dibatalkan sistem; "
        "gunakan pendaftaran yang terbuka.",
    ),
    Refusal(
        "STAGE_ALREADY_PASSED",
        "The stage was passed already",
        "Tahap sudah dilalui",
        "Nothing is to be done: the stage stands as first decided.",
        "Tidak perlu tindakan: tahap tersebut sudah diputuskan sebelumnya.",
    ),
    Refusal(
        "STAGE_OUT_OF_ORDER",
        "A stage before it is missing",
        "Tahap sebelumnya belum ada",
        "Send the missing stage first, then this one under a new id.",
        "Kirim tahap yang belum ada terlebih dahulu, lalu tahap ini dengan ID baru.",
    ),
    Refusal(
        "UNIT_HELD_ELSEWHERE",
        "A unit is held on another line",
        "Kuota dipegang pada jabatan lain",
        "Name the line that holds the unit, or cancel the registration and register anew.",
        "Sebutkan jabatan SIP2MI yang memegang kuota, atau batalkan lalu daftar kembali.",
    ),
    Refusal(
        "LINE_MISSING",
        "No permit line is named",
        "Jabatan SIP2MI tidak disebut",
        "Name the permit and the line on which the unit is to be taken.",
        "Sebutkan SIP2MI dan nomor jabatan tempat kuota diambil.",
    ),
    Refusal(
        "UNIT_NOT_HELD",
        "The registration holds no unit",
        "Pendaftaran tidak memegang kuota",
        "Let BP2MI look at it: under P to P nobody departs, and nothing is freed, without a unit held.",
        "Minta BP2MI memeriksa: pada skema P to P tidak ada keberangkatan atau pelepasan "
        "tanpa kuota yang dipegang.",
    ),
    Refusal(
        "NOT_STRANDED",
        "The unit is not stranded",
        "Kuota tidak tertahan",
        "A ruling frees units of SISKOTKLN registrations only, and only from the closure on.",
        "Penetapan hanya melepas kuota pendaftaran SISKOTKLN dan hanya sejak penutupan.",
    ),
    Refusal(
        "CONFLICTING_DEPARTURES",
        "The person has departed on a later registration",
        "Orangnya sudah berangkat pada pendaftaran yang lebih baru",
        "Let BP2MI decide which departure is true; both cannot be.",
        "Minta BP2MI menetapkan keberangkatan yang benar; keduanya tidak mungkin benar.",
    ),
    Refusal(
        "UNKNOWN_AGENCY",
        "There is no such agency",
        "P3MI tidak ada",
        "Check the agency's code; BP2MI licenses an agency before anything names it.",
        "Periksa kode P3MI; BP2MI memberi izin P3MI sebelum digunakan.",
    ),
    Refusal(
        "UNKNOWN_PERMIT",
        "There is no such permit",
        "SIP2MI tidak ada",
        "Check the number of the SIP2MI; it must be issued before it is named.",
        "Periksa nomor SIP2MI; SIP2MI harus diterbitkan sebelum disebut.",
    ),
    Refusal(
        "UNKNOWN_LINE",
        "The permit has no such line",
        "SIP2MI tidak mempunyai jabatan tersebut",
        "Check the line's number on the SIP2MI.",
        "Periksa nomor urut jabatan pada SIP2MI.",
    ),
    Refusal(
        "UNKNOWN_TRAINING",
        "There is no such training",
        "Pelatihan tidak ada",
        "Send the request of the training before its completion.",
        "Kirim permohonan pelatihan sebelum penyelesaiannya.",
    ),
    Refusal(
        "UNKNOWN_COMPLAINT",
        "There is no such complaint",
        "Pengaduan tidak ada",
        "Check the complaint's number.",
        "Periksa nomor pengaduan.",
    ),
    Refusal(
        "PERMIT_HELD_BY_OTHER",
        "Another agency holds the permit",
        "SIP2MI dipegang P3MI lain",
        "Name a permit of the candidate's own agency; permits cannot be transferred (Act 18/2017 art. 59).",
        "Sebutkan SIP2MI milik P3MI calon PMI; SIP2MI tidak dapat dialihkan (UU 18/2017 pasal 59).",
    ),
    Refusal(
        "DESTINATION_MISMATCH",
        "The permit is for another country",
        "SIP2MI untuk negara lain",
        "Name a permit for the candidate's destination.",
        "Sebutkan SIP2MI untuk negara tujuan calon PMI.",
    ),
    Refusal(
        "LINE_MISMATCH",
        "The line is for another position or sex",
        "Jabatan SIP2MI untuk jabatan atau jenis kelamin lain",
        "Name a line that fits the candidate's position and sex.",
        "Sebutkan jabatan yang sesuai dengan jabatan dan jenis kelamin calon PMI.",
    ),
    Refusal(
        "PERMIT_REVOKED",
        "The permit was revoked",
        "SIP2MI sudah dicabut",
        "Name another permit, or let BP2MI reinstate this one.",
        "Sebutkan SIP2MI lain, atau minta BP2MI memulihkan SIP2MI ini.",
    ),
    Refusal(
        "PERMIT_NOT_VALID",
        "The permit was not valid on that day",
        "SIP2MI tidak berlaku pada hari itu",
        "Name a permit that is valid on the day, or let this one be extended.",
        "Sebutkan SIP2MI yang berlaku pada hari itu, atau perpanjang SIP2MI ini.",
    ),
    Refusal(
        "AGENCY_SUSPENDED",
        "The agency was suspended",
        "P3MI sedang diskors",
        "Wait until the agency is reinstated; nothing that it holds is lost.",
        "Tunggu sampai skorsing P3MI dicabut; kuota yang dipegang tidak hilang.",
    ),
    Refusal(
        "DESTINATION_CLOSED",
        "The destination was closed",
        "Negara tujuan ditutup",
        "Wait until the destination opens again, or register for another one.",
        "Tunggu sampai negara tujuan dibuka kembali, atau daftar ke negara lain.",
    ),
    Refusal(
        "QUOTA_EXHAUSTED",
        "No unit is available on the line",
        "Kuota pada jabatan tersebut habis",
        "Name another line, or wait until a unit comes back or the quota is raised.",
        "Sebutkan jabatan lain, atau tunggu kuota kembali atau ditambah.",
    ),
    Refusal(
        "AGENCY_EXISTS",
        "The agency is licensed already",
        "P3MI sudah berizin",
        "Nothing is to be done; use `agency_reinstated` to lift a suspension.",
        "Tidak perlu tindakan; gunakan `agency_reinstated` untuk mencabut skorsing.",
    ),
    Refusal(
        "PERMIT_EXISTS",
        "The permit was issued already",
        "SIP2MI sudah diterbitkan",
        "Extend it or raise its quota; a new permit needs a number of its own.",
        "Perpanjang atau tambah kuotanya; SIP2MI baru memerlukan nomor tersendiri.",
    ),
    Refusal(
        "TRAINING_EXISTS",
        "The training was requested already",
        "Pelatihan sudah dimohonkan",
        "Give another training a number of its own.",
        "Berikan nomor tersendiri untuk pelatihan lain.",
    ),
    Refusal(
        "COMPLAINT_EXISTS",
        "The complaint was received already",
        "Pengaduan sudah diterima",
        "Give another complaint a number of its own.",
        "Berikan nomor tersendiri untuk pengaduan lain.",
    ),
    Refusal(
        "POLICY_EXISTS",
        "The version of the policy was used already",
        "Versi kebijakan sudah dipakai",
        "Give the policy a version that was never used.",
        "Berikan versi kebijakan yang belum pernah digunakan.",
    ),
    Refusal(
        "NO_CHANGE",
        "It is so already",
        "Keadaannya sudah demikian",
        "Nothing is to be done: the state is what the action asks for.",
        "Tidak perlu tindakan: keadaannya sudah seperti yang diminta.",
    ),
    Refusal(
        "VALIDITY_NOT_EXTENDED",
        "The new last day is not later than the old one",
        "Tanggal akhir yang baru tidak lebih kemudian",
        "Send a later last day of validity.",
        "Kirim tanggal akhir masa berlaku yang lebih kemudian.",
    ),
    Refusal(
        "QUOTA_BELOW_USE",
        "Fewer units are available than are to be taken away",
        "Kuota tersedia kurang dari yang dikurangi",
        "Lower the quota only as far as available units reach; units in use stay.",
        "Kurangi kuota hanya sebatas yang tersedia; kuota yang terpakai tetap.",
    ),
)

REFUSALS: Final[dict[str, Refusal]] = {refusal.code: refusal for refusal in _ALL}
