"""A class in one room: the lecturer's and the members' part of every page. rnnkit/serving/room.py holds what they share.

docs/rooms.md says how a lecturer uses it.
"""
