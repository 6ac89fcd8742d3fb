"""Vehicle identification numbers: ISO 3779, 49 CFR 565 and GB 16735.

Seventeen characters: WMI (maker, 3), VDS (description, 6), VIS (year, plant and serial, 8). Only
North America and China require the check digit in place 9; elsewhere the place is the maker's own,
and even required ones are now and then wrong on real cars. So it warns and never refuses.

>>> car = parse("1hg cm82633-a004352")
>>> car.vin, car.manufacturer, car.country, car.model_years, car.check_digit_ok
('1HGCM82633A004352', 'Honda', 'United States', (2003,), True)
>>> parse("WVWZZZ1JZXW000001").check_digit_ok is None
True
"""

from dataclasses import dataclass

LENGTH = 17

_ORDER = "ABCDEFGHJKLMNPRSTUVWXYZ1234567890"
"""Characters a VIN may use, in the order in which ISO 3780 hands them out."""

_SEPARATORS = str.maketrans("", "", " -.\t\r\n\u00a0\u2010\u2011\u2012\u2013")

_YEAR_CODES = "ABCDEFGHJKLMNPRSTVWXY123456789"
"""Place 10: A is 1980 and again 2010; I, O, Q, U, Z and 0 are not used."""

# 49 CFR 565.15: A to H count 1 to 8, J to R 1 to 9, S to Z 2 to 9; each place has its weight.
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True)) | {
    digit: int(digit) for digit in "0123456789"
}
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)

# ISO 3780 by the first two characters, for the countries that build most cars.
_COUNTRIES = tuple(
    (span[:2], span[-2:], country)
    for span, country in (
        ("AA-AH", "South Africa"),
        ("J", "Japan"),
        ("KL-KR", "South Korea"),
        ("L", "China"),
        ("MA-ME", "India"),
        ("MF-MK", "Indonesia"),
        ("ML-MR", "Thailand"),
        ("NL-NR", "Turkey"),
        ("PL-PR", "Malaysia"),
        ("RF-RK", "Taiwan"),
        ("RL-RR", "Vietnam"),
        ("SA-SM", "United Kingdom"),
        ("SN-ST", "Germany"),
        ("SU-SZ", "Poland"),
        ("TJ-TP", "Czech Republic"),
        ("TR-TV", "Hungary"),
        ("TW-T1", "Portugal"),
        ("UU-UZ", "Romania"),
        ("U5-U7", "Slovakia"),
        ("VA-VE", "Austria"),
        ("VF-VR", "France"),
        ("VS-VW", "Spain"),
        ("W", "Germany"),
        ("XL-XR", "Netherlands"),
        ("XS-XW", "Russia"),
        ("X3-X0", "Russia"),
        ("YA-YE", "Belgium"),
        ("YF-YK", "Finland"),
        ("YS-YW", "Sweden"),
        ("ZA-ZU", "Italy"),
        ("1", "United States"),
        ("2", "Canada"),
        ("3A-3X", "Mexico"),
        ("4", "United States"),
        ("5", "United States"),
        ("6", "Australia"),
        ("7A-7E", "New Zealand"),
        ("7F-70", "United States"),
        ("8A-8E", "Argentina"),
        ("9A-9E", "Brazil"),
        ("93-99", "Brazil"),
    )
)

