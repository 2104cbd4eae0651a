"""Every sentence of the cutover report, in Bahasa Indonesia and in English. Data only.

The words are those of letter B.662/KA/PP.03.05/VII/2023; `[L3]` names its point 3.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

# Name -> Indonesian, English.
TEXTS: Final = MappingProxyType(
    {
        # ------------------------------------------------------------ page
        "title": ("Laporan penutupan SISKOTKLN", "The cutover from SISKOTKLN"),
        "subtitle": (
            "Pendaftaran, keberangkatan, registrasi ulang, dan kuota SIP2MI di sekitar T₀ = {closure}",
            "Registrations, departures, re-registrations and quota units around T₀ = {closure}",
        ),
        "stands_at": (
            (
                "Menurut jurnal sampai keputusan nomor (seq) {seq}; tercatat sampai {journal_at}; "
                "kebijakan {policy}; dibaca dari {source}."
            ),
            (
                "As of decision (seq) {seq} of the journal; the history told reaches {journal_at}; policy "
                "{policy}; read from {source}."
            ),
        ),
        "not_closed": (
            (
                "Riwayat yang tercatat belum mencapai penutupan. Belum ada kuota tertahan; “belum "
                "registrasi ulang” berarti masih dalam proses. Kuota dihitung sejak penutupan: sampai saat "
                "itu angkanya nol, juga untuk kuota yang masih dipegang."
            ),
            (
                "The history told so far has not reached the closure. Nothing is stranded yet; “not moved” "
                "means still in process. Units are counted from the closure on: until then their figures are "
                "zero, also where units are held."
            ),
        ),
        "empty": ("Tidak ada.", "None."),
        "contents": ("Isi", "Contents"),
        "sort": ("Urutkan menurut kolom ini", "Sort by this column"),
        "save": ("Unduh CSV", "Download CSV"),
        "more": ("dan {} baris lagi, semuanya ada dalam CSV", "and {} more; the CSV has all"),
        "check": ("cara memeriksa", "how to check"),
        "total": ("Jumlah", "Total"),
        "count": ("jumlah", "count"),
        # ------------------------------------------------------------ headings
        "h_short": ("Ringkasan", "In short"),
        "h_timeline": ("Garis waktu di sekitar penutupan [L1]", "Timeline around the closure [L1]"),
        "h_progress": ("Registrasi ulang sejak penutupan [L3]", "Re-registration since the closure [L3]"),
        "h_funnel": ("Tahapan pada saat penutupan [L1]", "Stages at the closure [L1]"),
        "h_who": (
            "Siapa yang berhak, sudah, dan belum registrasi ulang [L3]",
            "Who is eligible, moved and not moved [L3]",
        ),
        "h_units": (
            "Kuota SIP2MI: dipulihkan, hangus, tertahan [L4]",
            "Quota units: restored, forfeited, stranded [L4]",
        ),
        "h_stranded": ("Pendaftaran yang belum registrasi ulang", "Registrations that have not moved"),
        "h_refusals": ("Penolakan menurut kode", "Refusals by code"),
        "h_anomalies": ("Hal yang tidak biasa", "Anomalies"),
        "h_extract": ("Rekonsiliasi dengan ekstrak SISKOTKLN", "Reconciliation with the SISKOTKLN extract"),
        "h_definitions": ("Definisi", "Definitions"),
        "h_checks": ("Cara memeriksa setiap angka", "How to check each figure"),
        # ------------------------------------------------------------ in short
        "short_people": (
            (
                "Pada {closure}, {in_process} calon PMI yang terdaftar sebelum {limit} masih dalam proses "
                "di SISKOTKLN. {late} di antaranya ternyata sudah berangkat sebelum penutupan dan dicatat "
                "kemudian. Dari {eligible} yang berhak [L3], {moved} ({share}) sudah registrasi ulang "
                "melalui SIAPKerja dan {not_moved} belum."
            ),
            (
                "At {closure}, {in_process} candidates registered before {limit} were still in process in "
                "SISKOTKLN. {late} of them had in fact departed before the closure and were entered later. "
                "Of the {eligible} who are eligible [L3], {moved} ({share}) have registered again in "
                "SIAPKerja and {not_moved} have not."
            ),
        ),
        "short_units": (
            (
                "Mereka memegang {held} kuota. {restored} dipulihkan [L4], {forfeited} hangus karena "
                "SIP2MI tidak lagi berlaku, {late_units} terpakai oleh keberangkatan yang dicatat "
                "kemudian, {released} dilepas melalui penetapan, dan {stranded} masih tertahan."
            ),
            (
                "They held {held} quota units. {restored} were restored [L4], {forfeited} were forfeited "
                "because the permit was no longer valid, {late_units} left with a late departure, "
                "{released} were released by a ruling, and {stranded} are still stranded."
            ),
        ),
        "short_reason": (
            "Sebab terbanyak mengapa belum registrasi ulang: {reason} ({count}).",
            "The most frequent reason for not having moved: {reason} ({count}).",
        ),
        "people_bar": ("Calon PMI dalam proses pada saat penutupan", "Candidates in process at the closure"),
        "units_bar": ("Kuota yang dipegang pada saat penutupan", "Units held at the closure"),
        "candidates": ("calon PMI", "candidates"),
        "units": ("kuota", "units"),
        # ------------------------------------------------------------ states
        "in_process": ("dalam proses pada T₀", "in process at T₀"),
        "departed_late": ("berangkat, dicatat kemudian", "departed late"),
        "voided": ("di antaranya sesudah registrasi ulang", "of these after re-registering"),
        "eligible": ("berhak registrasi ulang", "eligible"),
        "moved": ("sudah registrasi ulang", "moved"),
        "share_moved": ("% sudah", "% moved"),
        "not_moved": ("belum registrasi ulang", "not moved"),
        "not_moved_with_unit": ("belum, kuota tertahan", "not moved, unit stranded"),
        "not_moved_without_unit": ("belum, tanpa kuota", "not moved, no unit held"),
        "restored": ("dipulihkan", "restored"),
        "forfeited": ("hangus", "forfeited"),
        "stranded": ("tertahan", "stranded"),
        "released": ("dilepas", "released"),
        "late_units": ("terpakai, dicatat kemudian", "left with a late departure"),
        "held_at_closure": ("dipegang pada T₀", "held at T₀"),
        # ------------------------------------------------------------ timeline
        "registrations_plot": ("Pendaftaran per pekan", "Registrations by week"),
        "departures_plot": ("Keberangkatan per pekan", "Departures by week"),
        "week_text": (
            (
                "Pekan dihitung dari penutupan; pekan pertama sesudahnya mulai {closure}. {before} pekan "
                "sebelum dan {after} pekan sesudahnya. Angka tiap hari ada dalam tabel."
            ),
            (
                "Weeks are counted from the closure; the first week after it begins on {closure}. {before} "
                "weeks before and {after} after it. The table has the numbers of each day."
            ),
        ),
        "per_week": ("per pekan", "per week"),
        "closure_mark": ("T₀: SISKOTKLN ditutup", "T₀: SISKOTKLN closes"),
        "registered_old": ("SISKOTKLN", "SISKOTKLN"),
        "registered_new": ("SIAPKerja, baru", "SIAPKerja, new"),
        "reregistered": ("SIAPKerja, registrasi ulang", "SIAPKerja, re-registration"),
        "departed_old": ("terdaftar di SISKOTKLN", "registered in SISKOTKLN"),
        "departed_new": ("terdaftar di SIAPKerja", "registered in SIAPKerja"),
        "days_table": ("Setiap hari (WIB)", "Each day (WIB)"),
        "days_table_text": (
            (
                "Menurut tanggal kejadian (WIB); keberangkatan yang dicatat kemudian menurut tanggal "
                "pencatatannya. Setengah tahun di sekitar penutupan; CSV memuat semua hari."
            ),
            (
                "By the day on which it happened (WIB); late departures by the day on which they were "
                "entered. Half a year around the closure; the CSV has every day."
            ),
        ),
        "all_days": ("semua hari", "all days"),
        "day": ("tanggal", "day"),
        "day_registered_old": ("pendaftaran SISKOTKLN", "registered in SISKOTKLN"),
        "day_registered_new": ("pendaftaran baru SIAPKerja", "newly registered in SIAPKerja"),
        "day_reregistered": ("registrasi ulang", "re-registered"),
        "day_departed_old": ("berangkat, terdaftar di SISKOTKLN", "departed, of SISKOTKLN"),
        "day_departed_new": ("berangkat, terdaftar di SIAPKerja", "departed, of SIAPKerja"),
        "day_departed_late": ("keberangkatan dicatat kemudian", "late departures entered"),
        # ------------------------------------------------------------ progress
        "progress_plot": (
            "Yang berhak: sudah dan belum registrasi ulang",
            "Who is eligible: moved and not yet moved",
        ),
        "progress_text": (
            (
                "Dari {eligible} yang berhak, {moved} sudah registrasi ulang sampai {journal_at}; "
                "{not_moved} belum."
            ),
            "Of {eligible} eligible, {moved} had moved by {journal_at}; {not_moved} had not.",
        ),
        "progress_table": ("Registrasi ulang per hari", "Re-registration by day"),
        "still_voided": ("kemudian batal oleh keberangkatan", "voided since by a departure"),
        "so_far": ("registrasi ulang sampai hari itu", "re-registered so far"),
        # ------------------------------------------------------------ funnel
        "funnel_plot": (
            "Tahap yang sudah dilalui sebelum penutupan, seluruh pendaftaran sebelum {limit}",
            "Stages passed before the closure, all registrations before {limit}",
        ),
        "stood_plot": (
            "Tahap terakhir yang dicapai oleh yang masih dalam proses, dan kelanjutannya",
            "Last stage of those still in process, and what became of them",
        ),
        "funnel_table": ("Tahapan pada saat penutupan", "Stages at the closure"),
        "funnel_text": (
            (
                "{registered} terdaftar; {fulfilled} dokumennya lengkap; {orientation} mengikuti OPP. "
                "Tabel memuat semua tahap."
            ),
            (
                "{registered} registered; {fulfilled} with documents fulfilled; {orientation} with "
                "orientation completed. The table has every stage."
            ),
        ),
        "stage": ("tahap", "stage"),
        "reached": ("melalui sebelum T₀", "passed before T₀"),
        "share_reached": ("% dari terdaftar", "% of registered"),
        "stood": ("berhenti di sini pada T₀", "stood here at T₀"),
        "again": ("sudah dilalui lagi di sistem baru", "passed again in the new systems"),
        "again_text": (
            "Tahapan dimulai lagi sesudah registrasi ulang. Keadaan pendaftaran baru sekarang: {states}.",
            "Stages start again after a re-registration. The new registrations now: {states}.",
        ),
        "registered": ("registrasi", "registered"),
        "documents_verified": ("verifikasi dokumen [L2a]", "documents verified [L2a]"),
        "candidate_id_issued": ("ID CPMI terbit [L2a]", "candidate ID issued [L2a]"),
        "agreement_signed": ("perjanjian penempatan [L2a]", "placement agreement signed [L2a]"),
        "documents_fulfilled": ("pemenuhan dokumen [L2b]", "documents fulfilled [L2b]"),
        "orientation_completed": ("OPP selesai [L2b]", "orientation completed [L2b]"),
        "biometrics_registered": ("sidik jari biometrik [L2b]", "biometrics registered [L2b]"),
        "status_open": ("{} masih berproses", "{} open"),
        "status_departed": ("{} berangkat", "{} departed"),
        "status_cancelled": ("{} batal", "{} cancelled"),
        "status_voided": ("{} dibatalkan sistem", "{} voided"),
        "status_reregistered": ("{} registrasi ulang", "{} re-registered"),
        # ------------------------------------------------------------ why
        "reasons_plot": ("Mengapa belum registrasi ulang", "Why candidates have not moved"),
        "reasons_text": (
            "Setiap calon PMI dihitung sekali, pada sebab pertama yang berlaku.",
            "Each candidate counts once, under the first reason that holds.",
        ),
        "reasons_table": ("Sebab belum registrasi ulang", "Reasons for not having moved"),
        "reason": ("sebab", "reason"),
        "with_unit": ("memegang kuota (tertahan)", "holding a unit (stranded)"),
        "without_unit": ("tanpa kuota", "holding none"),
        "on_hold": ("orangnya ditahan (sengketa identitas)", "the person is on hold (identity dispute)"),
        "refused": ("datang, tetapi ditolak: {code}", "came, and was refused: {code}"),
        "other_refused": (
            "hanya tindakan di SISKOTKLN sesudah penutupan, ditolak: {code}",
            "only an action in SISKOTKLN after the closure, refused: {code}",
        ),
        "permit_revoked": ("SIP2MI dicabut", "the permit is revoked"),
        "permit_not_valid": ("SIP2MI tidak berlaku lagi", "the permit is no longer valid"),
        "agency_suspended": ("P3MI sedang diskors", "the agency is suspended"),
        "destination_closed": ("negara tujuan ditutup", "the destination is closed"),
        "line_full": ("kuota jabatan habis", "the line is full"),
        "not_come": (
            "belum datang; tidak ada halangan",
            "has simply not come yet; nothing stands in the way",
        ),
        "short_on_hold": ("ditahan", "on hold"),
        "short_refused": ("ditolak", "refused"),
        "short_permit": ("SIP2MI tidak berlaku/dicabut", "permit expired or revoked"),
        "short_barred": ("P3MI, negara, atau jabatan tertutup", "agency, country or line barred"),
        "short_not_come": ("belum datang", "not come yet"),
        "by_agency": ("Menurut P3MI", "By agency"),
        "by_destination": ("Menurut negara tujuan", "By destination"),
        "by_province": ("Menurut provinsi kantor pendaftaran", "By province of the office that registered"),
        "by_scheme": ("Menurut skema", "By scheme"),
        "agency": ("P3MI", "agency"),
        "destination": ("negara tujuan", "destination"),
        "province": ("provinsi", "province"),
        "scheme": ("skema", "scheme"),
        "no_agency": ("tanpa P3MI (skema lain)", "no agency (other schemes)"),
        "unknown_office": ("kantor {} (provinsi tidak dikenal)", "office {} (province unknown)"),
        "no_office": ("kantor tidak tercatat", "office not recorded"),
        "scheme_P_TO_P": ("P to P", "P to P"),
        "scheme_G_TO_G": ("G to G", "G to G"),
        "scheme_G_TO_P": ("G to P", "G to P"),
        "scheme_UKPS": ("UKPS", "UKPS (own needs)"),
        "scheme_INDIVIDUAL": ("perseorangan", "individual"),
        # ------------------------------------------------------------ units
        "units_by_agency": ("Kuota menurut P3MI", "Units by agency"),
        "units_by_destination": ("Kuota menurut negara tujuan", "Units by destination"),
        "units_by_province": (
            "Kuota menurut provinsi kantor pendaftaran",
            "Units by province of the office that registered",
        ),
        "units_plot": (
            "Kuota yang dipegang pada T₀ menurut negara tujuan",
            "Units held at T₀, by destination",
        ),
        "units_plot_text": (
            "{} negara dengan kuota terbanyak; tabel memuat semuanya.",
            "The {} destinations with most units; the table has all.",
        ),
        "units_why_table": ("Kuota yang dipegang pada T₀, dan sebabnya", "Units held at T₀, and why"),
        "what": ("keadaan", "what became of it"),
        "why": ("sebab", "why"),
        "why_valid": (
            "SIP2MI berlaku pada saat registrasi ulang",
            "the permit was valid at the re-registration",
        ),
        "why_valid_extended": (
            "SIP2MI diperpanjang sesudah penutupan dan berlaku pada saat registrasi ulang",
            "the permit was extended after the closure, and valid at the re-registration",
        ),
        "why_revoked": ("SIP2MI sudah dicabut", "the permit had been revoked"),
        "why_expired": ("masa berlaku SIP2MI sudah habis", "the permit had expired"),
        "why_policy": ("kebijakan tidak memulihkan kuota", "the policy restores no unit"),
        "why_ruling": ("penetapan dua petugas BP2MI", "a ruling by two officers of BP2MI"),
        "why_late_reserved": (
            "keberangkatan dicatat kemudian; kuota masih dipegang",
            "a late departure; the unit was still held",
        ),
        "why_late_available": (
            "keberangkatan dicatat kemudian; pemulihan dibalik",
            "a late departure; the restoration was reversed",
        ),
        "why_late_forfeited": (
            "keberangkatan dicatat kemudian; kuota hangus diambil kembali",
            "a late departure; the forfeited unit was taken back",
        ),
        "taken_text": (
            "Tempat kuota baru diambil pada registrasi ulang: {places}.",
            "Where re-registrations took their new unit: {places}.",
        ),
        "taken_same_line": ("jabatan yang sama {}", "the same line {}"),
        "taken_same_permit": ("jabatan lain pada SIP2MI yang sama {}", "another line of the same permit {}"),
        "taken_same_agency": ("SIP2MI lain milik P3MI yang sama {}", "another permit of the same agency {}"),
        "taken_other_agency": ("SIP2MI milik P3MI lain {}", "a permit of another agency {}"),
        "taken_none": ("tanpa kuota (skema lain) {}", "none (other schemes) {}"),
        # ------------------------------------------------------------ stranded
        "stranded_text": (
            (
                "Nomor pendaftaran saja; tidak ada data pribadi. Kuota tetap dipegang sampai registrasi "
                "ulang atau penetapan."
            ),
            (
                "Registration numbers only; no personal data. A unit stays held until a re-registration or "
                "a ruling."
            ),
        ),
        "registration": ("pendaftaran", "registration"),
        "permit": ("SIP2MI", "permit"),
        "line": ("jabatan no.", "line"),
        "valid_to": ("berlaku s.d.", "valid to"),
        "office": ("kantor", "office"),
        "registered_on": ("terdaftar", "registered on"),
        # ------------------------------------------------------------ refusals
        "code": ("kode", "code"),
        "system": ("sistem", "system"),
        "before": ("dicatat sebelum T₀", "entered before T₀"),
        "after": ("dicatat sejak T₀", "entered from T₀ on"),
        "meaning": ("arti", "meaning"),
        "what_to_do": ("tindak lanjut", "what to do"),
        "outcomes_text": (
            "{decisions} tindakan, masing-masing satu keputusan: {outcomes}.",
            "{decisions} actions, one decision each: {outcomes}.",
        ),
        "outcome_ACCEPTED": ("{} diterima", "{} accepted"),
        "outcome_REFUSED": ("{} ditolak", "{} refused"),
        "outcome_DUPLICATE": ("{} duplikat", "{} duplicate"),
        "outcome_UNREADABLE": ("{} tidak terbaca", "{} unreadable"),
        # ------------------------------------------------------------ anomalies
        "anomaly": ("hal", "anomaly"),
        "first_seqs": ("keputusan (seq)", "decisions (seq)"),
        "late_departure": (
            "Keberangkatan sebelum T₀ yang dicatat sejak T₀ dengan bukti: diterima [L1]",
            "Departures before T₀ entered from T₀ on, with evidence: accepted [L1]",
        ),
        "late_after_moving": (
            "… di antaranya sesudah registrasi ulang: registrasi ulang dibatalkan",
            "… of these after a re-registration: the re-registration was voided",
        ),
        "late_refused": (
            "Keberangkatan sebelum T₀ yang dicatat sejak T₀: ditolak",
            "Departures before T₀ entered from T₀ on: refused",
        ),
        "conflicting_departures": (
            "Keberangkatan yang bertentangan: orangnya berangkat pada pendaftaran lain",
            "Conflicting departures: the person has departed on a later registration",
        ),
        "entered_in_closed_system": (
            "Tindakan di SISKOTKLN sesudah ditutup [L1]",
            "Actions in SISKOTKLN after it closed [L1]",
        ),
        "entered_long_after": (
            "Diterima, tetapi dicatat lebih dari {days} hari sesudah kejadian",
            "Accepted, but entered more than {days} days after it happened",
        ),
        "moved_twice": (
            "Pendaftaran kedua di SIAPKerja sementara yang pertama masih terbuka: ditolak",
            "A second registration in SIAPKerja while one is open: refused",
        ),
        "person_held": ("Orang ditahan (sengketa identitas)", "People put on hold (identity disputes)"),
        "refused_on_hold": (
            "Tindakan ditolak karena orangnya ditahan",
            "Actions refused because the person was on hold",
        ),
        "reassigned": (
            "Pendaftaran dipindahkan kepada orang yang benar (koreksi identitas)",
            "Registrations moved to whom they belong (corrections of an identity)",
        ),
        "no_unit_left": (
            "Pendaftaran di SIAPKerja sejak T₀ ditolak: kuota jabatan habis",
            "Registrations in SIAPKerja from T₀ on refused: no unit left on the line",
        ),
        "id_reused": ("ID tindakan dipakai untuk isi lain", "An action id used for other content"),
        "duplicate": ("Tindakan yang sama dikirim lagi", "The same action sent again"),
        "unreadable": ("Rekaman yang tidak dapat dibaca", "Records that cannot be read"),
        "held_text": ("Orang yang sedang ditahan: {}.", "People on hold now: {}."),
        "outside_text": (
            "{} pendaftaran SISKOTKLN bertanggal sejak {limit} berada di luar [L3] dan tidak dihitung.",
            "SISKOTKLN registrations dated from {limit} on, outside [L3] and not counted: {}.",
        ),
        "events_table": ("Keputusan di balik hal yang tidak biasa", "The decisions behind the anomalies"),
        "occurred_at": ("kejadian (WIB)", "occurred (WIB)"),
        "entered_at": ("dicatat (WIB)", "entered (WIB)"),
        # ------------------------------------------------------------ extract
        "no_extract": (
            (
                "Tidak ada ekstrak yang diberikan. Tambahkan --extract dengan folder ekstrak, atau hasil "
                "`neraca import FOLDER --json`."
            ),
            (
                "No extract was given. Add --extract with the folder of the extract, or with what `neraca "
                "import FOLDER --json` printed."
            ),
        ),
        "extract_text": (
            (
                "{name}: {actions} tindakan ({outcomes}); {defects} temuan; {equal} dari {lines} jabatan "
                "SIP2MI sama."
            ),
            (
                "{name}: {actions} actions ({outcomes}); {defects} defects; {equal} of {lines} permit "
                "lines agree."
            ),
        ),
        "extract_dry": (
            "Diputuskan menurut aturan saja, pada buku yang kosong.",
            "Decided by the rules alone, on a ledger that began empty.",
        ),
        "extract_note": (
            (
                "Selisih = sisa_kuota dikurangi yang tersedia pada saat impor. Kolom terakhir: yang "
                "tersedia sekarang, menurut jurnal pada seq laporan ini."
            ),
            (
                "Difference = sisa_kuota less what was available at the import. Last column: available "
                "now, by the journal at this report's seq."
            ),
        ),
        "extract_lines": ("Jabatan SIP2MI yang berbeda", "Permit lines that differ"),
        "extract_defects": ("Temuan menurut jenis", "Defects by kind"),
        "kind": ("jenis", "kind"),
        "sisa_kuota": ("sisa_kuota", "sisa_kuota"),
        "granted": ("diberikan", "granted"),
        "available": ("tersedia", "available"),
        "reserved": ("dipegang", "reserved"),
        "departed": ("berangkat", "departed"),
        "difference": ("selisih", "difference"),
        "available_now": ("tersedia sekarang", "available now"),
        "unreadable_cell": ("tidak terbaca", "unreadable"),
        # ------------------------------------------------------------ definitions
        "d_population": ("Siapa yang dihitung", "Who is counted"),
        "d_population_text": (
            (
                "Pendaftaran SISKOTKLN bertanggal sebelum Tᵣ = {limit} [L3]: {registered}. Masing-masing "
                "berada tepat pada satu keadaan: berangkat dan dicatat sebelum T₀ ({departed_in_time}), "
                "batal ({cancelled}), atau dalam proses pada T₀ ({in_process})."
            ),
            (
                "SISKOTKLN registrations dated before Tᵣ = {limit} [L3]: {registered}. Each is in exactly "
                "one state: departed and entered before T₀ ({departed_in_time}), cancelled ({cancelled}), "
                "or in process at T₀ ({in_process})."
            ),
        ),
        "d_eligible_text": (
            (
                "Dalam proses pada T₀ dan, sejauh diketahui sekarang, belum berangkat pada saat itu [L3]: "
                "sudah + belum registrasi ulang. Yang berangkat sebelum T₀ dan dicatat kemudian tidak "
                "termasuk."
            ),
            (
                "In process at T₀ and, as far as is known now, not departed by then [L3]: moved + not "
                "moved. Who departed before T₀ and was entered later is not among them."
            ),
        ),
        "d_late_text": (
            (
                "Berangkat sebelum T₀, dicatat pada atau sesudah T₀ dengan bukti. Jika sudah registrasi "
                "ulang, registrasi ulang itu dibatalkan dan pemulihan kuota dibalik."
            ),
            (
                "Departed before T₀, entered at or after it with evidence. Where the candidate had "
                "registered again, that is voided and the restoration reversed."
            ),
        ),
        "d_moved_text": (
            (
                "Pendaftaran baru di SIAPKerja sejak T₀ menggantikan yang lama, dan tidak dibatalkan oleh "
                "keberangkatan yang dicatat kemudian [L3]."
            ),
            (
                "A new registration in SIAPKerja from T₀ on took the place of the old one, and no late "
                "departure voided it [L3]."
            ),
        ),
        "d_not_moved_text": (
            "Pendaftaran lama masih terbuka. Registrasi ulang boleh kapan saja; tidak ada tenggat.",
            (
                "The old registration is still open. Re-registration is allowed at any time; there is no "
                "deadline."
            ),
        ),
        "d_stranded_text": (
            (
                "Kuota yang masih dipegang oleh yang belum registrasi ulang. Hanya registrasi ulang, "
                "keberangkatan yang dicatat kemudian, atau penetapan yang mengubahnya."
            ),
            (
                "A unit still held by who has not moved. Only a re-registration, a late departure or a "
                "ruling changes that."
            ),
        ),
        "d_restored_text": (
            (
                "Kuota yang dikembalikan ke jabatan SIP2MI asalnya pada registrasi ulang, karena SIP2MI "
                "berlaku dan tidak dicabut pada saat itu (atau pada T₀, jika kebijakan menilainya saat "
                "itu) [L4], dan sejak itu tidak dipakai oleh keberangkatan yang dicatat kemudian."
            ),
            (
                "A unit given back to its own permit line at the re-registration, because the permit was "
                "valid and not revoked at that moment (or at T₀, where the policy judges it then) [L4], "
                "and not used by a late departure since."
            ),
        ),
        "d_forfeited_text": (
            (
                "Kuota yang hilang pada registrasi ulang karena SIP2MI tidak berlaku atau dicabut, dan "
                "sejak itu tidak diambil kembali oleh keberangkatan yang dicatat kemudian."
            ),
            (
                "A unit lost at the re-registration because the permit was not valid or revoked, and not "
                "taken back by a late departure since."
            ),
        ),
        "d_released_text": (
            "Kuota tertahan yang dilepas oleh penetapan dua petugas BP2MI; pendaftarannya tetap terbuka.",
            "A stranded unit freed by a ruling of two officers of BP2MI; the registration stays open.",
        ),
        "d_reasons": ("Sebab belum registrasi ulang", "Why somebody has not moved"),
        "d_reasons_text": (
            (
                "Yang pertama berlaku, dinilai pada {journal_at}: orangnya ditahan; pendaftaran terakhir "
                "di SIAPKerja sejak T₀ ditolak (kode); tindakan terakhir di SISKOTKLN yang dicatat sejak "
                "T₀ ditolak (kode); SIP2MI tempat kuota dicabut; SIP2MI tidak berlaku; P3MI diskors; "
                "negara tujuan ditutup; jabatan habis (jika tidak lagi memegang kuota); jika tidak ada: "
                "belum datang."
            ),
            (
                "The first that holds, judged at {journal_at}: the person is on hold; the last "
                "registration in SIAPKerja from T₀ on was refused (code); the last SISKOTKLN action "
                "entered from T₀ on was refused (code); the permit of the unit is revoked; it is not "
                "valid; the agency is suspended; the destination is closed; the line is full (where no "
                "unit is held any more); else: has not come yet."
            ),
        ),
        "d_province_text": (
            (
                "Dari kode kantor yang mendaftarkan di SISKOTKLN (BP3MI-NTB, LTSA-JATIM-2). Kode lain "
                "ditampilkan apa adanya; tidak pernah ditebak dari NIK."
            ),
            (
                "From the code of the office that registered in SISKOTKLN (BP3MI-NTB, LTSA-JATIM-2). Other "
                "codes are shown as they stand; never guessed from a national ID number."
            ),
        ),
        "d_days_text": (
            "Semua tanggal WIB (UTC+7); perbandingan dalam UTC.",
            "All dates are WIB (UTC+7); comparisons are in UTC.",
        ),
        "d_days": ("Tanggal", "Dates"),
        # ------------------------------------------------------------ checks
        "checks_text": (
            (
                "Laporan ini dihitung dari jurnal saja. Siapa pun dengan jurnal atau arsip yang sama "
                "memperoleh angka yang sama:"
            ),
            (
                "This report is counted from the journal alone. Whoever has the same journal, or an "
                "archive of it, gets the same figures:"
            ),
        ),
        "c_seq": ("keputusan terakhir (seq)", "last decision (seq)"),
        "c_sha256": ("SHA-256 keputusan itu", "SHA-256 of that decision"),
        "c_root": (
            "akar Merkle (RFC 6962) atas keputusan 0 … seq",
            "Merkle root (RFC 6962) over decisions 0 … seq",
        ),
        "c_again": ("laporan yang sama sekali lagi", "the same report again"),
        "c_verify": (
            "aturan dijalankan lagi atas setiap tindakan; rantai, akar, dan tabel dibandingkan",
            "every action run through the rules again; chain, root and tables compared",
        ),
        "c_prove": ("bukti atas satu keputusan", "proof of one decision"),
        "c_extract": ("rekonsiliasi ekstrak sekali lagi", "the reconciliation of an extract again"),
        "c_decision": ("satu keputusan dalam basis data", "one decision in the database"),
        "checks_sql_text": (
            (
                "Setiap angka juga dapat ditanyakan kepada PostgreSQL. Kueri di bawah memberi jawaban "
                "laporan ini ketika tabel berada pada seq yang sama; `neraca status` menyebut perintah "
                "psql. Angka yang dinilai pada suatu saat (SIP2MI, P3MI, negara tujuan) memakai riwayat "
                "menurut waktu kejadian; tabel memuat keadaan terakhir."
            ),
            (
                "PostgreSQL can be asked for each figure as well. The queries below give this report's "
                "answer while the tables stand at the same seq; `neraca status` names the psql command. "
                "What is judged at a moment (permit, agency, destination) goes by the history by time of "
                "occurrence; the tables hold the last state."
            ),
        ),
        "figure": ("angka", "figure"),
        "how": ("perintah atau kueri", "command or query"),
        "answer": ("jawaban", "answer"),
        "rows": ("{} baris", "{} rows"),
        "f_position": ("keputusan terakhir dalam tabel", "last decision in the tables"),
        "f_outcomes": ("keputusan menurut hasil", "decisions by outcome"),
        "f_summary": (
            "dalam proses, registrasi ulang, dicatat kemudian, belum",
            "in process, re-registered, departed late, not moved",
        ),
        "f_units": ("dipulihkan, hangus, dilepas, tertahan", "restored, forfeited, released, stranded"),
        "f_by_agency": ("menurut P3MI", "by agency"),
        "f_by_destination": ("menurut negara tujuan", "by destination"),
        "f_by_province": ("menurut provinsi kantor", "by province of the office"),
        "f_by_scheme": ("menurut skema", "by scheme"),
        "f_days": ("pendaftaran dan keberangkatan per hari", "registrations and departures by day"),
        "f_progress": ("registrasi ulang per hari", "re-registration by day"),
        "f_reached": ("tahap yang dilalui sebelum T₀", "stages passed before T₀"),
        "f_stood": ("tahap terakhir pada T₀", "last stage at T₀"),
        "f_again": ("keadaan pendaftaran baru", "state of the new registrations"),
        "f_reasons": ("sebab belum registrasi ulang", "reasons for not having moved"),
        "f_refusals": ("penolakan menurut kode dan sistem", "refusals by code and system"),
        "f_anomalies": ("hal yang tidak biasa", "anomalies"),
        "f_held": ("orang yang sedang ditahan", "people on hold now"),
        "f_trial_balance": ("neraca saldo kuota", "trial balance of units"),
        # ------------------------------------------------------------ terminal
        "t_written": ("Laporan lengkap: {}", "The whole report: {}"),
    }
)

LANGUAGES: Final = ("id", "en")


class Speech:
    """Says a text in one language."""

    def __init__(self, language: str) -> None:
        self.language: Final = language
        self._place: Final = LANGUAGES.index(language)

    def __call__(self, text: str, *values: object, **named: object) -> str:
        """Give a text, with its values put in.

        A text comes from here; values come from the ledger, and a brace in them means nothing.
        """
        words = TEXTS[text][self._place]
        return words.format(*values, **named) if values or named else words

    def __repr__(self) -> str:
        """Show the language."""
        return f"Speech({self.language})"
