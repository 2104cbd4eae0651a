"""Who may use the gateway, and who looked at whom: keys and access records, in a PostgreSQL schema of their
own.

Apart from the projections, because no journal can rebuild it: `neraca_access` has its own migrations and is
never dropped with the read models.
"""