# World manufacturer identifiers of common cars, our own list; two characters stand for all three.
_MAKERS = {
    "1C": "Chrysler", "1F": "Ford", "1G": "General Motors", "1GC": "Chevrolet", "1G1": "Chevrolet",
    "1G6": "Cadillac", "1HG": "Honda", "1J": "Jeep", "1N": "Nissan", "1VW": "Volkswagen",
    "19U": "Acura", "19X": "Honda", "2C": "Chrysler", "2F": "Ford", "2G": "General Motors",
    "2HG": "Honda", "2HK": "Honda", "2T": "Toyota", "3C": "Chrysler", "3F": "Ford",
    "3G": "General Motors", "3HG": "Honda", "3MZ": "Mazda", "3N": "Nissan", "3VW": "Volkswagen",
    "4JG": "Mercedes-Benz", "4S": "Subaru", "4T": "Toyota", "4US": "BMW", "5F": "Honda",
    "5J": "Honda", "5L": "Lincoln", "5NP": "Hyundai", "5NM": "Hyundai", "5T": "Toyota",
    "5UX": "BMW", "5XY": "Kia", "5XX": "Kia", "5YJ": "Tesla", "7FC": "Rivian", "7SA": "Tesla",
    "55S": "Mercedes-Benz", "JA": "Mitsubishi", "JF": "Subaru", "JH": "Honda", "JM": "Mazda",
    "JN": "Nissan", "JS": "Suzuki", "JT": "Toyota", "JTH": "Lexus", "KL": "GM Korea",
    "KM": "Hyundai", "KN": "Kia", "LBV": "BMW Brilliance", "LFV": "FAW-Volkswagen",
    "LGX": "BYD", "LHG": "GAC Honda", "LRW": "Tesla", "LSG": "SAIC-GM", "LSJ": "SAIC MG",
    "LSV": "SAIC Volkswagen", "LVS": "Changan Ford", "LFM": "FAW Toyota", "LC0": "BYD",
    "LPS": "Polestar", "LYV": "Volvo", "L6T": "Geely", "MAL": "Hyundai", "MA3": "Suzuki",
    "MBJ": "Toyota", "MR0": "Toyota", "NMT": "Toyota", "NM0": "Ford", "SAJ": "Jaguar",
    "SAL": "Land Rover", "SB1": "Toyota", "SCC": "Lotus", "SHH": "Honda", "SJN": "Nissan",
    "TM": "Hyundai", "TMB": "Škoda", "TRU": "Audi", "TSM": "Suzuki", "U5Y": "Kia", "UU1": "Dacia",
    "VF1": "Renault", "VF3": "Peugeot", "VF7": "Citroën", "VNK": "Toyota", "VR": "Stellantis",
    "VSS": "SEAT", "WAU": "Audi", "WA1": "Audi", "WBA": "BMW", "WBS": "BMW M", "WBY": "BMW",
    "WDB": "Mercedes-Benz", "WDD": "Mercedes-Benz", "W1K": "Mercedes-Benz", "W1N": "Mercedes-Benz",
    "WF0": "Ford", "WME": "smart", "WMW": "MINI", "WP0": "Porsche", "WP1": "Porsche",
    "WV1": "Volkswagen", "WV2": "Volkswagen", "WVG": "Volkswagen", "WVW": "Volkswagen",
    "W0L": "Opel", "W0V": "Opel", "XTA": "Lada", "XP7": "Tesla", "YS3": "Saab", "YSM": "Polestar",
    "YV1": "Volvo", "YV4": "Volvo", "ZAR": "Alfa Romeo", "ZFA": "Fiat", "ZFF": "Ferrari",
    "6T1": "Toyota", "93H": "Honda", "9BW": "Volkswagen", "9BG": "Chevrolet", "9BR": "Toyota",
}  # fmt: skip


class VinError(ValueError):
    """The text is not a VIN; the message tells a person what to correct."""


@dataclass(frozen=True, slots=True)
class Vin:
    """A VIN taken apart.

    Attributes
    ----------
    vin : str
        All 17 characters, upper case.
    wmi, vds, vis : str
        Maker (3), description (6, with the check digit) and indicator (8).
    region : str
        Continent that the first character stands for.
    country : str
        Country of the maker's registration; empty if not in our table.
    manufacturer : str
        Empty if not in our table.
    model_years : tuple of int
        What place 10 can mean: one year in North America, where place 7 tells the cycles apart,
        two elsewhere (where makers need not use it), none if the character is no year.
    check_digit_ok : bool or None
        None where the market does not require one.
    serial : str
        Last six characters, or three for makers of under 1,000 cars a year.
    """

    vin: str
    wmi: str
    vds: str
    vis: str
    region: str
    country: str
    manufacturer: str
    model_years: tuple[int, ...]
    check_digit_ok: bool | None
    serial: str


def parse(text: str) -> Vin:
    """Take a VIN apart, as typed by a person: case, spaces, dashes and dots don't matter.

    Raises
    ------
    VinError
        If it has not 17 characters, or one that a VIN can't have.

    Examples
    --------
    >>> parse("1HGCM82633A00435")
    Traceback (most recent call last):
    record.vin.VinError: a VIN has 17 characters, this has 16: 1HGCM82633A00435
    >>> parse("1HGCM82633AO04352")
    Traceback (most recent call last):
    record.vin.VinError: a VIN never has the letter O (character 12): use 0
    """
    vin = normalise(text)
    market_checks = _is_north_american(vin) or vin[0] == "L"
    return Vin(
        vin=vin,
        wmi=vin[:3],
        vds=vin[3:9],
        vis=vin[9:],
        region=_region(vin),
        country=_country(vin),
        manufacturer=_MAKERS.get(vin[:3], _MAKERS.get(vin[:2], "")),
        model_years=_model_years(vin),
        check_digit_ok=vin[8] == check_digit(vin) if market_checks else None,
        serial=vin[14:] if vin[2] == "9" else vin[11:],
    )


