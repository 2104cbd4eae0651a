"""Tables made anew take the place of the live ones, in one transaction that no reader notices.

What makes that true, step by step:

1. `hold_projector` locks the table of positions against writers. The projector moves its position before
   anything else, so it waits there with nothing in hand; readers go on.
2. The caller brings the new tables to exactly the live `seq`, and commits that.
3. `older_snapshots` are waited for: a reader whose snapshot is from before step 2 would find the new tables
   at an earlier `seq` than it may have seen.
4. `lock_readers_out` takes every live table, all within less time than PostgreSQL takes to look for a
   deadlock; so it is always this side that gives way, and tries again.
5. `exchange` renames the two schemas, and whoever waited finds the name leading to the new tables: PostgreSQL
   resolves a name again when it had to wait for its lock, and throws away plans of prepared statements when a
   schema was renamed.

After the commit the projector finds other tables than those that its session was opened on, writes nothing,
and begins again at their position, which is its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from psycopg import Connection, sql

from projections.migrations import LIVE, hold_migrations, own_names, try_lock

KEPT: Final = "neraca_before"
# What was kept before, until it is removed; and by way of it the two sets change names.
ASIDE: Final = "neraca_aside"

_REBUILD_LOCK: Final = "neraca rebuild"

# A projector commits a batch of the largest size in a second.
_PROJECTOR_TIMEOUT_MS: Final = 10_000
# Half of what PostgreSQL waits before it looks for a deadlock, and not longer than a reader should wait.
_READERS_TIMEOUT_MS_MAX: Final = 400

Session = Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Reader:
    """A session that reads in a snapshot from before."""

    pid: int
    began: str
    application: str
    state: str

    def __str__(self) -> str:
        """Name it so that somebody can find it."""
        who = self.application or "a session"
        return f"{who} (process {self.pid}, {self.state}, since {self.began})"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What else the exchange touched.

    Attributes:
        rebound: Views and functions outside the schema that now read the new tables.
        left_behind: Materialised views outside that still hold what they read before, and tables outside
            whose foreign keys still lead to the tables of before.

    """

    rebound: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()


def try_lock_rebuild(session: Session) -> bool:
    """Take the lock of the one rebuild of a database; it falls with the connection."""
    return try_lock(session, _REBUILD_LOCK)


def unlock_rebuild(session: Session) -> None:
    """Give the lock of the one rebuild back before the connection ends."""
    session.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_REBUILD_LOCK,))


def schema_exists(session: Session, schema: str) -> bool:
    """Whether there is such a schema."""
    row = session.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema,)).fetchone()
    return row is not None and row[0] is True


def tables_of(session: Session, schema: str) -> list[str]:
    """Give the names of the tables of a schema."""
    rows = session.execute(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = %s ORDER BY 1", (schema,)
    ).fetchall()
    return [str(name) for (name,) in rows]


def owner_of(session: Session, schema: str) -> str | None:
    """Give the role that a schema belongs to, unless it is the one of this session or that has its rights."""
    row = session.execute(
        "SELECT nspowner::regrole::text FROM pg_namespace"
        " WHERE nspname = %s AND NOT pg_has_role(nspowner, 'USAGE')",
        (schema,),
    ).fetchone()
    return None if row is None else str(row[0])


def drop(session: Session, schema: str) -> None:
    """Remove a schema and what is in it."""
    session.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


_OF_OTHERS: Final = """
WITH inside (classid, oid) AS (
    SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = %(schema)s::text::regnamespace
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = %(schema)s::text::regnamespace
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = %(schema)s::text::regnamespace
), goes (classid, oid) AS (
    SELECT DISTINCT
           CASE d.classid WHEN 'pg_proc'::regclass THEN d.classid ELSE 'pg_class'::regclass::oid END,
           CASE WHEN d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass) THEN d.objid
                ELSE coalesce(r.ev_class, c.conrelid) END
    FROM inside i JOIN pg_depend d ON d.refclassid = i.classid AND d.refobjid = i.oid
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_constraint c ON d.classid = 'pg_constraint'::regclass AND c.oid = d.objid
)
SELECT n.nspname || '.' || c.relname AS name
FROM goes JOIN pg_class c ON goes.classid = 'pg_class'::regclass AND c.oid = goes.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION SELECT n.nspname || '.' || p.proname
FROM goes JOIN pg_proc p ON goes.classid = 'pg_proc'::regclass AND p.oid = goes.oid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> %(schema)s
-- What no migration makes, somebody else put there.
UNION SELECT %(schema)s || '.' || c.relname
FROM pg_class c
WHERE c.relnamespace = %(schema)s::text::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relname <> ALL(%(own)s)
UNION SELECT %(schema)s || '.' || p.proname
FROM pg_proc p
WHERE p.pronamespace = %(schema)s::text::regnamespace AND p.proname <> ALL(%(own)s)
ORDER BY name
"""


