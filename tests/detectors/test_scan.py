"""The generic detector and its command: strange rows are told, odd files are answered for."""

import csv
import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors import generic, scan
from detectors.generic import LEARN, MEMORY, WINDOW, Memory, Scan, Signal

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
ALARM = 0.5


def scores(rows: Iterable[Sequence[float]]) -> list[float]:
    rows = list(rows)
    judge = Scan(len(rows[0]))
    return [judge.update(row) for row in rows]


def daily(count: int) -> list[float]:
    """A noisy daily rhythm, a reading each five minutes."""
    dice = random.Random(1)
    return [50 + 20 * math.sin(math.tau * n / 288) + dice.gauss(0, 1) for n in range(count)]


def machine(count: int, slips: range = range(0)) -> list[list[float]]:
    """Speed, current that follows it, and an oil that gets warm; the belt slips now and then."""
    dice = random.Random(2)
    rows = []
    for n in range(count):
        load = math.sin(n / 37) + dice.gauss(0, 0.3)
        current = 0.2 * load if n in slips else load
        rows.append([1500 + 50 * load, 3 + current + dice.gauss(0, 0.05), 20 + n / 100])
    return rows


# -- the detector ------------------------------------------------------------------------------


@pytest.mark.parametrize("strange", [130.0, -40.0])
def test_a_spike_is_told_once_and_at_once(strange: float) -> None:
    values = daily(2000)
    values[1500] = values[1501] = strange
    told = scores([value] for value in values)
    assert np.argmax(told) == 1500 and told[1501] == 0
    assert told[1500] > ALARM + 0.2 > max(told[:1500] + told[1502:])


def test_a_new_level_is_told_though_each_of_its_values_was_seen() -> None:
    """A sensor that swings, then sticks at a value that it often had."""
    dice = random.Random(3)
    values = [round(50 + 20 * math.sin(n / 5) + dice.gauss(0, 1), 1) for n in range(1500)]
    values += [65.0] * 300
    told = scores([value] for value in values)
    assert max(told[300:1500]) < ALARM < max(told[1500:1650])


def test_a_flag_that_rises_for_the_first_time_is_told_and_never_again() -> None:
    told = scores([float(n in (800, 1200))] for n in range(1500))
    assert [n for n, score in enumerate(told) if score > ALARM] == [800]


def test_signals_that_part_are_told_as_long_as_they_are_apart() -> None:
    """Each value alone was seen often."""
    slips = range(1500, 1800)
    told = scores(machine(2600, slips))
    assert max(told[: slips.start]) < ALARM
    assert np.mean([score > ALARM for score in told[1550:1800]]) > 0.8
    assert np.mean([score > ALARM for score in told[2000:]]) < 0.1


def test_the_first_rows_only_teach() -> None:
    dice = random.Random(4)
    assert not any(scores([dice.gauss(0, 1000)] for _ in range(WINDOW)))


@pytest.mark.parametrize("factor", [0.001, 1000.0])
def test_the_unit_of_a_signal_does_not_decide(factor: float) -> None:
    values = daily(1000)
    values[700] = 200.0
    assert (
        np.argmax(scores([value * factor] for value in values))
        == np.argmax(scores([value] for value in values))
        == 700
    )


def test_a_score_depends_on_the_past_only() -> None:
    rows = machine(900, range(600, 700))
    assert scores(rows)[:650] == scores(rows[:650])


def test_a_gap_is_neither_strange_nor_learned() -> None:
    rows = machine(1500)
    gaps = [row if n % 5 else [row[0], math.nan, math.inf] for n, row in enumerate(rows)]
    assert max(scores(gaps)) < ALARM
    assert Signal().update(math.nan) == 0.0


@given(st.lists(st.lists(st.floats(), min_size=2, max_size=2), max_size=60))
@example([[1e308, -1e308], [-1e308, 5e-324]] * 30)
@example([[0.0, 0.0]] * 30)
def test_any_numbers_give_scores_from_0_to_1(rows: list[list[float]]) -> None:
    judge = Scan(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generic, "WINDOW", 5)
        patch.setattr(generic, "LEARN", 25)  # the half-life is 20
        patch.setattr(generic, "MEMORY", 8)
        assert all(0 <= judge.update(row) <= 1 for row in rows)


