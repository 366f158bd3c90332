import msgspec
import pytest
from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.responses.ratelimit import QuotaSettings, RateLimit, RateState, read_rate_state
from conn_engine.responses.waits import ValueLocation, seconds_from_now
from conn_engine.settings import Answer
from conn_engine.wire import Headers, Request, Response

NOW = 1_760_000_000.0


def state(
    headers: dict[str, str], status: int = 200, settings: RateLimit | None = None, body: object = None
) -> RateState:
    answer = Answer(
        Request("GET", "https://api.example.com/x"), Response(status, Headers(headers)), body, scope=usual()
    )
    return read_rate_state(settings, answer, NOW)


def test_the_latest_ietf_form_is_read_without_settings() -> None:
    told = state(
        {
            "RateLimit": '"burst";r=0;t=7, "daily";r=900;t=4000',
            "RateLimit-Policy": '"burst";q=10;w=10, "daily";q=1000;w=86400',
        },
        429,
    )
    assert told.headers["ratelimit"] == '"burst";r=0;t=7, "daily";r=900;t=4000'
    assert told.headers["ratelimit-policy"] == '"burst";q=10;w=10, "daily";q=1000;w=86400'
    assert told.headers["ratelimit-reset"] == "7"
    assert told.retry_after == 7


def test_one_quota_and_one_policy_belong_together_under_any_names() -> None:
    told = state({"RateLimit": '"default";r=50;t=30', "RateLimit-Policy": '"per-minute";q=100;w=60'})
    assert told.headers["ratelimit-limit"] == "100"
    assert told.headers["ratelimit-policy"] == '"default";q=100;w=60'
    several = state({"RateLimit": '"default";r=50;t=30', "RateLimit-Policy": '"minute";q=100;w=60, "day";q=9;w=86400'})
    assert "ratelimit-limit" not in several.headers


def test_customary_headers_are_read_without_settings() -> None:
    told = state({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99", "X-RateLimit-Reset": str(int(NOW) + 30)})
    assert told == RateState(
        False,
        {
            "ratelimit-limit": "100",
            "ratelimit-remaining": "99",
            "ratelimit-reset": "30",
            "ratelimit-policy": '"default";q=100',
            "ratelimit": '"default";r=99;t=30',
        },
        None,
    )


def test_an_answer_without_any_header_says_nothing() -> None:
    assert state({}) == RateState()


def test_a_429_without_headers_waits_the_default() -> None:
    assert state({}, 429).retry_after == 60
    assert state({}, 429, RateLimit(default_wait_seconds=5)).headers["retry-after"] == "5"


def test_retry_after_without_a_limit_is_told_but_not_emitted() -> None:
    told = state({"Retry-After": "12"}, 503)
    assert (told.limited, told.retry_after, told.headers) == (False, 12.0, {})


@pytest.mark.parametrize(
    ("value", "unit", "seconds"),
    [
        ("30", "seconds", 30),
        ("1500", "milliseconds", 1.5),
        (str(int(NOW) + 9), "epoch", 9),
        (str((int(NOW) + 9) * 1000), "epoch_ms", 9),
        ("2025-10-09T08:53:30Z", "iso8601", 10),
        ("2025-10-09T10:53:30.250+02:00", "iso8601", 10.25),
        ("Thu, 09 Oct 2025 08:53:25 GMT", "http_date", 5),
        ("1h2m3s", "duration", 3723),
        ("3.5s", "duration", 3.5),
        ("6m0s", "duration", 360),
        ("120ms", "duration", 0.12),
        ("Thu Oct 09 2025 10:53:22 GMT+0200 (CEST)", "js_date", 2),
        ("Thu Oct 09 2025 10:53:22 GMT+0200 (CEST)", "auto", 2),
        (12.5, "seconds", 12.5),
        ("1760000100", "auto", 100),
        ("1760000100000", "auto", 100),
        ("100", "auto", 100),
        ("0", "auto", 0),
        ("2025-10-09T08:53:30Z", "auto", 10),
        ("1m30.5s", "auto", 90.5),
        ("1759999000", "epoch", 0),
        ("soon", "auto", None),
        ("-5", "seconds", None),
        ("", "auto", None),
        (None, "auto", None),
        (True, "auto", None),
        ("9" * 17, "seconds", None),
        ("2025-13-40T99:99Z", "iso8601", None),
        ("x" * 5000, "auto", None),
    ],
)
def test_moments(value: object, unit: str, seconds: float | None) -> None:
    found = seconds_from_now(value, unit, NOW)  # type: ignore[arg-type]
    assert found == (pytest.approx(seconds) if seconds is not None else None)


@given(
    st.text(max_size=300),
    st.sampled_from(["auto", "seconds", "epoch", "iso8601", "http_date", "js_date", "duration"]),
)
def test_no_header_value_breaks_the_reading(text: str, unit: str) -> None:
    found = seconds_from_now(text, unit, NOW)  # type: ignore[arg-type]
    assert found is None or found >= 0


@given(
    st.dictionaries(
        st.sampled_from(
            ["ratelimit", "ratelimit-policy", "ratelimit-limit", "x-ratelimit-reset", "retry-after", "date"]
        ),
        st.text(max_size=80),
    )
)
def test_no_standard_header_breaks_the_reading(headers: dict[str, str]) -> None:
    assert state(headers, 429).retry_after is not None


def test_a_quota_named_by_the_vendor_cannot_break_the_header() -> None:
    settings = RateLimit(name=ValueLocation(header="x-name"), limit=ValueLocation(header="x-limit"), remaining="x-left")
    told = state({"x-name": 'a"b\\c\u00e9', "x-limit": "5", "x-left": "2"}, 200, settings)
    assert told.headers["ratelimit"] == '"a\\"b\\\\c?";r=2'


def test_the_exhausted_window_binds() -> None:
    settings = RateLimit(
        windows=(
            QuotaSettings(name="a", limit=100, remaining="a-left", reset="a-reset"),
            QuotaSettings(name="b", limit=10, remaining="b-left", reset="b-reset"),
        )
    )
    told = state({"a-left": "1", "a-reset": "5", "b-left": "0", "b-reset": "50"}, 429, settings)
    assert (told.headers["ratelimit-limit"], told.retry_after) == ("10", 50.0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"limit": {"header": "x", "body": "y"}}, "exactly one of"),
        ({"limit": {"header": "x", "pattern": "("}}, "not a valid regular expression"),
        ({"limit": {"header": "x", "pattern": "a", "group": 1}}, "no group 1"),
        ({"limt": "x"}, "limt"),
        ({"reset_unit": "fortnights"}, "fortnights"),
    ],
)
def test_wrong_settings_are_refused(data: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(data, RateLimit)
