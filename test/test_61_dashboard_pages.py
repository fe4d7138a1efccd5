"""The dashboard in a real browser against the real server: what a person sees, presses and is told."""

import datetime
import json
import math
import os
import pathlib
import random
import re
import time

import pytest
from helpers import ROOT, Server, invoke, make_function
from monitor_client import Client
from playwright.sync_api import expect, sync_playwright

NAME, DAY = "matcher", 24 * 3600
expect.set_options(timeout=20_000)  # under the sanitizers, on a busy machine
CHROMIUM = "/usr/bin/chromium"
SLIDER_MS_MAX = 16
VIEWS = {
    "traffic": "Calls as they happen", "quality": "Versions beside each other", "threshold": "Now and then",
    "cases": "Which to label", "calibration": "Calibration", "replay": "Replay the last calls",
}
CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("the amount is missing")
    print("seen", event)
    return [{"id": "a", "score": 0.7}]
"""


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")


def fortnight():
    """A matcher's fortnight: version 2 from the middle on misses more, truth comes a day late, the last is open."""
    rnd, now, rows, labels = random.Random(61), int(time.time()), [], []
    for i in range(1400):
        at = now - 14 * DAY + i * 14 * DAY // 1400
        version, segment, truth = "2" if i > 700 else "1", rnd.choice(["flight", "hotel", "train"]), rnd.random() < 0.4
        middle = (1.4 if version == "1" else 0.7) if truth else -1.4
        rows.append({
            "function": NAME, "version": version, "alias": "live", "time": iso(at), "prediction_id": f"p{i}",
            "score": 1 / (1 + math.exp(-1.6 * rnd.gauss(middle, 1))), "threshold": 0.625, "segment": segment,
            "items": {"budget": f"B{i % 90}", "expense": f"E{i}"}, "features": {"days_apart": round(rnd.random() * 9, 2)},
        })
        if at + DAY < now and rnd.random() < 0.9:
            labels.append({"function": NAME, "prediction_id": f"p{i}", "label": int(truth), "time": iso(at + DAY), "source": "truth.csv"})
    return rows, labels


@pytest.fixture(scope="module")
def house(nothing_is_left):
    """A server with a function that was called, a fortnight of its predictions, and one that nobody called."""
    server = Server()
    lam = server.client("lambda")
    make_function(lam, NAME, CODE)
    lam.publish_version(FunctionName=NAME)
    lam.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    make_function(lam, "idle", CODE)
    for i in range(12):
        invoke(lam, NAME, {"fail": i % 6 == 0}, Qualifier="live")
    client, (rows, labels) = Client(server), fortnight()
    client.put(f"/v1/functions/{NAME}/monitor", {"rows": "$[*]", "score": "score", "items": ["id"], "threshold": 0.625})
    assert client.post_rows("/v1/predictions", rows)["accepted"] == len(rows)
    assert client.post_rows("/v1/labels", labels)["accepted"] == len(labels)
    times = [{"function": NAME, "name": "complete_operation", "value": 30 + i % 7, "time": iso(time.time() - i * DAY / 10)} for i in range(120)]
    assert client.post_rows("/v1/events", times)["accepted"] == len(times)
    server.api = client
    yield server
    server.stop()
    server.remove()


@pytest.fixture(scope="module")
def chromium(nothing_is_left):
    assert pathlib.Path(CHROMIUM).exists(), "tools/setup test brings Debian's Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


class Visit:
    """A page that was opened by its token; what it says on the console and whom it asks is kept."""

    def __init__(self, chromium, house, **how):
        self.house, self.asked, self.said = house, [], []
        self.context = chromium.new_context(**({"viewport": {"width": 1440, "height": 900}} | how))
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(f"{house.url}/?token={house.credentials['dashboard_token']}")
        self.settle()

    def hear(self, message):
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def settle(self):
        self.page.wait_for_selector("main:not([aria-busy]) > *")

    def go(self, view, name=NAME, **query):
        words = "&".join(f"{key}={value}" for key, value in query.items())
        self.page.goto(f"{self.house.url}/#/f/{name}/{view}" + (f"?{words}" if words else ""))
        self.page.wait_for_function("(view) => document.querySelector('#top [aria-current]')?.href.includes('/' + view)", arg=view)
        self.settle()
        return self.page

    def close(self):
        self.context.close()
        foreign = [url for url in self.asked if not url.startswith((self.house.url + "/", "data:"))]
        assert not foreign, f"it asked elsewhere: {foreign}"
        assert not self.said, f"the console says: {self.said}"


