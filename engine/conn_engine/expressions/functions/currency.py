"""Amounts of money in the smallest unit of their currency, by the exponents of ISO 4217 (amendment 177)."""

from typing import Any

from conn_engine.expressions.functions.rows import Function, FunctionFault

__all__ = ["ROWS"]

_OTHER_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER "
    "ZAR ZMW ZWG ZWL"
)
_EXPONENTS = dict.fromkeys(_TWO.split(), 2) | {
    code: exponent for exponent, codes in _OTHER_EXPONENTS.items() for code in codes.split()
}


def _exponent(code: str | None) -> int:
    exponent = _EXPONENTS.get((code or "").strip().upper())
    if exponent is None:
        raise FunctionFault(f'"{code}" is not an ISO 4217 currency code with a smallest unit')
    return exponent


def _amount(value: Any) -> Any:
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise FunctionFault(f"{str(value)[:40]!r} is not an amount of money") from None
    if not amount.is_finite() or abs(amount.adjusted()) > 30:
        raise FunctionFault(f"{str(value)[:40]!r} is not an amount of money")
    return amount


def _to_subunit(value: Any, code: str | None) -> int | None:
    if value is None:
        return None
    from decimal import ROUND_HALF_UP

    return int(_amount(value).scaleb(_exponent(code)).to_integral_value(ROUND_HALF_UP))


def _from_subunit(value: Any, code: str | None) -> str | None:
    if value is None:
        return None
    exponent = _exponent(code)
    return f"{_amount(value).scaleb(-exponent):.{exponent}f}"


ROWS: tuple[Function, ...] = (
    Function(
        "convertCurrencyToSubunit",
        _to_subunit,
        "<(ns)s:n>",
        "Convert an amount to the currency's smallest unit (ISO 4217), rounding half up.",
        "$convertCurrencyToSubunit(1.234, 'BHD')",
        1234,
    ),
    Function(
        "convertCurrencyFromSubunit",
        _from_subunit,
        "<(ns)s:s>",
        "Convert an amount in the smallest unit to text in the main unit, with the currency's decimals.",
        "$convertCurrencyFromSubunit(550, 'USD')",
        "5.50",
    ),
)
