import logging

# The server imports the pages before Streamlit's runtime is there, which is fine, and warned about a dozen times.
logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(lambda record: "No runtime found" not in str(record.msg))
