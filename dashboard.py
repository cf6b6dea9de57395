"""The dashboard: `streamlit run dashboard.py`. Navigation over the pages, and the sidebar they share; nothing else."""

import streamlit as st

from pages import _controls, lab, stories


def main() -> None:
    st.set_page_config(page_title="rnnkit: why recurrent networks forget", page_icon=":material/all_inclusive:", layout="wide")
    page = st.navigation(
        [
            st.Page(lab.page, title="Lab", icon=":material/science:", default=True),
            st.Page(stories.page, title="Stories", icon=":material/menu_book:", url_path="stories"),
        ],
        position="top",
    )
    _controls.sidebar()
    page.run()


if __name__ == "__main__":
    main()