@pytest.fixture
def visit(chromium, house):
    made = []

    def open_page(**how):
        made.append(Visit(chromium, house, **how))
        return made[-1]

    yield open_page
    for one in made:
        one.close()


def test_it_opens_by_its_token_and_forgets_it(visit, house):
    at = visit()
    assert at.page.url == house.url + "/"
    expect(at.page.get_by_role("heading", name="Functions")).to_be_visible()
    (cookie,) = at.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    row = at.page.get_by_role("row", name=re.compile(NAME))
    expect(row).to_contain_text("12")
    precision = house.api.get(f"/v1/quality/{NAME}")["precision"]
    expect(row).to_contain_text(f"{precision['value']:.3f} {precision['low']:.3f}–{precision['high']:.3f}")
    row.get_by_role("link", name=NAME, exact=True).click()
    expect(at.page.get_by_role("heading", name="Calls as they happen")).to_be_visible()


def test_every_view_renders(visit):
    at = visit()
    for view, words in VIEWS.items():
        page = at.go(view)
        expect(page.locator("main")).to_contain_text(words)
        expect(page.locator("main [role=alert]")).to_have_count(0)
        assert NAME in page.title()


def test_quality_says_n_interval_and_labelled_share(visit, house):
    page = visit().go("quality")
    quality = house.api.get(f"/v1/quality/{NAME}")
    share = f"{100 * quality['labelled_share']:.0f} %"
    expect(page.locator(".labelled")).to_contain_text(f"{share} of {quality['n']:,} predictions labelled")
    for figure in ("precision", "recall", "specificity", "accuracy"):
        tile = page.locator(".tile", has_text=figure.capitalize()).first
        p = quality[figure]
        expect(tile).to_contain_text(f"{p['value']:.3f}")
        expect(tile).to_contain_text(f"{p['low']:.3f}–{p['high']:.3f}")
        expect(tile).to_contain_text(f"n {p['n']:,} · {share} labelled")
    assert page.locator(".chart canvas").count() >= 3
    for row in house.api.get(f"/v1/quality/{NAME}", by="segment")["groups"]:
        expect(page.get_by_role("row", name=re.compile(f"^{row['key']}"))).to_contain_text(f"{row['recall']['value']:.3f}")
    expect(page.locator(".marks")).to_contain_text("version 2")
    (event,) = house.api.get(f"/v1/quality/{NAME}/business")["events"]
    expect(page.locator(".panel", has_text="complete_operation")).to_contain_text(f"median {event['median']['value']:.0f} (")


def test_a_view_is_all_in_its_address(visit, house):
    page = visit().go("quality", version=2, segment="hotel", by="hour")
    controls = page.locator(".controls")
    expect(controls.get_by_label("Version")).to_have_value("2")
    expect(controls.get_by_label("Segment")).to_have_value("hotel")
    quality = house.api.get(f"/v1/quality/{NAME}", version="2", segment="hotel")
    expect(page.locator(".labelled")).to_contain_text(f"{quality['n']:,} predictions")
    controls.get_by_label("Segment").select_option("train")
    page.wait_for_url(re.compile("segment=train"))
    page.go_back()
    expect(controls.get_by_label("Segment")).to_have_value("hotel")