def of_others(session: Session, schema: str) -> list[str]:
    """Name what would go with a schema and is not ours: what reads it from outside, what was put into it."""
    if not schema_exists(session, schema):
        return []
    rows = session.execute(_OF_OTHERS.encode(), {"schema": schema, "own": sorted(own_names())}).fetchall()
    return [str(name) for (name,) in rows]


def hold_projector(session: Session) -> None:
    """Let no projector move its position, nor start, until this transaction ends; waits for those at work.

    Raises:
        LockNotAvailable: a transaction holds the position for too long.

    """
    session.execute(f"SET LOCAL lock_timeout = {_PROJECTOR_TIMEOUT_MS}".encode())
    hold_migrations(session)
    session.execute(f"LOCK TABLE {LIVE}.projection_positions IN SHARE ROW EXCLUSIVE MODE".encode())


def older_snapshots(session: Session, own: Collection[int]) -> list[Reader]:
    """Give the sessions of this database that read in a snapshot now, but for our own.

    Nor is the projector one of them that waits for this transaction: it looks anew when its turn comes.
    """
    # Within a transaction the view would go on to say what it said first.
    session.execute("SELECT pg_stat_clear_snapshot()")
    rows = session.execute(
        # Of another role's session a role without rights sees the snapshot alone.
        "SELECT pid, coalesce(xact_start::text, 'snapshot ' || backend_xmin), application_name, state"
        " FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_xmin IS NOT NULL AND backend_type = 'client backend'"
        " AND NOT pid = ANY(%s)"
        " AND NOT (wait_event_type = 'Lock' AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        " ORDER BY xact_start",
        (list(own),),
    ).fetchall()
    return [Reader(int(str(pid)), str(began), str(name), str(state)) for pid, began, name, state in rows]


def lock_readers_out(session: Session) -> None:
    """Take every live table and view for this transaction alone.

    Raises:
        QueryCanceled: somebody reads one of them for longer than others may be kept waiting.

    """
    row = session.execute(
        "SELECT setting::integer FROM pg_settings WHERE name = 'deadlock_timeout'"
    ).fetchone()
    timeout_ms = min(_READERS_TIMEOUT_MS_MAX, int(str(row[0])) // 2 if row else _READERS_TIMEOUT_MS_MAX)
    names = session.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v')"
        # Most readers ask for the position first: who waits, waits there, with nothing else in hand.
        " ORDER BY relname <> 'projection_positions', relkind DESC, relname",
        (LIVE,),
    ).fetchall()
    every = sql.SQL(", ").join(sql.Identifier(LIVE, str(name)) for (name,) in names)
    session.execute(f"SET LOCAL statement_timeout = {timeout_ms}".encode())
    session.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(every))
    session.execute("SET LOCAL statement_timeout = 0")
    # While everybody waits for this transaction, it waits for nobody.
    session.execute(f"SET LOCAL lock_timeout = {timeout_ms}".encode())


def exchange(session: Session, incoming: str) -> Exchanged:
    """Make `incoming` the live schema and keep the live one as `KEPT`, in the transaction of the caller.

    What was kept before becomes `ASIDE`, unless it is what comes in: to remove it takes longer than readers
    should wait.

    Raises:
        LockNotAvailable: somebody reads a view outside that reads these tables.

    """
    _name_everything(session)
    dependents = _dependents(session, _relations(session, LIVE), {LIVE, incoming, KEPT})
    attached = _attached(session)
    _copy_grants(session, LIVE, incoming)
    if incoming == KEPT:
        rename(session, KEPT, ASIDE)
        rename(session, LIVE, KEPT)
        rename(session, ASIDE, LIVE)
    else:
        _set_aside(session)
        rename(session, LIVE, KEPT)
        rename(session, incoming, LIVE)
    _attach(session, attached)
    return _rebind(session, dependents)


