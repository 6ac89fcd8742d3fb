"""The console and the customers' page in a real browser."""

import shutil
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from care.links import progress_token, slot_token
from tests.api.conftest import SECRET, Console
from tests.api.showroom import NOW, PASSWORD, add_alert, add_task
from tests.conftest import eventually

CONTRAST = """
() => {
  const channel = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parse = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) =>
    0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const ground = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || !box.height) continue;
    if (node.closest(".sr, .skip, [popover], noscript")) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const words = node.textContent.trim().slice(0, 40);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${node.className} ${words}`);
  }
  return bad;
}
"""

UNNAMED = """
() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
  .filter((n) => n.checkVisibility())
  .filter((n) => !(n.textContent.trim() || n.title || n.getAttribute("aria-label")
    || n.labels?.length))
  .map((n) => n.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    with sync_playwright() as play:
        started = play.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield started
        started.close()


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and what its console complains of: a blocked script or style, an error."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
    )
    return page, complaints


def sign_in(page: Page, console: Console, role: str = "advisor") -> None:
    page.goto(f"{console.url}/sign-in")
    page.get_by_label("E-mail").fill(f"{role}@lakeside.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    page.wait_for_load_state()  # keys are heard from then on


def test_an_alert_arrives_by_itself_and_is_claimed(browser: Browser, console: Console) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, complaints = watched(context)
    with page.expect_response(lambda r: "/live?since=" in r.url) as live:
        sign_in(page, console)
    assert live.value.status == 200
    page.evaluate("window.loadedOnce = true")
    page.keyboard.press("j")
    room = console.room
    with psycopg.connect(console.database, options="-c timezone=UTC") as conn:
        alert = add_alert(conn, room.vehicles[7], "coolant_overheat", "stop", 0.9, "Hot.", NOW, {})
        add_task(
            conn, room.dealer, alert, room.customers[7], "call", "Hot", "Call Olivia now", 99.5,
            NOW - NOW,
        )  # fmt: skip
    arrived = page.get_by_text("Call Olivia now")
    expect(arrived).to_be_visible(timeout=10_000)
    assert page.evaluate("window.loadedOnce"), "the page was loaded anew"
    expect(page.locator("#said")).to_have_text("One new task")
    row = page.locator("li[data-row]", has=arrived)
    row.hover()
    row.get_by_role("button", name="Claim").click()
    expect(row.get_by_title("Avery Quinn")).to_have_count(1)
    page.get_by_role("link", name="Mine").click()
    page.wait_for_url("**/?view=mine")
    page.wait_for_load_state()
    expect(arrived).to_be_visible()

    def asked() -> bool:
        """A page that has just come may be made anew between two keys."""
        row.locator("a").first.focus()
        page.keyboard.press("d")
        return page.locator("#done").is_visible()

    eventually(asked, "the key asks for the reason")
    page.get_by_label("How was it settled?").fill("Towed in")
    page.locator("#done").get_by_role("button", name="Done").click()
    expect(page.get_by_text("Done, and noted why.")).to_be_visible()
    expect(arrived).to_have_count(0)
    assert complaints == []
    context.close()


def test_keys_lead_to_the_evidence(browser: Browser, gallery: Console) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, complaints = watched(context)
    sign_in(page, gallery)
    for key in ("j", "j", "j", "k", "j"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="12 V battery weak")).to_be_visible()
    expect(page.locator("figure canvas")).to_have_count(2)
    expect(page.locator("figure").first).to_contain_text("V")
    page.get_by_role("button", name="24 h").click()
    expect(page.locator('[data-charts][aria-busy="false"] canvas')).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("okafor")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Grace Okafor")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="Wednesday, November 18, 2026")).to_be_visible()
    assert complaints == []
    context.close()


def test_what_is_typed_survives_what_arrives(browser: Browser, console: Console) -> None:
    """A technician writes the cause while a colleague adds a note to the same repair order."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, complaints = watched(context)
    sign_in(page, console, "technician")
    with page.expect_response(lambda r: "/live" in r.url):
        page.goto(f"{console.url}/repair-orders/2")
    page.get_by_label("Cause: what was wrong").fill("The hose")
    page.get_by_role("radio", name="No fault found").check()
    with console.client("manager") as client:
        client.post("/repair-orders/2/notes", data={"body": "Clamp is on order"})
    expect(page.get_by_text("Clamp is on order")).to_be_visible(timeout=10_000)
    assert page.get_by_label("Cause: what was wrong").input_value() == "The hose"
    assert page.get_by_role("radio", name="No fault found").is_checked()
    assert complaints == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_can_be_read_by_all(
    browser: Browser, gallery: Console, scheme: str, width: int
) -> None:
    """Names on everything that can be pressed, one main heading, contrast, nothing cut off."""
    context = browser.new_context(
        viewport={"width": width, "height": 860},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page, complaints = watched(context)
    sign_in(page, gallery, "admin")
    token = slot_token(SECRET, customer_id=1, vehicle_id=1, alert_id=1, now=NOW)
    repair = progress_token(SECRET, customer_id=9, repair_order_id=2)
    for path in ("/", "/alerts/1", "/alerts/2", "/customers/1", "/customers/6", "/bookings",
                 "/repair-orders/2", "/repair-orders/1", "/repair-orders", "/prices",
                 f"/r/{repair}", "/vehicles", "/customers", "/quarantine", "/vehicles/7",
                 "/vehicles/1/book?alert=1", f"/b/{token}", "/tasks/1",
                 "/detectors/coolant_overheat", "/incidents", "/incidents/1"):  # fmt: skip
        page.goto(gallery.url + path)
        assert page.locator("h1").count() == 1, path
        assert page.locator("html").get_attribute("lang"), path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(CONTRAST) == [], f"{path} {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert complaints == []
    context.close()


TINY = """
() => [...document.querySelectorAll("button, input:not([type=hidden]), select, summary, nav a")]
  .filter((n) => n.checkVisibility() && !n.closest("label"))
  .filter((n) => n.getBoundingClientRect().height < 24 && !["checkbox", "radio"].includes(n.type))
  .filter((n) => !n.closest(".crumb"))
  .map((n) => n.outerHTML.slice(0, 120))
"""


def test_every_page_fits_a_phone(browser: Browser, gallery: Console) -> None:
    """No page scrolls sideways, nothing is too small for a thumb, and the whole menu is reached."""
    context = browser.new_context(viewport={"width": 390, "height": 860}, has_touch=True)
    page, complaints = watched(context)
    sign_in(page, gallery, "admin")
    for path in ("/cases", "/team", "/customers/1/record", "/people/segments", "/people/import",
                 "/people/duplicates", "/workshop", "/workshop/setup", "/conversations",
                 "/knowledge", "/journeys", "/campaigns", "/results", "/requests", "/bookings/1",
                 "/bookings/1/move", "/search?q=ma", "/vehicles/1", "/customers/1",
                 "/repair-orders/2", "/tasks/1", "/detectors", "/incidents", "/incidents/1",
                 "/detectors/low_voltage"):  # fmt: skip
        page.goto(gallery.url + path)
        assert page.locator("h1").count() == 1, path
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(TINY) == [], path
    menu = page.get_by_role("navigation", name="Main").get_by_role("link")
    for n in range(menu.count()):
        menu.nth(n).scroll_into_view_if_needed()
        box = menu.nth(n).bounding_box()
        assert box is not None and box["x"] > -1 and box["x"] + box["width"] < 391, n
    menu.last.tap()
    expect(menu.last).to_have_attribute("aria-current", "page")
    expect(menu.last).to_be_in_viewport(ratio=1)
    assert complaints == []
    context.close()


def test_the_skip_link_comes_first(browser: Browser, gallery: Console) -> None:
    context = browser.new_context()
    page, _ = watched(context)
    sign_in(page, gallery)
    page.goto(gallery.url + "/vehicles")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Find a vehicle")).to_be_focused()
    context.close()


def test_the_console_works_without_javascript(browser: Browser, console: Console) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, console)
    page.get_by_role("link", name="The engine is misfiring (P0301)").first.click()
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_text("It's yours now.")).to_be_visible()
    page.goto(f"{console.url}/tasks/{console.room.tasks['dtc']}")
    page.get_by_label("How was it settled?").fill("Called")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("3 to do")).to_be_visible()
    context.close()


def test_a_customer_books_on_a_phone_without_javascript(browser: Browser, console: Console) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=False, color_scheme="dark"
    )
    page = context.new_page()
    token = slot_token(SECRET, customer_id=4, vehicle_id=4, alert_id=3, now=NOW)
    page.goto(f"{console.url}/b/{token}")
    expect(page.get_by_role("heading", name="Choose a time for your Honda Civic")).to_be_visible()
    expect(page.get_by_text("code P0301")).to_be_visible()
    choices = page.get_by_role("radio")
    expect(choices).to_have_count(3)
    boxes = [choice.bounding_box() for choice in choices.all()]
    assert all(box and box["height"] >= 48 and box["width"] >= 300 for box in boxes)
    button = page.get_by_role("button", name="Book this time")
    box = button.bounding_box()
    assert box and box["y"] + box["height"] <= 844, "all on one screen"
    choices.nth(1).check()
    button.click()
    expect(page.get_by_role("heading", name="See you")).to_be_visible()
    state = console.ask("SELECT state FROM booking WHERE alert_id = 3")
    assert state == "booked"
    context.close()
