"""The web server beside the pages: start and end, /health and the status page, how often a page asks for news, upload quota.

dashboard.py hands this to Streamlit's st.App.
"""