def exchange_tables(session: Session, incoming: str, names: Collection[str]) -> Exchanged:
    """Exchange some tables only; `KEPT` then holds those, and where they stood. Otherwise as `exchange`."""
    _name_everything(session)
    found = _relations(session, LIVE, names)
    dependents = _dependents(session, found, {incoming, KEPT})
    attached = _attached(session, names)
    _copy_grants(session, LIVE, incoming, names)
    if incoming == KEPT:
        session.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(ASIDE)))
        for name in names:
            _move(session, name, KEPT, ASIDE)
            _move(session, name, LIVE, KEPT)
            _move(session, name, ASIDE, LIVE)
        session.execute(f"TRUNCATE {KEPT}.projection_positions".encode())
    else:
        _set_aside(session)
        session.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(KEPT)))
        session.execute(
            f"CREATE TABLE {KEPT}.projection_positions"
            f" (LIKE {LIVE}.projection_positions INCLUDING ALL)".encode()
        )
        for name in names:
            _move(session, name, LIVE, KEPT)
            _move(session, name, incoming, LIVE)
    session.execute(
        f"INSERT INTO {KEPT}.projection_positions SELECT * FROM {LIVE}.projection_positions".encode()
    )
    _attach(session, attached, names)
    return _rebind(session, dependents)


def _set_aside(session: Session) -> None:
    if schema_exists(session, KEPT):
        rename(session, KEPT, ASIDE)


def _name_everything(session: Session) -> None:
    """Let the catalogue give definitions in which every name has its schema."""
    session.execute("SET LOCAL search_path = ''")


def rename(session: Session, old: str, new: str) -> None:
    """Give a schema another name, also where a function knows it by the old one."""
    session.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))
    # A function whose body is a text names its tables by name, and has to learn the new one.
    functions = session.execute(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = %s::regnamespace"
        " AND prokind IN ('f', 'p') AND prosqlbody IS NULL AND strpos(prosrc, %s) > 0",
        (new, f"{old}."),
    ).fetchall()
    for (definition,) in functions:
        session.execute(str(definition).replace(f"{old}.", f"{new}.").encode())


def _move(session: Session, table: str, old: str, new: str) -> None:
    session.execute(
        sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(sql.Identifier(old, table), sql.Identifier(new))
    )


def _relations(session: Session, schema: str, names: Collection[str] | None = None) -> list[int]:
    rows = session.execute(
        "SELECT oid::bigint FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v')"
        " AND (%s::text[] IS NULL OR relname = ANY(%s::text[]))"
        " UNION ALL SELECT oid::bigint FROM pg_proc WHERE pronamespace = %s::regnamespace"
        " AND %s::text[] IS NULL",
        (schema, *[None if names is None else list(names)] * 2, schema, None if names is None else []),
    ).fetchall()
    return [int(str(oid)) for (oid,) in rows]


@dataclass(frozen=True, slots=True)
class _Dependent:
    """A view or function that reads tables by their number, and what makes it read them by name again."""

    name: str
    statement: str | None


_READING: Final = """
WITH reading AS (
    SELECT DISTINCT coalesce(r.ev_class, d.objid) AS oid, d.classid = 'pg_proc'::regclass AS is_function
    FROM pg_depend d LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass) AND d.refobjid = ANY(%(read)s::oid[])
      AND d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)
      AND coalesce(r.ev_class, d.objid) <> d.refobjid
)
SELECT n.nspname::text, c.relname::text,
       CASE c.relkind WHEN 'v' THEN format(
           'CREATE OR REPLACE VIEW %%I.%%I %%s AS %%s', n.nspname, c.relname,
           'WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)) END
FROM reading JOIN pg_class c ON NOT is_function AND c.oid = reading.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT n.nspname::text, p.proname::text, pg_get_functiondef(p.oid)
FROM reading JOIN pg_proc p ON is_function AND p.oid = reading.oid AND p.prosqlbody IS NOT NULL
JOIN pg_namespace n ON n.oid = p.pronamespace
UNION ALL
SELECT n.nspname::text, c.relname::text, NULL
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.confrelid = ANY(%(read)s::oid[])
"""


def _dependents(session: Session, read: list[int], not_in: Collection[str]) -> list[_Dependent]:
    rows = session.execute(_READING, {"read": read}).fetchall()
    return [
        _Dependent(f"{schema}.{name}", None if statement is None else str(statement))
        for schema, name, statement in rows
        if schema not in not_in
    ]


