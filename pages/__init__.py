"""The pages of the dashboard, one file a page, and below them the folders that they are made of.

Nothing here trains or imports torch. A page imports no other page; the registry (pages/ui/registry.py) names them all.
"""

from pages.server import streamlit_private

streamlit_private.quiet_caches()
