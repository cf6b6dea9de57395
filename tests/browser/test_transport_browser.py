"""Buttons that take each other's place, in Chromium: nothing beside them moves, and a click beside a poll counts once."""

from browsing import button, choose, expect, rows, transport, until

# Where an element stands in every frame, until `stop` is called.
WATCH = """selector => {
  window.places = new Set();
  let on = true;
  window.stop = () => { on = false; return [...window.places] };
  (function look() {
    const box = document.querySelector(selector).getBoundingClientRect();
    if (box.width) window.places.add(`${Math.round(box.x)} ${Math.round(box.y)}`);
    if (on) requestAnimationFrame(look);
  })();
}"""
# Keeps the page busy at a click until its timers are late, and after each message: the poll comes before the click, and apart.
BUSY = """() => {
  const wait = ms => { const end = performance.now() + ms; while (performance.now() < end); };
  document.addEventListener("click", () => wait(1500), true);
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (message) { send.call(this, message); wait(600); window.sent = performance.now(); };
}"""


def test_a_click_beside_a_poll_counts_once(server, visit):
    page = visit(server.link(length=10, steps=2, replicas=1, seed=62))
    choose(page, "Pace", "slow pace")  # three rows in 25 seconds
    button(page, "Reset").click()
    expect(transport(page, "step 0 of 2 · ready")).to_be_visible()
    button(page, "Train").click()
    expect(button(page, "Pause")).to_be_visible()
    page.evaluate(BUSY)
    button(page, "Step").click()
    expect(button(page, "Train")).to_be_visible()
    expect(transport(page, "step 1 of 2 · paused")).to_be_visible()
    until(lambda: page.evaluate("() => performance.now() - window.sent > 2500"), "the end of all messages")
    assert rows(page) == 2


def test_nothing_moves_when_train_becomes_pause(server, visit):
    """The button that was gone stood beside the new one until the frame was whole: who clicked Reset just then hit nothing."""
    page = visit(server.link(length=100, steps=2000, seed=61))
    expect(button(page, "Pause")).to_be_visible()
    page.evaluate(WATCH, ".st-key-reset")
    for name, then in (("Pause", "Train"), ("Train", "Pause")) * 3:
        button(page, name).click()
        expect(button(page, then)).to_be_visible()
        expect(button(page, name)).to_be_hidden()
    assert len(page.evaluate("() => window.stop()")) == 1


def test_pinning_moves_the_controls_once(server, visit):
    page = visit(server.link(length=10, steps=2, replicas=1, seed=63))
    expect(button(page, "Train")).to_be_visible()
    page.evaluate(WATCH, ".st-key-c_task")
    for name, then in (("Pin this run", "Unpin"), ("Unpin", "Pin this run")):
        button(page, name).click()
        expect(button(page, then)).to_be_visible()
        expect(button(page, name)).to_be_hidden()
        expect(page.get_by_text("Now change one thing.")).to_have_count(int(then == "Unpin"))
    assert len(page.evaluate("() => window.stop()")) == 2
