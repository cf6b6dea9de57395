"""The glossary: each word with its line, picture, equation and papers, and the reading list (rnnkit/glossary)."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from pages.state import page_settings
from pages.ui import layout, sidebar
from rnnkit import glossary
from rnnkit.glossary import PICTURES, SOURCES, TERMS
from rnnkit.glossary.sources import Source
from rnnkit.glossary.terms import Term

TITLE = "Glossary"
CONTROLS = ()
LINKED = {glossary.SETTING: page_settings.Choice(("", *TERMS))}
READY = (".glossary-picture",)
STYLE = """<style>
[class*=st-key-glossary_topic_] { display: grid; gap: 0.9rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
[class*=st-key-glossary_topic_] > * { width: auto; min-width: 0; }
[class*=st-key-glossary_topic_] h3 { font-size: 1.15rem; padding: 0 0 0.6rem; }
[class*=st-key-glossary_topic_] .katex-display { margin: 0 0 1rem; }
.glossary-picture { display: block; height: 4.4rem; }
</style>"""


def page() -> None:
    sidebar.none()
    st.html(STYLE)
    layout.opening("What does this word mean?", "Choose one, or press a word wherever it is underlined on a page.")
    word = page_settings.selectbox("Word", ["", *TERMS], glossary.SETTING, "", format_func=_name, width=320)
    if word:
        with st.container(border=True, gap="xsmall", key="glossary_chosen", width=560):
            _term(word, TERMS[word], anchor=False)
    st.markdown(" · ".join(f"[{term.name}](#{key})" for key, term in TERMS.items()))
    for i, (topic, keys) in enumerate(groupby(TERMS, lambda key: TERMS[key].topic)):
        st.markdown(f"#### {topic}")
        with st.container(key=f"glossary_topic_{i}"):
            for key in keys:
                with st.container(border=True, gap="xsmall"):
                    _term(key, TERMS[key])
    st.markdown("#### Reading list")
    st.markdown("\n".join(f"- {_entry(source)}" for source in SOURCES.values()))


def _name(key: str) -> str:
    return TERMS[key].name if key else "all"


def _term(key: str, term: Term, anchor: bool = True) -> None:
    st.subheader(term.name, anchor=anchor and key)
    if picture := PICTURES.get(term.picture):
        st.html(f'<img class="glossary-picture" src="{picture.address}" alt="{picture.about}">')
    papers = " · ".join(f"[{SOURCES[name].short}]({SOURCES[name].link})" for name in term.sources)
    st.markdown("\n\n".join(filter(None, (term.line, term.equation and f"$$\n{term.equation}\n$$", papers))))


def _entry(source: Source) -> str:
    return f"{source.authors} ({source.year}). *{source.title}*. {source.where}. [{source.link.removeprefix('https://')}]({source.link})"


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
