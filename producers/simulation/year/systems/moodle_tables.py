"""Moodle's tables as far as they are read, with the columns that Moodle and its attendance plugin publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

COURSE_KINDS: Final = (
    ("quiz", "Bilan"),
    ("assign", "Étude de cas"),
    ("forum", "Questions et réponses"),
    ("resource", "Le guide"),
    ("page", "Pour commencer"),
)
"""The activities of each course, in the order of the table of modules."""
ATTENDANCE_STATUSES: Final = ("P", "R", "E", "A", "Z")
"""Present, late, excused, absent, and one that an institution forgot to explain."""

_LOG: Final = """
CREATE TABLE mdl_logstore_standard_log (
    id INTEGER PRIMARY KEY, eventname TEXT, component TEXT, action TEXT, target TEXT, objecttable TEXT,
    objectid INTEGER, crud TEXT, edulevel INTEGER, contextid INTEGER, contextlevel INTEGER, contextinstanceid INTEGER,
    userid INTEGER,
    courseid INTEGER, relateduserid INTEGER, anonymous INTEGER DEFAULT 0, other TEXT, timecreated INTEGER,
    origin TEXT DEFAULT 'web', ip TEXT, realuserid INTEGER
);
"""
_COURSES: Final = """
CREATE TABLE mdl_course (id INTEGER PRIMARY KEY, fullname TEXT, shortname TEXT, idnumber TEXT DEFAULT '');
CREATE TABLE mdl_modules (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO mdl_modules VALUES
    (1, 'quiz'), (2, 'assign'), (3, 'forum'), (4, 'resource'), (5, 'page'), (6, 'url'), (7, 'folder');
CREATE TABLE mdl_course_modules (id INTEGER PRIMARY KEY, course INTEGER, module INTEGER, instance INTEGER);
CREATE TABLE mdl_grade_items (
    id INTEGER PRIMARY KEY, courseid INTEGER, itemname TEXT, itemtype TEXT, itemmodule TEXT, iteminstance INTEGER,
    grademin NUMERIC, grademax NUMERIC
);
CREATE TABLE mdl_badge (id INTEGER PRIMARY KEY, name TEXT);
"""
_PEOPLE: Final = """
CREATE TABLE mdl_user (
    id INTEGER PRIMARY KEY, auth TEXT DEFAULT 'cas', deleted INTEGER DEFAULT 0, username TEXT, idnumber TEXT DEFAULT '',
    firstname TEXT, lastname TEXT, email TEXT
);
CREATE TABLE mdl_user_info_field (id INTEGER PRIMARY KEY, shortname TEXT, name TEXT);
INSERT INTO mdl_user_info_field VALUES (1, 'codaca', 'Académie'), (2, 'fonction', 'Fonction');
CREATE TABLE mdl_user_info_data (id INTEGER PRIMARY KEY, userid INTEGER, fieldid INTEGER, data TEXT);
CREATE INDEX mdl_user_info_data_user ON mdl_user_info_data (userid);
CREATE TABLE mdl_context (id INTEGER PRIMARY KEY, contextlevel INTEGER, instanceid INTEGER);
CREATE TABLE mdl_role (id INTEGER PRIMARY KEY, shortname TEXT, archetype TEXT);
INSERT INTO mdl_role VALUES (3, 'editingteacher', 'editingteacher'), (5, 'student', 'student');
CREATE TABLE mdl_role_assignments (id INTEGER PRIMARY KEY, roleid INTEGER, contextid INTEGER, userid INTEGER);
"""
_ATTENDANCE: Final = """
CREATE TABLE mdl_attendance (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
CREATE TABLE mdl_attendance_statuses (
    id INTEGER PRIMARY KEY, attendanceid INTEGER, acronym TEXT, description TEXT, grade NUMERIC,
    visible INTEGER DEFAULT 1, deleted INTEGER DEFAULT 0, setnumber INTEGER DEFAULT 0
);
CREATE TABLE mdl_attendance_sessions (
    id INTEGER PRIMARY KEY, attendanceid INTEGER, groupid INTEGER DEFAULT 0, sessdate INTEGER, duration INTEGER,
    lasttaken INTEGER, lasttakenby INTEGER, timemodified INTEGER
);
CREATE TABLE mdl_attendance_log (
    id INTEGER PRIMARY KEY, sessionid INTEGER, studentid INTEGER, statusid INTEGER, statusset TEXT, timetaken INTEGER,
    takenby INTEGER, remarks TEXT
);
"""
_KINDS: Final = "".join(
    f"CREATE TABLE mdl_{kind} (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);\n"
    for kind in ("quiz", "assign", "forum", "resource", "page", "url", "folder")
)
SCHEMA: Final = _LOG + _COURSES + _PEOPLE + _ATTENDANCE + _KINDS


def to_json(details: Mapping[str, object]) -> str:
    """Return details of an event as newer Moodles keep them."""
    return orjson.dumps(details).decode()


def to_php(details: Mapping[str, object]) -> str:
    """Return details of an event as older Moodles keep them: in PHP's serialisation."""
    return f"a:{len(details)}:{{" + "".join(_php(key) + _php(value) for key, value in details.items()) + "}"


def _php(value: object) -> str:
    match value:
        case None:
            return "N;"
        case bool():
            return f"b:{int(value)};"
        case int():
            return f"i:{value};"
        case float():
            return f"d:{value:g};"
        case _:
            text = str(value)
            return f's:{len(text.encode())}:"{text}";'
