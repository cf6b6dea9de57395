"""The pages of the dashboard, one file a page, and below them the folders that they are made of.

Nothing here trains or imports torch. A page imports no other page; the registry (pages/ui/registry.py) names them all.
"""

import logging

# The server imports the pages before Streamlit's runtime is there, which is fine, and warned about a dozen times.
logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(lambda record: "No runtime found" not in str(record.msg))