def normalise(text: str) -> str:
    """The 17 characters that `text` means, upper case.

    Raises
    ------
    VinError
        As `parse`.
    """
    if len(text) > 100:
        raise VinError(f"a VIN has {LENGTH} characters, this has {len(text)}")
    bare = text.translate(_SEPARATORS)
    # Before upper(), which turns some foreign letters into plain ones.
    vin = "".join(c.upper() if c.isascii() else c for c in bare)
    for place, character in enumerate(vin, start=1):
        if character in "IOQ":
            instead = "1" if character == "I" else "0"
            raise VinError(
                f"a VIN never has the letter {character} (character {place}): use {instead}"
            )
        if character not in _ORDER:
            raise VinError(f"a VIN has only letters and digits, not {character!r} ({place})")
    if len(vin) != LENGTH:
        raise VinError(f"a VIN has {LENGTH} characters, this has {len(vin)}: {vin}")
    return vin


def check_digit(vin: str) -> str:
    """The character that place 9 of `vin` should hold: weighted sum modulo 11, X for ten.

    What stands in place 9 itself does not matter.

    >>> check_digit("1M8GDM9AXKP042788"), check_digit("11111111111111111")
    ('X', '1')
    """
    total = sum(_VALUES[c] * weight for c, weight in zip(vin, _WEIGHTS, strict=True))
    return "0123456789X"[total % 11]


def make_vin(wmi: str, vds: str, year: int, serial: int, plant: str = "A") -> str:
    """A valid VIN with its check digit, for simulated cars.

    Parameters
    ----------
    wmi : str
        Three characters.
    vds : str
        Places 4 to 8, five characters. In North America the fourth of them (place 7) is a letter
        for model years from 2010 and a digit before.
    year : int
        Model year, 1980 to 2039.
    serial : int
        0 to 999,999.
    plant : str
        Place 11.

    Raises
    ------
    VinError
        If a part does not fit.

    Examples
    --------
    >>> make_vin("WVW", "ZZZAU", 2021, 42)
    'WVWZZZAUXMA000042'
    >>> parse(make_vin("1HG", "CY2F5", 2019, 7)).check_digit_ok
    True
    """
    if not 1980 <= year < 2040:
        raise VinError(f"a VIN tells model years from 1980 to 2039, not {year}")
    if not 0 <= serial <= 999_999:
        raise VinError(f"a VIN has six digits for the serial number, not {serial}")
    if (len(wmi), len(vds), len(plant)) != (3, 5, 1):
        raise VinError("wmi has 3 characters, vds 5 and plant 1")
    year_code = _YEAR_CODES[(year - 1980) % 30]
    vin = normalise(f"{wmi}{vds}0{year_code}{plant}{serial:06}")
    if _is_north_american(vin) and vin[6].isalpha() != (year >= 2010):
        kind = "a letter" if year >= 2010 else "a digit"
        raise VinError(f"in North America place 7 is {kind} for model year {year}, not {vin[6]}")
    return vin[:8] + check_digit(vin) + vin[9:]


def _model_years(vin: str) -> tuple[int, ...]:
    cycle = _YEAR_CODES.find(vin[9])
    if cycle < 0:
        return ()
    if _is_north_american(vin):  # 49 CFR 565.15 (b): place 7, for cars and light trucks
        return (2010 + cycle,) if vin[6].isalpha() else (1980 + cycle,)
    return (1980 + cycle, 2010 + cycle)


def _is_north_american(vin: str) -> bool:
    return vin[0] in "12345" or (vin[0] == "7" and vin[1] not in "ABCDE")


def _region(vin: str) -> str:
    if _is_north_american(vin):
        return "North America"
    for first, region in (("ABCDEFGH", "Africa"), ("JKLMNPR", "Asia"), ("67", "Oceania")):
        if vin[0] in first:
            return region
    return "South America" if vin[0] in "890" else "Europe"


def _country(vin: str) -> str:
    place = [_ORDER.index(c) for c in vin[:2]]
    for first, last, country in _COUNTRIES:
        if vin.startswith(first) or (
            len(first) == 2
            and first[0] == vin[0]
            and _ORDER.index(first[1]) <= place[1] <= _ORDER.index(last[1])
        ):
            return country
    return ""
