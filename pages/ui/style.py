"""The style sheet of all pages."""

STYLE = """<style>
.stMainBlockContainer { padding: 3.5rem 2.5rem 2rem; }
@media (max-width: 640px) { .stMainBlockContainer { padding: 3.5rem 1rem 2rem; } }
.st-key-frame { display: none; }
/* the primary colour carries white words; as the colour of words themselves it is too dark in the dark */
.stApp { --words: light-dark(#096b66, #35c0b2); }
.stApp :is([data-testid=stSliderThumbValue], button[data-selected=true]) *,
.stApp [data-testid^=stBaseButton-]:not([data-testid*=primary]):is(:hover, :active) * { color: var(--words); }
.stApp :is(a, button, summary, [tabindex="0"]):focus-visible { outline: 2px solid var(--words) !important; outline-offset: 1px; }
.stMain:focus-visible { outline: 2px solid var(--words) !important; outline-offset: -2px; }
.stApp [data-testid=stCaptionContainer] { opacity: 0.75; } /* Streamlit's 0.6 is a contrast of 4.4; legible is 4.5 */
.stApp [data-stale=true] { opacity: 1 !important; } /* nothing dims while it is computed anew: it stays legible */
/* why a number is not taken: Streamlit tells it to screen readers alone */
.stApp .stNumberInput { position: relative; }
.stApp .stNumberInput [role=alert] { position: absolute; inset: 100% 0 auto; z-index: 3; width: auto; height: auto;
  margin: 0.2rem 0; padding: 0.3rem 0.5rem; clip: auto; clip-path: none; overflow: visible; white-space: normal;
  font-size: 0.9rem; line-height: 1.35;
  background: light-dark(#ffffff, #12181f); border: 1px solid currentColor; border-radius: 0.4rem;
  color: light-dark(#9f1d1d, #ff9c9c); }
@media (prefers-reduced-motion: reduce) {
  .stApp, .stApp *, .stApp ::before, .stApp ::after { animation: none !important; transition: none !important; }
}
</style>"""
