"""Writes docs/courses.md from rnnkit.stories.courses: `make api`."""

from __future__ import annotations

from pathlib import Path

from rnnkit.stories.courses import COURSES, MISCONCEPTIONS, TASKS, Course

TARGET = Path(__file__).with_name("courses.md")
HEAD = """\
# Lessons for a lecture

Each lesson is a list of links. Append a link to the address of your dashboard, for example `https://…/lab?story=forgets`. Add
`&present=1` for large type, and `&lock=length` or `&hide=cell` to keep a setting as it is. In a room ([rooms.md](rooms.md)) the
class follows. What is said to be seen is the claim of a story, which a test trains on fresh seeds, or the record of a map.

The guided tour (the menu **Tour**) is a lesson of 50 minutes by itself; [tours.md](tours.md) says how to write another one.
"""


def text() -> str:
    tasks = _table(
        ("task", "what is asked", "source", "score of a guesser, and of the best rule that reads one input"),
        [(f"`{task.link}`", *task[1:]) for task in TASKS],
    )
    said = [(f'"{m.said}"', f"`{m.link}`", m.true) for m in MISCONCEPTIONS]
    return "\n".join(
        [
            HEAD,
            *map(_course, COURSES),
            f"## Tasks\n\n{tasks}",
            "## Misconceptions\n",
            _table(("said", "look at", "what is true"), said),
        ]
    )


def _course(course: Course) -> str:
    rows = [(f"`{lesson.link}`", *lesson[1:]) for lesson in course.lessons]
    table = _table(("link", "ask", "do", "what is seen"), rows)
    return f"## {course.title}\n\n{table}\n**Assignment.** {course.assignment}\n\n**Answer.** {course.answer}\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