def _rebind(session: Session, dependents: Iterable[_Dependent]) -> Exchanged:
    rebound, left_behind = [], []
    for dependent in dependents:
        if dependent.statement is None:
            left_behind.append(dependent.name)
        else:
            session.execute(dependent.statement.encode())
            rebound.append(dependent.name)
    return Exchanged(tuple(rebound), tuple(left_behind))


# What no migration makes, so that whatever is there is somebody's: who may see which rows, and what happens
# when they change. `drops` and `makes` are in the order in which they can be done.
_ATTACHED: Final = """
WITH ours AS (
    SELECT c.oid, c.relname, format('%%I.%%I', n.nspname, c.relname) AS shown, c.relrowsecurity,
           c.relforcerowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'v')
      AND (%(names)s::text[] IS NULL OR c.relname = ANY(%(names)s::text[]))
)
SELECT format('ALTER TABLE %%s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', shown) AS drops,
       format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY%%s', shown,
              CASE WHEN relforcerowsecurity THEN ', FORCE ROW LEVEL SECURITY' END) AS makes
FROM ours WHERE relrowsecurity
UNION ALL
SELECT format('DROP POLICY %%I ON %%s', p.policyname, shown),
       format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s', p.policyname, shown, p.permissive, p.cmd,
              (SELECT string_agg(quote_ident(role), ', ') FROM unnest(p.roles) role))
           || coalesce(' USING (' || p.qual || ')', '')
           || coalesce(' WITH CHECK (' || p.with_check || ')', '')
FROM ours JOIN pg_policies p ON p.schemaname = %(schema)s AND p.tablename = ours.relname
UNION ALL
SELECT format('DROP TRIGGER %%I ON %%s', t.tgname, shown),
       pg_get_triggerdef(t.oid)
           || CASE t.tgenabled WHEN 'D' THEN format('; ALTER TABLE %%s DISABLE TRIGGER %%I', shown, t.tgname)
              WHEN 'A' THEN format('; ALTER TABLE %%s ENABLE ALWAYS TRIGGER %%I', shown, t.tgname)
              WHEN 'R' THEN format('; ALTER TABLE %%s ENABLE REPLICA TRIGGER %%I', shown, t.tgname)
              ELSE '' END
FROM ours JOIN pg_trigger t ON t.tgrelid = ours.oid AND NOT t.tgisinternal
"""


def _attached(session: Session, names: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Give what takes policies, row security and triggers off the live tables, and what puts them there."""
    parameters = {"schema": LIVE, "names": None if names is None else list(names)}
    return [(str(drop_), str(make)) for drop_, make in session.execute(_ATTACHED.encode(), parameters)]


def _attach(
    session: Session, wanted: Iterable[tuple[str, str]], names: Collection[str] | None = None
) -> None:
    """Put what was on the live tables onto those that have the name now, and nothing else.

    The names in it lead to the new tables by now. Tables that were kept bring what they had then.
    """
    for drop_, _ in _attached(session, names):
        session.execute(drop_.encode())
    for _, make in wanted:
        session.execute(make.encode())


_WHO: Final = "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END"
_WHO_AND_HOW: Final = _WHO + " || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"
_GRANTS: Final = f"""
SELECT format('GRANT %%s ON %%I.%%I TO %%s', a.privilege_type, %(to)s::text, c.relname, {_WHO_AND_HOW})
FROM pg_class c JOIN pg_class o ON o.relnamespace = %(to)s::text::regnamespace AND o.relname = c.relname
CROSS JOIN LATERAL aclexplode(c.relacl) a
WHERE c.relnamespace = %(from)s::text::regnamespace AND c.relkind IN ('r', 'v') AND a.grantee <> c.relowner
  AND (%(names)s::text[] IS NULL OR c.relname = ANY(%(names)s::text[]))
UNION ALL
SELECT format('GRANT %%s (%%I) ON %%I.%%I TO %%s', a.privilege_type, m.attname, %(to)s::text, c.relname,
              {_WHO_AND_HOW})
FROM pg_class c JOIN pg_attribute m ON m.attrelid = c.oid
JOIN pg_class o ON o.relnamespace = %(to)s::text::regnamespace AND o.relname = c.relname
JOIN pg_attribute p ON p.attrelid = o.oid AND p.attname = m.attname
CROSS JOIN LATERAL aclexplode(m.attacl) a
WHERE c.relnamespace = %(from)s::text::regnamespace AND c.relkind IN ('r', 'v') AND a.grantee <> c.relowner
  AND (%(names)s::text[] IS NULL OR c.relname = ANY(%(names)s::text[]))
UNION ALL
SELECT format('GRANT %%s ON SCHEMA %%I TO %%s', a.privilege_type, %(to)s::text, {_WHO_AND_HOW})
FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
WHERE n.nspname = %(from)s::text AND a.grantee <> n.nspowner AND %(names)s::text[] IS NULL
UNION ALL
SELECT format('GRANT EXECUTE ON FUNCTION %%I.%%I(%%s) TO %%s', %(to)s::text, f.proname,
              pg_get_function_identity_arguments(f.oid), {_WHO_AND_HOW})
FROM pg_proc f JOIN pg_proc o ON o.pronamespace = %(to)s::text::regnamespace AND o.proname = f.proname
    AND o.proargtypes = f.proargtypes
CROSS JOIN LATERAL aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
WHERE f.pronamespace = %(from)s::text::regnamespace AND a.grantee <> f.proowner AND %(names)s::text[] IS NULL
UNION ALL
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I IN SCHEMA %%I GRANT %%s ON %%s TO %%s',
              pg_get_userbyid(d.defaclrole), %(to)s::text, a.privilege_type,
              CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'f' THEN 'FUNCTIONS' END, {_WHO_AND_HOW})
FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
WHERE d.defaclnamespace = %(from)s::text::regnamespace AND d.defaclobjtype IN ('r', 'f')
  AND a.grantee <> d.defaclrole AND %(names)s::text[] IS NULL
"""
# What default privileges, or PostgreSQL itself, gave to the tables that come in; on what both sides have.
_REVOKES: Final = f"""
SELECT DISTINCT format('REVOKE ALL ON %%I.%%I FROM %%s CASCADE', %(to)s::text, o.relname, {_WHO})
FROM pg_class o JOIN pg_class c ON c.relnamespace = %(from)s::text::regnamespace AND c.relname = o.relname
CROSS JOIN LATERAL (
    SELECT grantee FROM aclexplode(o.relacl)
    UNION SELECT e.grantee FROM pg_attribute m CROSS JOIN LATERAL aclexplode(m.attacl) e
    WHERE m.attrelid = o.oid
) a
WHERE o.relnamespace = %(to)s::text::regnamespace AND o.relkind IN ('r', 'v') AND a.grantee <> o.relowner
  AND (%(names)s::text[] IS NULL OR o.relname = ANY(%(names)s::text[]))
UNION ALL
SELECT DISTINCT format('REVOKE ALL ON SCHEMA %%I FROM %%s CASCADE', %(to)s::text, {_WHO})
FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
WHERE n.nspname = %(to)s::text AND a.grantee <> n.nspowner AND %(names)s::text[] IS NULL
UNION ALL
SELECT DISTINCT format('REVOKE ALL ON FUNCTION %%I.%%I(%%s) FROM %%s CASCADE', %(to)s::text, o.proname,
                       pg_get_function_identity_arguments(o.oid), {_WHO})
FROM pg_proc o JOIN pg_proc f ON f.pronamespace = %(from)s::text::regnamespace AND f.proname = o.proname
    AND f.proargtypes = o.proargtypes
CROSS JOIN LATERAL aclexplode(coalesce(o.proacl, acldefault('f', o.proowner))) a
WHERE o.pronamespace = %(to)s::text::regnamespace AND a.grantee <> o.proowner AND %(names)s::text[] IS NULL
"""


def _copy_grants(session: Session, source: str, target: str, names: Collection[str] | None = None) -> None:
    """Let whoever may read the live tables read those that take their place, and nobody else."""
    parameters: Mapping[str, object] = {
        "from": source,
        "to": target,
        "names": None if names is None else list(names),
    }
    for question in (_REVOKES, _GRANTS):
        for (statement,) in session.execute(question.encode(), parameters).fetchall():
            session.execute(str(statement).encode())


__all__ = [
    "ASIDE",
    "KEPT",
    "Exchanged",
    "Reader",
    "drop",
    "exchange",
    "exchange_tables",
    "hold_projector",
    "lock_readers_out",
    "of_others",
    "older_snapshots",
    "owner_of",
    "rename",
    "schema_exists",
    "tables_of",
    "try_lock_rebuild",
    "unlock_rebuild",
]