def test_the_slider_counts_as_the_server_does(visit, house):
    page = visit().go("threshold")
    for edge in (0, 1, 205, 512, 640, 768, 1023, 1024):
        page.locator("#threshold").evaluate("(box, edge) => { box.value = edge; box.dispatchEvent(new Event('input')); }", edge)
        server = house.api.get(f"/v1/quality/{NAME}", threshold=edge / 1024)
        cells = page.locator(".slider .confusion td b").all_inner_texts()
        c = server["confusion"]
        assert [int(cell.replace(",", "")) for cell in cells] == [
            c[k] for k in ("tp", "fp", "unlabelled_positive", "fn", "tn", "unlabelled_negative")], edge
        for figure in ("precision", "recall", "specificity"):
            row, p = page.locator("#figures").get_by_role("row", name=figure.capitalize()), server[figure]
            if p["n"]:
                expect(row).to_contain_text(f"{p['low']:.3f}–{p['high']:.3f}")
        ours = page.evaluate("""async ([body, edge]) => {
            const { Curve } = await import("/ui/stats.js");
            return new Curve(body.positive, body.negative, body.unlabelled).at(edge);
        }""", [house.api.get(f"/v1/quality/{NAME}/curve", points="false"), edge])
        for figure in ("precision", "recall", "specificity", "accuracy"):
            for member in ("value", "low", "high"):
                a, b = ours[figure][member], server[figure][member]
                assert a == b or abs(a - b) < 1e-12, (edge, figure, member)


def test_the_slider_is_quick_and_lists_what_changes(visit, house):
    page = visit().go("threshold", t=0.75)
    took = page.locator("#threshold").evaluate("""(box) => Array.from({ length: 200 }, (_, i) => {
        box.value = 300 + i * 2;
        box.dispatchEvent(new Event("input"));
        return Number(box.dataset.ms);
    }).sort((a, b) => a - b)""")
    assert took[100] < SLIDER_MS_MAX, took[100]
    page.get_by_label("Threshold as a number").fill("0.8125")
    page.get_by_label("Threshold as a number").press("Enter")
    wrong = house.api.get("/v1/predictions", function=NAME, kind="fn", threshold=0.8125, order="-score", limit=12)["rows"]
    nearest = page.locator("div", has=page.locator("> h3", has_text="Missed ones that appear")).last
    expect(nearest.locator("tbody tr").first).to_contain_text(f"{wrong[0]['score']:.4f}")
    expect(page.locator(".changes")).to_contain_text("decisions change to no")
    page.wait_for_url(re.compile("t=0.8125"))


def test_a_threshold_is_set_and_rolled_back(visit, house):
    page = visit().go("threshold")
    path, panel = f"/v1/functions/{NAME}/threshold", page.locator(".panel", has_text="thresholds so far")
    for value, note in ((0.75, "fewer complaints"), (0.25, "too strict")):
        page.get_by_label("Threshold as a number").fill(str(value))
        page.get_by_label("Threshold as a number").press("Enter")
        page.get_by_label("Note").fill(note)
        page.get_by_role("button", name=f"Set {value:.4f}").click()
        expect(panel.get_by_role("row", name=note)).to_contain_text("dashboard")
        now = house.api.get(path, alias="live")
        assert (now["threshold"], now["history"][0]["note"], now["history"][0]["by"]) == (value, note, "dashboard")
    expect(page.get_by_role("button", name="in force 0.2500")).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("button", name="in force 0.7500")).to_be_visible()
    assert house.api.get(path, alias="live")["threshold"] == 0.75


def test_arrows_move_the_threshold(visit):
    page = visit().go("threshold", t=0.5)
    exact = page.get_by_label("Threshold as a number")
    page.keyboard.press("ArrowRight")
    expect(exact).to_have_value(f"{513 / 1024:.4f}")
    page.keyboard.press("Shift+ArrowLeft")
    expect(exact).to_have_value(f"{497 / 1024:.4f}")


