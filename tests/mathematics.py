"""The mathematics of a page, as the browser has set it."""

from browsing import expect

RAW = r"""element => {
    const text = element.cloneNode(true);
    for (const set of text.querySelectorAll(".katex")) set.remove();
    for (const code of text.querySelectorAll("code, pre")) code.remove();
    const unset = text.textContent.match(/\$\$|\\[a-zA-Z]+/g) ?? [];
    return [...element.querySelectorAll(".katex-error")].map(e => e.textContent).concat(unset);
}"""


def unfold(page):
    """The mathematics, once it is set: what is wrong with it, and how many formulas there are."""
    box = page.locator(".st-key-mathematics")
    expect(box).to_be_visible()
    if not box.locator("details").evaluate("e => e.open"):
        box.locator("summary").click()
    expect(box.locator(".katex").first).to_be_visible()
    return box.evaluate(RAW), box.locator(".katex").count()
