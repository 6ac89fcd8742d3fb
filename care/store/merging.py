"""Moving one customer's rows to another, whatever tables there are."""

from psycopg import Connection, errors, sql


def references(conn: Connection) -> list[tuple[str, str]]:
    """Every table and column that refers to a customer, this one's own apart."""
    return conn.execute(
        """
        SELECT r.relname, a.attname
        FROM pg_constraint c
        JOIN pg_class r ON r.oid = c.conrelid
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = 'customer'::regclass AND r.relname <> 'customer'
        ORDER BY 1, 2
        """
    ).fetchall()


def is_over(conn: Connection, customer_id: int) -> bool:
    """Whether the record was merged or erased."""
    row = conn.execute(
        "SELECT merged_into IS NOT NULL OR erased_at IS NOT NULL FROM customer WHERE id = %s",
        (customer_id,),
    ).fetchone()
    return bool(row and row[0])


def sending(conn: Connection, customer_ids: tuple[int, ...]) -> bool:
    """Whether a message is on its way to one of them."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM outreach WHERE customer_id = ANY(%s) AND state = 'sending')",
        (list(customer_ids),),
    ).fetchone()
    return bool(row and row[0])


def move(conn: Connection, keep_id: int, gone_id: int) -> dict[str, int]:
    """Move all rows. What the other has already (the same tag, points for the same thing) stays.

    Returns
    -------
    dict of str to int
        Rows that moved, by table.
    """
    moved: dict[str, int] = {}
    for table, column in references(conn):
        names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
        rows = conn.execute(
            sql.SQL("SELECT ctid::text FROM {table} WHERE {column} = %s").format(**names),
            (gone_id,),
        ).fetchall()
        for (place,) in rows:
            try:
                with conn.transaction():
                    conn.execute(
                        sql.SQL("UPDATE {table} SET {column} = %s WHERE ctid = %s::tid").format(
                            **names
                        ),
                        (keep_id, place),
                    )
            except errors.UniqueViolation:
                continue
            moved[table] = moved.get(table, 0) + 1
    return moved


def close(conn: Connection, keep_id: int, gone_id: int) -> None:
    """The record that goes gives up its number and points to the other, which fills its gaps."""
    row = conn.execute(
        "SELECT phone, email, advisor_id, household_id FROM customer WHERE id = %s", (gone_id,)
    ).fetchone()
    assert row is not None
    conn.execute(
        "UPDATE customer SET phone = NULL, email = NULL, merged_into = %s WHERE id = %s",
        (keep_id, gone_id),
    )
    conn.execute(
        """
        UPDATE customer SET phone = coalesce(phone, %s), email = coalesce(email, %s),
            advisor_id = coalesce(advisor_id, %s), household_id = coalesce(household_id, %s)
        WHERE id = %s
        """,
        (*row, keep_id),
    )
    conn.execute("UPDATE customer SET merged_into = %s WHERE merged_into = %s", (keep_id, gone_id))
