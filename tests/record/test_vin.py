"""VINs: real ones are understood, mistyped ones explained, made ones valid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.vin import VinError, check_digit, make_vin, parse

ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


@pytest.mark.parametrize(
    ("vin", "maker", "country", "years", "ok"),
    [
        ("1M8GDM9AXKP042788", "", "United States", (1989,), True),
        ("1HGCM82633A004352", "Honda", "United States", (2003,), True),
        ("1GNEK13ZX3R298984", "General Motors", "United States", (2003,), True),
        ("1J4FA29P4YP728937", "Jeep", "United States", (2000,), True),
        ("5YJSA1E26HF000337", "Tesla", "United States", (2017,), False),
        ("WVWZZZ1JZXW000001", "Volkswagen", "Germany", (1999, 2029), None),
        ("VF1RFA00000000001", "Renault", "France", (), None),
        ("JHMCM56557C404453", "Honda", "Japan", (2007, 2037), None),
        ("TMBJJ7NE8J0000001", "Škoda", "Czech Republic", (1988, 2018), None),
    ],
)
def test_real_shapes(
    vin: str, maker: str, country: str, years: tuple[int, ...], ok: bool | None
) -> None:
    car = parse(vin)
    assert (car.manufacturer, car.country, car.model_years) == (maker, country, years)
    assert car.check_digit_ok is ok
    assert car.wmi + car.vds + car.vis == vin


def test_the_check_digit_is_required_in_china() -> None:
    made = make_vin("LSV", "AA49J", 2003, 1)
    assert parse(made).check_digit_ok is True
    wrong = "0" if made[8] != "0" else "1"
    assert parse(made[:8] + wrong + made[9:]).check_digit_ok is False


def test_small_makers_have_three_digit_serials() -> None:
    assert parse("SA9AA111111123456").serial == "456"
    assert parse("SALAA111111123456").serial == "123456"


def test_regions() -> None:
    firsts = {vin[0]: parse(vin).region for vin in (c + "F" + "1" * 15 for c in ALPHABET)}
    assert firsts["A"] == "Africa" and firsts["J"] == "Asia" and firsts["W"] == "Europe"
    assert firsts["1"] == firsts["7"] == "North America"
    assert firsts["6"] == "Oceania" and firsts["9"] == "South America"
    assert parse("7A" + "1" * 15).region == "Oceania"


@pytest.mark.parametrize(
    "typed", ["1hgcm82633a004352", " 1HG CM826-33A004352\n", "1HG.CM8.26\u00a033A004352"]
)
def test_typing_is_forgiven(typed: str) -> None:
    assert parse(typed).vin == "1HGCM82633A004352"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "has 17 characters, this has 0"),
        ("1HGCM82633A00435", "this has 16"),
        ("1HGCM82633A0043522", "this has 18"),
        ("1HGCM82633AO04352", "never has the letter O .* use 0"),
        ("1HGCM82633AI04352", "never has the letter I .* use 1"),
        ("1HGCM82633Aq04352", "never has the letter Q"),
        ("1HGCM82633A/04352", "only letters and digits, not '/'"),
        ("1HGCM82633A００4352", "only letters and digits"),
        ("1HGCM82633\u017f004352", "only letters and digits"),
        ("1HGCM82633A00435\x00", "only letters and digits"),
        ("1" * 1_000_000, "this has 1000000"),
    ],
)
def test_mistakes_are_explained(typed: str, words: str) -> None:
    with pytest.raises(VinError, match=words) as caught:
        parse(typed)
    assert len(str(caught.value)) < 200


@given(st.text(ALPHABET, min_size=17, max_size=17))
def test_every_well_formed_vin_is_taken_and_never_refused_for_its_check_digit(vin: str) -> None:
    car = parse(vin)
    assert car.vin == vin
    assert (car.check_digit_ok is None) == (car.region != "North America" and vin[0] != "L")
    assert check_digit(vin) in "0123456789X"


@given(st.text(max_size=30))
def test_any_text_is_a_vin_or_an_error_in_words(text: str) -> None:
    try:
        assert len(parse(text).vin) == 17
    except VinError as error:
        assert str(error)


@given(
    wmi=st.sampled_from(["1HG", "5YJ", "7SA", "WVW", "LSV", "JTD", "VF1", "ZFA"]),
    year=st.integers(1980, 2039),
    serial=st.integers(0, 999_999),
)
def test_made_vins_are_valid_and_tell_their_year(wmi: str, year: int, serial: int) -> None:
    car = parse(make_vin(wmi, "CY2F5" if year >= 2010 else "CY215", year, serial))
    assert check_digit(car.vin) == car.vin[8]
    assert car.check_digit_ok is not False
    assert year in car.model_years
    assert int(car.serial) == serial
    # one mistyped digit of the serial number is noticed
    wrong = car.vin[:16] + str((int(car.vin[16]) + 1) % 10)
    assert check_digit(wrong) != wrong[8]


@pytest.mark.parametrize(
    ("wmi", "vds", "year", "serial"),
    [
        ("1HG", "CY215", 2019, 1),
        ("1HG", "CY2F5", 2003, 1),
        ("WVW", "ZZZAU", 1979, 1),
        ("WVW", "ZZZAU", 2040, 1),
        ("WVW", "ZZZAU", 2020, 1_000_000),
        ("WVW", "ZZZAU", 2020, -1),
        ("WV", "ZZZAUX", 2020, 1),
        ("WVO", "ZZZAU", 2020, 1),
    ],
)
def test_impossible_parts_are_refused(wmi: str, vds: str, year: int, serial: int) -> None:
    with pytest.raises(VinError):
        make_vin(wmi, vds, year, serial)
