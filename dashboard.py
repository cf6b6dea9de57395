"""The dashboard: `streamlit run dashboard.py`. The server, and what it runs for every viewer (pages/server/script.py).

The server begins without the script, whose imports take longer than everything before them (pages/server/lifespan.py).
"""


def main() -> None:
    """Runs the script for one viewer."""
    from pages.server import script

    script.main()


def show(name: str) -> None:
    """Draws one page with its sidebar, without the navigation. For tests."""
    from pages.server import script

    script.show(name)


if __name__ == "__main__":  # for every viewer
    main()
else:  # once: `streamlit run` has found this line, and the server starts with it
    import streamlit as st

    from pages.server import app as server
    from pages.server.lifespan import lifespan

    app = st.App(__file__, lifespan=lifespan, routes=server.ROUTES, middleware=server.MIDDLEWARE)