def test_what_a_signal_remembers_is_bounded_and_rare_values_stay() -> None:
    memory = Memory()
    dice = random.Random(5)
    memory.nearest(1000.0)
    for _ in range(20 * MEMORY):
        memory.nearest(dice.gauss(0, 1))
    assert len(memory._values) <= MEMORY
    assert memory.nearest(999.0) == 1000.0
    assert max(abs(memory.nearest(x / 10) - x / 10) for x in range(-20, 21)) < 0.02


def test_a_signal_that_stood_still_while_we_learned_does_not_shout_for_ever() -> None:
    rows = [[*row, 0.0 if n < 2 * LEARN else 7.0] for n, row in enumerate(machine(3 * LEARN))]
    assert np.mean([score > ALARM for score in scores(rows)[2 * LEARN :]]) < 0.1


# -- the command -------------------------------------------------------------------------------

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and return where."""

    def _write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return _write


def table(values: Iterable[object], heading: str = "timestamp,value", separator: str = ",") -> str:
    rows = [f"{BEGAN + timedelta(minutes=n)}{separator}{value}" for n, value in enumerate(values)]
    return "\n".join([heading, *rows]) + "\n"


def read(text: str) -> list[tuple[str, float]]:
    heading, *rows = csv.reader(text.splitlines())
    assert heading == ["timestamp", "anomaly_score"]
    return [(at, float(score)) for at, score in rows]


def test_a_line_for_each_row_in_order(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    values = daily(600)
    values[400] = 200.0
    assert scan.main([str(write("one.csv", table(values)))]) == 0
    out, told = capsys.readouterr()
    rows = read(out)
    assert [at for at, _ in rows] == [str(BEGAN + timedelta(minutes=n)) for n in range(600)]
    assert [score for _, score in rows] == pytest.approx(scores([v] for v in values), abs=1e-6)
    assert max(rows, key=lambda row: row[1])[0] == str(BEGAN + timedelta(minutes=400))
    assert told.endswith("one.csv: 600 rows\n")


def test_files_go_into_a_directory_under_their_names(write: Write, tmp_path: Path) -> None:
    files = [write(name, table(daily(20))) for name in ("a.csv", "b.csv")]
    out = tmp_path / "deep" / "scores"
    assert scan.main([*map(str, files), "--out-dir", str(out)]) == 0
    assert {path.name: len(read(path.read_text())) for path in out.iterdir()} == {
        "a.csv": 20,
        "b.csv": 20,
    }


def test_one_bad_file_does_not_stop_the_others(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = write("bad.csv", "time,value\nnever,1\n"), write("good.csv", table(daily(9)))
    out = tmp_path / "out"
    words = [str(tmp_path / "missing.csv"), str(tmp_path), str(bad), str(good)]
    assert scan.main([*words, "--out-dir", str(out)]) == 1
    assert [path.name for path in out.iterdir()] == ["good.csv"]
    told = capsys.readouterr().err
    assert "missing.csv: No such file" in told and "Is a directory" in told
    assert "bad.csv: line 2: 'never' is no time" in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("time,value\n", "no rows"),
        ("time\n2026-01-01\n", "one value at least"),
        ("time,anomaly\n2026-01-01,1\n", "one value at least"),
        ("time,value\n2026-01-01,\n2026-01-02,nan\n", "no numbers"),
        ("time,value\n2026-01-01,Clouds\n", "no numbers"),
        ("time,value\n2026-01-01,1e999\n", "no numbers"),
        ("time,value\n,5\n", "line 2: '' is no time"),
        ("time,value\nnan,5\n", "line 2: 'nan' is no time"),
        ("time;a;b\n2026-01-01;1;2\n2026-01-02,1,2\n", "line 3: 1 cells where 3"),
        ("time,a,b\n2026-01-01,1,2\n\n2026-01-02,1\n", "line 4: 2 cells where 3"),
        ("time,a\n2026-01-01,1,9\n", "line 2: 3 cells where 2"),
        ("time,a\n2026-01-01," + "9" * 200_000 + "\n", "line 2: field larger"),
        ('time,a\n2026-01-01,"1\n2026-01-02,2\n', "line 3: unexpected end"),
        ("\x7fELF\0\0,1\n", "binary"),
        ("PK\x03\x04,rubbish\nmore,rubbish\n", "line 2: 'more' is no time"),
    ],
)
def test_what_can_not_be_judged_is_refused(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    out = tmp_path / "out"
    assert scan.main([str(write("odd.csv", text)), "--out-dir", str(out)]) == 1
    assert why in capsys.readouterr().err
    assert not list(out.iterdir())


def test_bytes_that_are_no_text_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.csv").write_bytes(random.Random(6).randbytes(5000).replace(b"\0", b"\x80"))
    assert scan.main([str(tmp_path / "odd.csv")]) == 1
    assert "odd.csv: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("\ufefftime,value\r\n2026-01-01,1\r\n2026-01-02,2\r\n", ["2026-01-01", "2026-01-02"]),
        ("time;a;b\n2026-01-01;1,5;2\n2026-01-02;1,6;2\n", ["2026-01-01", "2026-01-02"]),
        ("run (),rpm (),\n0.5,800,\n1.5,810,\n", ["0.5", "1.5"]),
        ("19:17:19.418,33,\n19:17:20.418,,\n", ["19:17:19.418", "19:17:20.418"]),
        ('time\tvalue\n"03/29/2021 11:13"\t1\n', ["03/29/2021 11:13"]),
        ('time,value\n"2026-01-01 10:00",1e400\n2026-01-01,-7e300\n\n2026-01-01T11:00Z,x\n',
         ["2026-01-01 10:00", "2026-01-01", "2026-01-01T11:00Z"]),
    ],
)  # fmt: skip
def test_files_may_look_like_this(
    write: Write, capsys: pytest.CaptureFixture[str], text: str, times: list[str]
) -> None:
    assert scan.main([str(write("odd.csv", text))]) == 0
    assert [at for at, _ in read(capsys.readouterr().out)] == times


def test_oddities_that_do_not_stop_us_are_told(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "2026-01-02,1,0\n2026-01-02,x,0\n2026-01-01,,1\n"
    assert scan.main([str(write("odd.csv", "time,value,anomaly\n" + rows))]) == 0
    assert capsys.readouterr().err.partition("odd.csv: ")[2] == (
        f"3 rows; too few to judge, the first {WINDOW} only teach; in 2 the time does not advance; "
        "1 cells are no number; columns left out: anomaly\n"
    )


def test_answers_in_a_file_change_no_score(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    values = daily(400)
    assert scan.main([str(write("a.csv", table(values)))]) == 0
    plain = capsys.readouterr().out
    told = [f"{value},{int(n > 300)}" for n, value in enumerate(values)]
    assert scan.main([str(write("b.csv", table(told, "timestamp,value,anomaly")))]) == 0
    assert capsys.readouterr().out == plain


def test_nothing_is_overwritten(write: Write, tmp_path: Path) -> None:
    text = table(daily(5))
    one = write("one.csv", text)
    (tmp_path / "two").mkdir()
    two = write("two/one.csv", text)
    assert scan.main([str(one), str(two), "--out-dir", str(tmp_path / "out")]) == 2
    assert scan.main([str(one), "--out-dir", str(tmp_path)]) == 2
    assert one.read_text() == text and not (tmp_path / "out").exists()


def test_a_long_file_tells_how_far_it_is(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 1000, 6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(ticks)))
    assert scan.main([str(write("long.csv", table(daily(4000))))]) == 0
    err = capsys.readouterr().err
    assert "long.csv: 2,000 rows\n" in err and err.endswith("long.csv: 4,000 rows\n")


def test_it_runs_as_a_command_and_stands_a_reader_who_leaves(write: Write) -> None:
    path = write("one.csv", table(daily(20_000)))
    command = [sys.executable, "-m", "detectors", "scan", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "timestamp,anomaly_score\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert subprocess.run(command[:-1], capture_output=True).returncode == 2
