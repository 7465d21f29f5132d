"""Who is let in, and who is not: token, Host, Origin, and what a page may load."""

import pytest
from starlette.websockets import WebSocketDisconnect

from kuleshov.studio.security import Door, inline_hashes, names_of, new_token
from studios import BEARER, DOOR, HOST, TOKEN, client_of, session_at

HERE = f"http://{HOST}"
SOCKET = f"ws://{HOST}/socket"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    with session_at(folder / "home", folder / "archive") as session:
        yield session


@pytest.fixture
def stranger(session):
    with client_of(session, entered=False) as client:
        yield client


@pytest.fixture
def friend(session):
    with client_of(session) as client:
        yield client


def test_the_first_address_lets_one_in(stranger):
    first = stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"].lower()
    assert cookie.startswith(f"kuleshov-8000={TOKEN.lower()};")
    for part in ("httponly", "samesite=strict", "path=/"):
        assert part in cookie
    assert "expires" not in cookie
    assert "max-age" not in cookie
    assert stranger.get("/api/start").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/state",
        "/api/start",
        "/page/app.js",
        "/media/made/0",
        "/nothing",
        "//",
        "/api/../",
    ],
)
def test_without_a_token_nothing_is_told(stranger, path):
    assert stranger.get(path).status_code == 401
    assert stranger.get(path, headers={"Cookie": "kuleshov-8000=wrong"}).status_code == 401
    assert stranger.get(path, headers={"Cookie": f"kuleshov-8001={TOKEN}"}).status_code == 401
    assert stranger.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert stranger.get(path, headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ü", "\udcff", "a" * 9000])
def test_a_wrong_token_does_not_open(stranger, token):
    answer = stranger.get("/", params={"token": token.encode("utf-8", "surrogateescape")})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "cookie", ["", ";;;", "=", "kuleshov-8000", "a=\x7f\xff", "[]=1; {}", "é=1"]
)
def test_a_cookie_that_is_none_is_no_crash(stranger, cookie):
    headers = {"Cookie": cookie.encode("latin-1")}
    assert stranger.get("/api/start", headers=headers).status_code == 401


def test_a_cookie_among_others_is_found(stranger):
    headers = {"Cookie": f"other=1; kuleshov-8000={TOKEN}; third=x"}
    assert stranger.get("/api/start", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "127.0.0.1@evil.example",
        "evil.example/127.0.0.1",
        "127.0.0.2",
        "127.0.0.1:80:80",
        "127.0.0.1:",
        "127.0.0.1 evil.example",
        "192.168.0.7",
        "",
        "[::1",
        "0.0.0.0",
    ],
)
def test_dns_rebinding_is_told_by_the_host(friend, host):
    answer = friend.get("/api/start", headers={"Host": host})
    assert answer.status_code == 421, answer.text


@pytest.mark.parametrize("host", [HOST, "localhost:8000", "LOCALHOST:9", "[::1]:8000", "127.0.0.1"])
def test_the_machines_own_names_are_answered(friend, host):
    assert friend.get("/api/start", headers={"Host": host}).status_code == 200


def test_two_hosts_are_none(friend):
    headers = [("Host", HOST), ("Host", "evil.example"), *BEARER.items()]
    assert friend.get("/api/start", headers=headers).status_code == 421


def test_elsewhere_numbers_are_answered_and_strange_names_are_not():
    door = Door("t", "c", names_of("0.0.0.0"), anywhere=True)
    assert door.knows("192.168.0.7:8000")
    assert door.knows("[fe80::1]:8000")
    assert not door.knows("evil.example:8000")
    named = Door("t", "c", names_of("studio.lan"))
    assert named.knows("studio.lan:80")
    assert not named.knows("192.168.0.7:8000")


def _by_cookie(**more):
    return {"Cookie": f"kuleshov-8000={TOKEN}", **more}


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://127.0.0.1:8000",
        "http://127.0.0.1:3000",
        "http://localhost:8000",
        "http://127.0.0.1:8000.evil.example",
        "null",
        "",
        "file://",
    ],
)
def test_pages_of_other_origins_change_nothing(stranger, origin):
    headers = _by_cookie(Origin=origin)
    assert stranger.post("/api/stop", json={"job": "j1"}, headers=headers).status_code == 403
    assert stranger.get("/api/start", headers=headers).status_code == 403


def test_a_change_says_whence_it_comes(stranger):
    """A form of another page in an old browser bears the cookie, and no Origin."""
    assert stranger.post("/api/stop", json={"job": "j1"}, headers=_by_cookie()).status_code == 403
    own = _by_cookie(Origin=HERE)
    assert stranger.post("/api/stop", json={"job": "j1"}, headers=own).status_code == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_page_embeds_is_not_given(stranger, site):
    """A page on another port of this machine is `same-site`, and its requests bear the cookie."""
    headers = _by_cookie(**{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})
    assert stranger.get("/media/made/0", headers=headers).status_code == 403
    assert stranger.get("/", headers=headers).status_code == 403
    for own in ("same-origin", "none"):
        headers["Sec-Fetch-Site"] = own
        assert stranger.get("/api/start", headers=headers).status_code == 200


def test_the_first_address_may_be_followed_from_elsewhere(stranger):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = stranger.get(f"/?token={TOKEN}", headers=headers, follow_redirects=False)
    assert answer.status_code == 303
    headers["Sec-Fetch-Mode"] = "no-cors"
    assert stranger.get(f"/?token={TOKEN}", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        _by_cookie(),
        _by_cookie(Origin="http://evil.example"),
        _by_cookie(Origin="http://localhost:8000"),
        {**BEARER, "Host": "evil.example"},
        {"Origin": HERE},
    ],
)
def test_no_other_page_has_a_socket(stranger, headers):
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(SOCKET, headers=headers):
        pytest.fail("it was let in")


def test_the_studios_own_page_has_a_socket(stranger):
    with stranger.websocket_connect(SOCKET, headers=_by_cookie(Origin=HERE)) as window:
        assert window.receive_json()["type"] == "state"


@pytest.mark.parametrize("path", ["/", "/api/start", "/api/nothing", "/media/made/0"])
def test_every_answer_is_fenced(friend, path):
    headers = friend.get(path).headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == f"'self' ws://{HOST}"
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_a_refused_host_is_not_written_into_the_policy(friend):
    host = "evil.example; script-src *"
    answer = friend.get("/api/start", headers={"Host": host})
    assert answer.status_code == 421
    assert "evil" not in answer.headers["content-security-policy"]


def test_inline_scripts_are_allowed_by_what_is_in_them():
    html = (
        '<script type="importmap">{"a": 1}</script><script type="module" src="/page/a.js"></script>'
    )
    assert inline_hashes(html) == ("'sha256-+dhgKMbg1k4iUYb5astpM4ssWXZN95FiEH9cS7NNExA='",)


def test_tokens_are_long_and_never_the_same():
    assert len({new_token() for _ in range(100)}) == 100
    assert min(len(new_token()) for _ in range(100)) >= 43


def test_preflights_of_other_origins_are_refused(stranger):
    headers = _by_cookie(Origin="http://evil.example", **{"Access-Control-Request-Method": "POST"})
    answer = stranger.options("/api/do", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_the_door_is_the_studios():
    assert DOOR.opens(TOKEN)
    assert not DOOR.opens("")