def test_cases_are_labelled_by_keys_and_taken_back(visit, house):
    page = visit().go("cases", kind="unlabelled")
    rows = house.api.get("/v1/predictions", function=NAME, kind="unlabelled", order="-time", limit=50)["rows"]
    selected = page.locator("tr[aria-selected]")
    expect(selected).to_have_attribute("data-id", rows[0]["prediction_id"])
    page.keyboard.press("j")
    expect(selected).to_have_attribute("data-id", rows[1]["prediction_id"])
    expect(page.locator(".detail")).to_contain_text(rows[1]["prediction_id"])

    def stored():
        return house.api.get(f"/v1/predictions/{rows[1]['prediction_id']}", function=NAME)

    for key, words, label in (("y", "is yes", 1), ("n", "is no", 0), ("u", "is yes again", 1), ("u", "is unlabelled again", None)):
        page.keyboard.press(key)
        expect(page.locator("main > [role=status]")).to_contain_text(words)
        assert stored()["label"] == label
    assert [(one["label"], one["source"]) for one in stored()["labels"]] == [(x, "dashboard") for x in (None, 1, 0, 1)]
    page.keyboard.press("k")
    expect(selected).to_have_attribute("data-id", rows[0]["prediction_id"])


def test_a_case_shows_what_is_known_of_it(visit, house):
    page = visit().go("cases", kind="fp")
    row = house.api.get("/v1/predictions", function=NAME, kind="fp", order="-time", limit=1)["rows"][0]
    detail = page.locator(".detail")
    for words in (f"{row['score']:.4f}", row["segment"], row["items"]["expense"], "truth.csv", "Neighbours", "days_apart"):
        expect(detail).to_contain_text(words)
    page.wait_for_url(re.compile(f"id={row['prediction_id']}"))
    for badge in page.locator(".picks .badge").all_inner_texts():
        assert badge == "FP"


def test_calls_appear_as_they_happen(visit, house):
    page = visit().go("traffic")
    expect(page.locator(".call").first).to_be_visible()
    before = page.locator(".call").count()
    answer = invoke(house.client("lambda"), NAME, {"number": 61}, Qualifier="live")
    expect(page.locator(".call")).to_have_count(before + 1)
    newest = page.locator(".call").first
    newest.locator("summary").click()
    expect(newest).to_contain_text(answer.request_id)
    expect(newest).to_contain_text('{"number": 61}')
    expect(newest).to_contain_text("seen")


def test_traffic_has_its_figures(visit, house):
    page = visit().go("traffic")
    total = house.api.get("/v1/traffic", function=NAME)["functions"][0]["total"]
    tiles = page.locator(".tiles")
    expect(tiles).to_contain_text(f"{total['errors']} errors")
    expect(tiles).to_contain_text(f"n {total['calls']}")
    assert page.locator(".chart canvas").count() == 4


def test_what_is_empty_says_what_to_do(visit):
    at = visit()
    for view, words in {"traffic": "sculler invoke idle", "quality": "[tool.sculler.monitor]", "threshold": "/v1/predictions",
                        "cases": "No such case", "calibration": "Choose a longer time", "replay": "No version to replay"}.items():
        expect(at.go(view, name="idle").locator("main")).to_contain_text(words)


def test_a_replay_is_started_and_read(visit, house):
    page = visit().go("replay")
    page.get_by_label("Last calls").fill("8")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator(".headline")).to_contain_text("change", timeout=60000)
    expect(page.locator(".headline")).to_contain_text("version 1 against what was answered then")
    assert "id=" in page.url


def test_the_keyboard_reaches_everything(visit):
    page = visit().go("traffic")
    page.keyboard.press("2")
    page.wait_for_url(re.compile("/quality"))
    page.wait_for_selector("main:not([aria-busy]) .tile")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("label the row")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Functions")).to_be_visible()
    page.reload()
    page.wait_for_selector("main:not([aria-busy]) > *")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")


def test_a_phone_is_wide_enough(visit):
    at = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    for view in VIEWS:
        page = at.go(view)
        page.wait_for_timeout(200)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{view} is {wide} px wide"
        small = page.evaluate("""() => [...document.querySelectorAll("main button, main select")].filter((e) => e.offsetParent && e.offsetHeight < 32).map((e) => e.outerHTML)""")
        assert not small, (view, small)


