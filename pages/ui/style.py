"""The style sheet of all pages."""

from pages.server.streamlit_private import resolve

STYLE = resolve("""<style>
.streamlit-block { padding: 3.5rem 2.5rem 2rem; }
@media (max-width: 640px) { .streamlit-block { padding: 3.5rem 1rem 2rem; } }
.st-key-frame { display: none; }
div:has(> .st-key-lesson), .st-key-lesson { display: contents; }
/* the primary colour carries white words; as the colour of words themselves it is too dark in the dark */
.streamlit-app { --words: light-dark(#096b66, #35c0b2); }
.streamlit-app :is(.streamlit-slider-value, button.streamlit-selected) *,
.streamlit-app .streamlit-plain-button:is(:hover, :active) * { color: var(--words); }
.streamlit-app :is(a, button, summary, [tabindex="0"]):focus-visible {
  outline: 2px solid var(--words) !important; outline-offset: 1px; }
.streamlit-main:focus-visible { outline: 2px solid var(--words) !important; outline-offset: -2px; }
/* Streamlit's opacity of 0.6 is a contrast of 4.4; legible is 4.5. Links keep their colour. */
.streamlit-app .streamlit-caption { opacity: 1; color: color-mix(in srgb, currentcolor 75%, transparent); }
.streamlit-app .streamlit-stale { opacity: 1 !important; } /* nothing is dimmed while it is computed again: it stays legible */
/* Streamlit keeps a button that is gone, behind those in its place, until all is drawn: nothing beside them may move. */
.st-key-train + .st-key-pause, .st-key-pause + .st-key-train,
.st-key-unpin ~ .st-key-pin, .st-key-pin ~ :is(.st-key-unpin, .st-key-swap) { display: none; }
/* why a number is not taken: Streamlit tells it to screen readers alone */
.streamlit-app .streamlit-number { position: relative; }
.streamlit-app .streamlit-number [role=alert] { position: absolute; inset: 100% 0 auto; z-index: 3; width: auto; height: auto;
  margin: 0.2rem 0; padding: 0.3rem 0.5rem; clip: auto; clip-path: none; overflow: visible; white-space: normal;
  font-size: 0.9rem; line-height: 1.35;
  background: light-dark(#ffffff, #12181f); border: 1px solid currentColor; border-radius: 0.4rem;
  color: light-dark(#9f1d1d, #ff9c9c); }
@media (prefers-reduced-motion: reduce) {
  .streamlit-app, .streamlit-app *, .streamlit-app ::before, .streamlit-app ::after {
    animation: none !important; transition: none !important;
  }
}
</style>""")
