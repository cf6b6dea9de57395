"""The QR code of a link. Pressed, it fills the screen, with the link below it in large letters.

A Streamlit component: `qr_code.js` draws, `qr_code.css` styles. Data: the image as a data URI (`image`) and the `link`.
"""

from __future__ import annotations

import segno
import streamlit as st

from pages.components.drawing import drawing

HTML = """
<div class="code">
  <button type="button" class="small"><img alt=""><span class="hint">Full screen</span></button>
  <dialog><img alt=""><p></p><button type="button" class="close" aria-label="Close">✕</button></dialog>
</div>
"""

_component = drawing("rnnkit_qr_code", ("qr_code.js",), HTML, "qr_code.css")


def qr_code(link: str, *, key: str) -> None:
    """Draws the QR code of a link, or says that the link is too long for one."""
    try:
        _component(key=key, data={"image": _image(link), "link": link})
    except segno.DataOverflowError:
        st.info("This link is too long for a QR code.")


@st.cache_data(max_entries=64, show_spinner=False)
def _image(link: str) -> str:
    """Returns the QR code as a data URI, with the least redundancy, so that its squares are as large as possible."""
    return segno.make(link, error="l", micro=False, boost_error=False).svg_data_uri(border=3, light="white")
