"""An example of every kind of action, and of each answer, for the description of the gateway. Data only.

The tests read each action as the gateway would, so that none can break the shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.kinds import KINDS

_HQ: Final = {"system": "BP2MI", "office": {"type": "HQ", "code": "BP2MI"}}
_LTSA: Final = {"system": "SIAPKERJA", "office": {"type": "LTSA", "code": "LTSA-MATARAM"}}
_BP3MI: Final = {"system": "SISKOP2MI", "office": {"type": "BP3MI", "code": "BP3MI-NTB"}}
_OLD: Final = {"system": "SISKOTKLN", "office": {"type": "BP3MI", "code": "BP3MI-NTB"}}
_TRAINING: Final = {
    "training_id": "T-1",
    "provider_id": "LPK-7",
    "provider_type": "LPK",
    "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
}
_POLICY: Final = {
    "version": "B.662-2023-2",
    "registration_limit": "2023-02-17T00:00:00+07:00",
    "closure": "2023-07-24T00:00:00+07:00",
    "unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "agreement"},
    "biometrics_not_required": ["SISKOTKLN"],
    "agreement_not_required": ["INDIVIDUAL", "UKPS"],
    "restore_if_valid_at": "reregistration",
    "restoration": True,
    "late_departures": True,
    "clock_skew_seconds": 300,
}

_FIELDS: Final[Mapping[str, dict[str, Any]]] = {
    "agency_licensed": {**_HQ, "agency_id": "A-1"},
    "agency_suspended": {**_HQ, "agency_id": "A-1"},
    "agency_reinstated": {**_HQ, "agency_id": "A-1"},
    "destination_closed": {**_HQ, "destination": "TW"},
    "destination_opened": {**_HQ, "destination": "TW"},
    "permit_issued": {
        **_HQ,
        "permit_id": "S-9",
        "agency_id": "A-1",
        "destination": "TW",
        "valid_from": "2023-01-02",
        "valid_to": "2024-12-31",
        "lines": [{"line": 1, "position": "caregiver", "sex": "F", "units": 2}],
    },
    "permit_extended": {**_HQ, "permit_id": "S-9", "valid_to": "2025-06-30"},
    "permit_revoked": {**_HQ, "permit_id": "S-9"},
    "permit_reinstated": {**_HQ, "permit_id": "S-9"},
    "quota_raised": {**_HQ, "permit_id": "S-9", "line": 1, "units": 5},
    "quota_lowered": {**_HQ, "permit_id": "S-9", "line": 1, "units": 1},
    "policy_adopted": {**_HQ, "policy": _POLICY},
    "person_held": {
        **_HQ,
        "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
        "reason": "identity in dispute",
    },
    "person_released": {**_HQ, "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1", "reason": "settled"},
    "unit_released": {
        **_HQ,
        "registration_id": "R-1",
        "second_officer": "o-0815",
        "reason": "stranded; ruling 12/2023",
    },
    "registration_reassigned": {
        **_HQ,
        "registration_id": "R-1",
        "person_id": "9b1d7c52-0f3e-4d68-8a57-6c2f41e0d9a3",
        "second_officer": "o-0815",
        "reason": "the NIK was another candidate's; ruling 15/2023",
    },
    "person_erased": {
        **_HQ,
        "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
        "reason": "asked for by the person; archive period over",
    },
    "registered": {
        **_LTSA,
        "registration_id": "R-1",
        "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
        "scheme": "P_TO_P",
        "agency_id": "A-1",
        "destination": "TW",
        "position": "caregiver",
        "sex": "F",
    },
    "documents_verified": {**_LTSA, "registration_id": "R-1"},
    "candidate_id_issued": {**_LTSA, "registration_id": "R-1", "candidate_id": "C-77"},
    "agreement_signed": {**_LTSA, "registration_id": "R-1", "permit_id": "S-9", "line": 1},
    "documents_fulfilled": {**_BP3MI, "registration_id": "R-1"},
    "orientation_completed": {**_BP3MI, "registration_id": "R-1"},
    "biometrics_registered": {**_BP3MI, "registration_id": "R-1", "reference": "B-5"},
    "departed": {
        **_BP3MI,
        "registration_id": "R-1",
        "evidence": [{"type": "boarding_pass", "reference": "doc-31"}],
    },
    "cancelled": {**_LTSA, "registration_id": "R-1", "reason": "withdrew"},
    "training_requested": {**_OLD, **_TRAINING},
    "training_completed": {**_OLD, **_TRAINING},
    "complaint_received": {
        **_BP3MI,
        "complaint_id": "K-3",
        "topic": "fees",
        "channel": "telephone",
        "registration_id": "R-1",
    },
    "complaint_answered": {**_BP3MI, "complaint_id": "K-3"},
}

ACTIONS: Final[Mapping[str, dict[str, Any]]] = {
    kind: {
        "action_id": f"018a52d4-0c1a-7000-8000-{number:012x}",
        "kind": kind,
        "occurred_at": "2023-09-04T09:30:00+08:00",
        **_FIELDS[kind],
    }
    for number, kind in enumerate(KINDS, 1)
}

REGISTRATION: Final[dict[str, Any]] = {
    "registration_id": "R-1",
    "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
    "system": "SIAPKERJA",
    "scheme": "P_TO_P",
    "agency_id": "A-1",
    "destination": "TW",
    "position": "caregiver",
    "sex": "F",
    "stages": {"registered": "2023-09-04T09:30:00+08:00"},
    "status": "open",
    "unit": None,
    "reregistered_as": None,
    "reregistered_from": None,
    "stage_seqs": [2],
}

DECISION: Final[dict[str, Any]] = {
    "seq": 2,
    "action_offset": 2,
    "outcome": "ACCEPTED",
    "action_id": ACTIONS["registered"]["action_id"],
    "kind": "registered",
    "system": "SIAPKERJA",
    "occurred_at": "2023-09-04T09:30:00+08:00",
    "entered_at": "2023-09-04T01:30:12.480311+00:00",
    "recorded_at": "2023-09-04T01:30:12.483000+00:00",
    "policy": "B.662-2023",
    "late": False,
    "action_sha256": "bf1028fef3febafac642f919f2d301697aae32635cbb3b36c683db46a39a079f",
    "previous_sha256": "9c0d3f1f7eb65b41348765d25fd295a278a78cb704196c701cda28c8c7212138",
    "registrations": [REGISTRATION],
    "postings": [],
    "permits": [],
    "agencies": [],
    "destinations": [],
    "people": [],
    "trainings": [],
    "complaints": [],
    "policies": [],
    "office": {"type": "LTSA", "code": "LTSA-MATARAM"},
    "officer": "o-4711",
    "registration_id": "R-1",
    "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
    "permit_id": None,
    "content_digest": "f0e0e38eef8dcec0108a28c5f4f88b86",
}

REGISTRATION_SEEN: Final = {"seq": 17, **REGISTRATION, "changed_seq": 2}
PERSON_SEEN: Final = {
    "seq": 17,
    "person_id": REGISTRATION["person_id"],
    "held": False,
    "held_since": None,
    "registrations": [{**REGISTRATION, "changed_seq": 2}],
    "trainings": [],
}
PERMIT_SEEN: Final = {
    "seq": 17,
    "permit_id": "S-9",
    "agency_id": "A-1",
    "destination": "TW",
    "valid_from": "2023-01-02",
    "valid_to": "2024-12-31",
    "revoked": False,
    "changed_seq": 1,
    "lines": [
        {
            "line": 1,
            "position": "caregiver",
            "sex": "F",
            "granted": 2,
            "available": 1,
            "reserved": 1,
            "departed": 0,
            "forfeited": 0,
        }
    ],
}

# Nobody: the number's district does not exist.
PERSONAL: Final[dict[str, Any]] = {
    "action_id": "018a6b2c-0000-7000-8000-000000000001",
    "personal": {"nik": "9901011707950001", "name": "Contoh Saja", "birth_date": "1995-07-17"},
}
SEALED: Final[dict[str, Any]] = {
    "person_id": "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1",
    "sealed": {"v": 1, "nik": "c2VhbGVk", "name": "c2VhbGVk", "birth_date": "c2VhbGVk"},
}
