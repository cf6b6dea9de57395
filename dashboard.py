"""The dashboard: `streamlit run dashboard.py`. Navigation over the pages, and the sidebar they share; nothing else."""

import streamlit as st

from pages import _controls, lab, stories

STYLE = """<style>
.stMainBlockContainer { padding: 3.5rem 2.5rem 2rem; }
@media (max-width: 640px) { .stMainBlockContainer { padding: 3.5rem 1rem 2rem; } }
</style>"""


def main() -> None:
    st.set_page_config("rnnkit: why recurrent networks forget", page_icon="🔁", layout="wide", initial_sidebar_state=330)
    st.html(STYLE)
    page = st.navigation(
        [
            st.Page(lab.page, title="Lab", icon=":material/science:", default=True),
            st.Page(lab.page, title="Lab", url_path="lab", visibility="hidden"),  # for whoever types it
            st.Page(stories.page, title="Stories", icon=":material/menu_book:", url_path="stories"),
        ],
        position="top",
    )
    _controls.sidebar()
    page.run()


if __name__ == "__main__":
    main()
