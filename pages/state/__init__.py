"""What the server keeps for one viewer: session, settings, place in a run, uploads, and all of it in the address.

Pages read and change state through these modules. Nothing here draws a page.
"""
