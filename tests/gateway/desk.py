"""A client of the gateway as a source system would write it, and the processes of one ledger around it.

Asserts nothing: the tests do.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import requests

from neraca.access import keys
from tests.faults.services import Crew, Service

HQ = {"system": "BP2MI", "office": {"type": "HQ", "code": "BP2MI"}}
LTSA = {"system": "SIAPKERJA", "office": {"type": "LTSA", "code": "LTSA-MATARAM"}}
BP3MI = {"system": "SISKOP2MI", "office": {"type": "BP3MI", "code": "BP3MI-NTB"}}
TIMEOUT_SECONDS = 40


def action(kind: str, **fields: Any) -> dict[str, Any]:
    """An action as it is sent: of the agreement's side, in September 2023, unless told otherwise."""
    return {
        "action_id": str(uuid.uuid4()),
        "kind": kind,
        "occurred_at": "2023-09-04T09:30:00+08:00",
        **LTSA,
        **fields,
    }


def registered(registration_id: str, person_id: str, **fields: Any) -> dict[str, Any]:
    """A registration under P to P with agency A-TEST for Hong Kong."""
    return action(
        "registered",
        registration_id=registration_id,
        person_id=person_id,
        **{
            "scheme": "P_TO_P",
            "agency_id": "A-TEST",
            "destination": "HK",
            "position": "caregiver",
            "sex": "F",
            **fields,
        },
    )


@dataclass(frozen=True)
class Desk:
    """A gateway's address and a key."""

    port: int
    key: str

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(more or {})}

    def post(self, body: Any, path: str = "/v1/actions", **headers: str) -> requests.Response:
        """Send an action, a list of them, or raw bytes."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent: Mapping[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        return requests.post(self.url(path), headers=self.headers(given), timeout=TIMEOUT_SECONDS, **sent)

    def get(self, path: str, *, min_seq: int | None = None, **parameters: str | int) -> requests.Response:
        """Read something, as it stands at `min_seq` or later."""
        more = {} if min_seq is None else {"Min-Seq": str(min_seq)}
        return requests.get(
            self.url(path), params=parameters, headers=self.headers(more), timeout=TIMEOUT_SECONDS
        )

    def accept(self, *sent: dict[str, Any]) -> int:
        """Send actions that must be accepted; the last one's `seq`."""
        seq = -1
        for one in sent:
            answer = self.post(one)
            if answer.status_code != 201:
                raise AssertionError(f"{answer.status_code} {answer.text}")
            seq = answer.json()["seq"]
        return seq


def new_key(dsn: str, **may: Any) -> str:
    """Make a key; without words, one that may do everything."""
    new = keys.NewKey(
        may.get("name", "test"),
        may.get("officer", "o-4711"),
        may.get("systems", ["BP2MI", "SIAPKERJA", "SISKOP2MI", "SISKOTKLN"]),
        may.get("offices", ["HQ:*", "LTSA:*", "DINAS:*", "BP3MI:*"]),
        may.get("reads", ["all"]),
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        keys.migrate(connection)
        return keys.create(connection, new, may.get("expires_at"))[1]


def permit(permit_id: str, units: int, **fields: Any) -> list[dict[str, Any]]:
    """Agency A-TEST's permit for caregivers in Hong Kong, with one line of so many units."""
    return [
        action(
            "permit_issued",
            **{
                **HQ,
                "permit_id": permit_id,
                "agency_id": "A-TEST",
                "destination": "HK",
                "valid_from": "2023-01-02",
                "valid_to": "2024-12-31",
                "lines": [{"line": 1, "position": "caregiver", "sex": "F", "units": units}],
                "occurred_at": "2023-03-01T09:00:00+07:00",
                **fields,
            },
        )
    ]


@dataclass(frozen=True)
class Running:
    """The services of one ledger: decider, projector and gateway, and a key that may do everything."""

    crew: Crew
    dsn: str
    decider: Service
    projector: Service
    gateway: Service
    desk: Desk

    @classmethod
    def start(cls, crew: Crew, dsn: str) -> "Running":
        """Start all three, and wait until the gateway takes actions."""
        decider = crew.start(wait_ready=False)
        projector = crew.start_projector()
        gateway = start_gateway(crew)
        for service in (decider, projector):
            service.wait_ready()
        return cls(crew, dsn, decider, projector, gateway, Desk(gateway._port, new_key(dsn)))


def start_gateway(crew: Crew) -> Service:
    """Start a gateway, and wait until it takes actions."""
    return crew._start(["-m", "neraca", "run", "gateway"], wait_ready=True)