# What every control and picture must have, as axe-core's rules of the same names ask.
FAULTS = """() => {
  const faults = [], name = (e) => (e.getAttribute("aria-label") ?? e.title ?? "").trim() || e.textContent.trim() || e.labels?.[0]?.textContent.trim();
  for (const e of document.querySelectorAll("button, a[href], input, select, [role=img], meter, progress"))
    if (!e.closest("[aria-hidden]") && !name(e)) faults.push("no name: " + e.outerHTML.slice(0, 120));
  for (const e of document.querySelectorAll("svg")) if (!e.closest("[aria-hidden], [role=img]") && e.getAttribute("role") !== "img") faults.push("picture: " + e.outerHTML.slice(0, 80));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) faults.push("id twice: " + id);
  for (const e of document.querySelectorAll("table")) if (!e.caption && !e.closest(".u-legend, .uplot")) faults.push("table without caption: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("[tabindex]")) if (Number(e.getAttribute("tabindex")) > 0) faults.push("tabindex");
  if (!document.documentElement.lang || !document.title || document.querySelectorAll("main").length !== 1) faults.push("document");
  return faults;
}"""


def test_everything_has_a_name(visit):
    at = visit()
    for view in VIEWS:
        assert not at.go(view).evaluate(FAULTS), view


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_palette_can_be_read(theme):
    """WCAG 2.1, 1.4.3: 4.5 : 1 for text; 1.4.11: 3 : 1 for what a chart draws."""
    blocks = re.findall(r":root \{(.*?)\}", (ROOT / "web/style.css").read_text(), re.S)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[theme == "dark"]))
    for text in ("text", "muted", "accent", "bad", "good", "warm", "guess"):
        for under in ("bg", "panel", "select"):
            assert contrast(colours[text], colours[under]) >= 4.5, (theme, text, under)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["accent"], colours["warm"]) >= 1 and colours["accent"] != colours["warm"]


def test_calibration_drift_and_estimates_are_the_server_s(visit, house):
    page = visit().go("calibration")
    asked = {"from": iso(time.time() - 14 * DAY), "to": iso(time.time())}
    calibration, estimate = (house.api.get(f"/v1/quality/{NAME}/{what}", **asked) for what in ("calibration", "estimate"))
    expect(page.locator(".panel", has_text="Brier")).to_contain_text(f"{calibration['brier']:.3f}")
    for one in calibration["bins"]:
        if one["n"]:
            row = page.get_by_role("row", name=f"{one['low']:.2f}–{one['high']:.2f}")
            expect(row).to_contain_text(f"{one['positive']['low']:.3f}–{one['positive']['high']:.3f}")
    row = page.locator(".estimates").get_by_role("row", name="Precision")
    expect(row.locator("td").nth(1)).to_have_text(f"{estimate['precision']['value']:.3f}")
    expect(page.locator(".panel", has_text="Measured by").get_by_role("row", name=re.compile("^score"))).to_contain_text("PSI")


def test_what_to_label_comes_with_what_it_brings(visit, house):
    page = visit().go("cases", kind="advice")
    advice = house.api.get(f"/v1/quality/{NAME}/advice", n=200, metric="precision", **{"from": iso(time.time() - 14 * DAY)})
    expect(page.locator(".tile.estimated")).to_contain_text(f"{advice['after']['value']:.3f}")
    assert page.locator(".picks tbody tr").count() == len(advice["rows"])


def test_it_is_dark_where_the_system_is(visit):
    at = visit(color_scheme="dark")
    page = at.go("quality")
    assert luminance("#%02x%02x%02x" % tuple(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))[:3]))) < 0.05


def test_a_page_without_its_cookie_says_how_to_get_in(visit):
    at = visit()
    at.context.clear_cookies()
    at.page.goto(f"{at.house.url}/#/f/{NAME}/quality")
    at.page.reload()
    expect(at.page.locator("main")).to_contain_text("sculler dashboard")
    at.said.clear()  # the browser tells the 403 itself
