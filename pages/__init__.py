from pages.server import streamlit_private

streamlit_private.quiet_caches()
