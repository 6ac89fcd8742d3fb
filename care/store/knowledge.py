"""Articles of the knowledge base, by version."""

# ruff: noqa: S608  only this module's own column list is joined in

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

COLUMNS = "id, dealer_id, name, language, version, question, answer, in_force, made_by, made_at"


@dataclass(frozen=True, slots=True)
class Article:
    """One version of one article; of every dealer where `dealer_id` is None."""

    id: int
    dealer_id: int | None
    name: str
    language: str
    version: int
    question: str
    answer: str
    in_force: bool
    made_by: str
    made_at: datetime


_MINE = """
    in_force AND (dealer_id = %(dealer)s OR (dealer_id IS NULL AND NOT EXISTS (
        SELECT FROM article AS own WHERE own.in_force AND own.dealer_id = %(dealer)s
          AND own.name = article.name AND own.language = article.language)))
"""


def put(
    conn: Connection,
    *,
    dealer_id: int | None,
    name: str,
    language: str,
    question: str,
    answer: str,
    terms: str,
    by: str,
    at: datetime,
) -> bool:
    """A new version, in force from now on. False if the one in force says the same."""
    key = {"dealer": dealer_id, "name": name, "language": language}
    conn.execute("SELECT pg_advisory_xact_lock(hashtext('article'))")
    same = conn.execute(
        """
        SELECT EXISTS (SELECT FROM article
            WHERE dealer_id IS NOT DISTINCT FROM %(dealer)s AND name = %(name)s
              AND language = %(language)s AND in_force AND question = %(question)s
              AND answer = %(answer)s)
        """,
        {**key, "question": question, "answer": answer},
    ).fetchone()
    if same and same[0]:
        return False
    conn.execute(
        """
        UPDATE article SET in_force = false
        WHERE dealer_id IS NOT DISTINCT FROM %(dealer)s AND name = %(name)s
          AND language = %(language)s AND in_force
        """,
        key,
    )
    conn.execute(
        """
        INSERT INTO article (dealer_id, name, language, version, question, answer, in_force,
            terms, made_by, made_at)
        SELECT %(dealer)s, %(name)s, %(language)s, coalesce(max(version), 0) + 1, %(question)s,
            %(answer)s, true, %(terms)s, %(by)s, %(at)s
        FROM article WHERE dealer_id IS NOT DISTINCT FROM %(dealer)s AND name = %(name)s
          AND language = %(language)s
        """,
        {**key, "question": question, "answer": answer, "terms": terms, "by": by, "at": at},
    )
    return True


def take_out(conn: Connection, dealer_id: int, article_id: int) -> bool:
    """End an article of the dealer's own."""
    return (
        conn.execute(
            "UPDATE article SET in_force = false WHERE id = %s AND dealer_id = %s AND in_force",
            (article_id, dealer_id),
        ).rowcount
        == 1
    )


def search(
    conn: Connection, dealer_id: int, language: str, wanted: str, limit: int
) -> list[Article]:
    """Articles that answer, best first.

    Parameters
    ----------
    wanted : str
        As `websearch_to_tsquery` reads it.
    """
    with conn.cursor(row_factory=class_row(Article)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM article,
                websearch_to_tsquery(CASE %(language)s WHEN 'zh' THEN 'simple'::regconfig
                    ELSE 'english'::regconfig END, %(wanted)s) AS query
            WHERE language = %(language)s AND words @@ query AND {_MINE}
            ORDER BY ts_rank('{{0.02, 0.1, 0.2, 1.0}}', words, query, 1) DESC, name
            LIMIT %(limit)s
            """,
            {"dealer": dealer_id, "language": language, "wanted": wanted, "limit": limit},
        ).fetchall()


def in_force(conn: Connection, dealer_id: int) -> list[Article]:
    """All that a dealer answers with."""
    with conn.cursor(row_factory=class_row(Article)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM article WHERE {_MINE} ORDER BY name, language",
            {"dealer": dealer_id},
        ).fetchall()


def get(conn: Connection, dealer_id: int, article_id: int) -> Article | None:
    """One version, if it is the dealer's or everybody's."""
    with conn.cursor(row_factory=class_row(Article)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM article
            WHERE id = %s AND (dealer_id = %s OR dealer_id IS NULL)
            """,
            (article_id, dealer_id),
        ).fetchone()


def versions(conn: Connection, dealer_id: int, name: str, language: str) -> list[Article]:
    """All versions of one article, newest first, the shipped ones last."""
    with conn.cursor(row_factory=class_row(Article)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM article
            WHERE name = %s AND language = %s AND (dealer_id = %s OR dealer_id IS NULL)
            ORDER BY dealer_id NULLS LAST, version DESC
            """,
            (name, language, dealer_id),
        ).fetchall()


def set_used(conn: Connection, outreach_id: int, article_id: int, changed: bool) -> None:
    """Remember which article an answer began with."""
    conn.execute(
        "UPDATE outreach SET article_id = %s, article_changed = %s WHERE id = %s",
        (article_id, changed, outreach_id),
    )
