-- A small Moodle: the tables that are read, with the columns that Moodle and its attendance plugin publish.
-- Everybody in it is made up.
CREATE TABLE mdl_user (
    id INTEGER PRIMARY KEY, auth TEXT DEFAULT 'cas', deleted INTEGER DEFAULT 0, username TEXT, idnumber TEXT DEFAULT '',
    firstname TEXT, lastname TEXT, email TEXT
);
INSERT INTO mdl_user (id, username, idnumber, firstname, lastname, email, deleted) VALUES
    (1, 'guest', '', 'Visiteur', '', 'root@localhost', 0),
    (2, 'admin', '', 'Admin', 'Istrateur', 'admin@institut.example.org', 0),
    (11, 'hlefebvre', 'E11', 'Hélène', 'LEFÈBVRE', 'Helene.Lefebvre@academie.example.org', 0),
    (12, 'dndiaye', 'E12', 'Désiré', 'NDIAYE', 'desire.ndiaye@academie.example.org', 0),
    (13, 'emaitre', 'E13', 'Éloi', 'MAÎTRE', 'eloi.maitre@academie.example.org', 0),
    (14, 'parti@example.org.1700000000', '', 'Parti', 'PARTI', '5f4dcc3b5aa765d61d8327deb882cf99', 1),
    (15, 'sans', '', 'Sans', 'ADRESSE', '', 0);

CREATE TABLE mdl_user_info_field (id INTEGER PRIMARY KEY, shortname TEXT, name TEXT);
INSERT INTO mdl_user_info_field VALUES (1, 'codaca', 'Académie'), (2, 'fonction', 'Fonction'), (3, 'rne', 'RNE');
CREATE TABLE mdl_user_info_data (id INTEGER PRIMARY KEY, userid INTEGER, fieldid INTEGER, data TEXT);
INSERT INTO mdl_user_info_data VALUES (1, 11, 1, '14'), (2, 11, 2, 'Personnel de direction'), (3, 12, 1, '');

CREATE TABLE mdl_course (id INTEGER PRIMARY KEY, fullname TEXT, shortname TEXT, idnumber TEXT DEFAULT '');
INSERT INTO mdl_course VALUES
    (1, 'Plateforme de formation', 'accueil', ''),
    (20, 'Conduire un conseil d''administration', 'CCA-2026', 'S100'),
    (21, 'Autoformation : les marchés publics', 'AMP', '');

CREATE TABLE mdl_modules (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO mdl_modules VALUES (1, 'quiz'), (2, 'assign'), (3, 'forum'), (4, 'resource'), (5, 'folder'), (6, 'glossary');
CREATE TABLE mdl_course_modules (id INTEGER PRIMARY KEY, course INTEGER, module INTEGER, instance INTEGER);
INSERT INTO mdl_course_modules VALUES
    (301, 20, 1, 1), (302, 20, 2, 1), (303, 20, 3, 1), (304, 20, 4, 1), (305, 21, 5, 1), (306, 20, 6, 1);
CREATE TABLE mdl_quiz (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
INSERT INTO mdl_quiz VALUES (1, 20, 'Bilan');
CREATE TABLE mdl_assign (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
INSERT INTO mdl_assign VALUES (1, 20, 'Ordre du jour');
CREATE TABLE mdl_forum (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
INSERT INTO mdl_forum VALUES (1, 20, 'Questions');
CREATE TABLE mdl_resource (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
INSERT INTO mdl_resource VALUES (1, 20, 'Le guide');
CREATE TABLE mdl_folder (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
INSERT INTO mdl_folder VALUES (1, 21, 'Les modèles');

CREATE TABLE mdl_grade_items (
    id INTEGER PRIMARY KEY, courseid INTEGER, itemname TEXT, itemtype TEXT, itemmodule TEXT, iteminstance INTEGER,
    grademin NUMERIC, grademax NUMERIC
);
INSERT INTO mdl_grade_items VALUES
    (501, 20, 'Bilan', 'mod', 'quiz', 1, 0.00000, 20.00000),
    (502, 20, NULL, 'course', NULL, 20, 0.00000, 100.00000),
    (503, 20, NULL, 'category', NULL, 7, 0.00000, 100.00000),
    (504, 20, 'Participation', 'manual', NULL, NULL, 0.00000, 10.00000);
CREATE TABLE mdl_badge (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO mdl_badge VALUES (7, 'Membre du conseil');

CREATE TABLE mdl_context (id INTEGER PRIMARY KEY, contextlevel INTEGER, instanceid INTEGER);
INSERT INTO mdl_context VALUES (1, 10, 0), (220, 50, 20), (221, 50, 21);
CREATE TABLE mdl_role (id INTEGER PRIMARY KEY, shortname TEXT, archetype TEXT);
INSERT INTO mdl_role VALUES (3, 'editingteacher', 'editingteacher'), (5, 'student', 'student');
CREATE TABLE mdl_role_assignments (id INTEGER PRIMARY KEY, roleid INTEGER, contextid INTEGER, userid INTEGER);
INSERT INTO mdl_role_assignments VALUES (1, 3, 220, 13), (2, 5, 220, 11), (3, 5, 220, 12), (4, 5, 221, 13);

CREATE TABLE mdl_logstore_standard_log (
    id INTEGER PRIMARY KEY, eventname TEXT, component TEXT, action TEXT, target TEXT, objecttable TEXT, objectid INTEGER,
    crud TEXT, edulevel INTEGER, contextid INTEGER, contextlevel INTEGER, contextinstanceid INTEGER, userid INTEGER,
    courseid INTEGER, relateduserid INTEGER, anonymous INTEGER DEFAULT 0, other TEXT, timecreated INTEGER, origin TEXT,
    ip TEXT, realuserid INTEGER
);
INSERT INTO mdl_logstore_standard_log
    (id, eventname, objectid, contextlevel, contextinstanceid, userid, courseid, relateduserid, other, timecreated)
VALUES
    (1001, '\core\event\user_enrolment_created', 71, 50, 20, 2, 20, 11, 'a:1:{s:5:"enrol";s:6:"manual";}', 1795507200),
    (1002, '\core\event\user_enrolment_created', 72, 50, 20, 2, 20, 13, '{"enrol":"manual"}', 1795507201),
    (1003, '\core\event\user_loggedin', 11, 10, 0, 11, 0, NULL, 'a:1:{s:8:"username";s:9:"hlefebvre";}', 1795507260),
    (1004, '\core\event\course_viewed', NULL, 50, 1, 11, 1, NULL, 'N;', 1795507261),
    (1005, '\core\event\course_viewed', NULL, 50, 20, 11, 20, NULL, 'N;', 1795507262),
    (1006, '\core\event\course_viewed', NULL, 50, 20, 13, 20, NULL, 'N;', 1795507263),
    (1007, '\core\event\course_viewed', NULL, 50, 20, 1, 20, NULL, 'N;', 1795507264),
    (1008, '\mod_resource\event\course_module_viewed', 1, 70, 304, 11, 20, NULL, 'N;', 1795507300),
    (1009, '\mod_folder\event\all_files_downloaded', 1, 70, 305, 13, 21, NULL, 'N;', 1795507301),
    (1010, '\mod_glossary\event\course_module_viewed', 9, 70, 306, 11, 20, NULL, 'N;', 1795507302),
    (1011, '\mod_quiz\event\attempt_started', 88, 70, 301, 11, 20, 11, '{"quizid":"1"}', 1795507400),
    (1012, '\mod_quiz\event\attempt_submitted', 88, 70, 301, 11, 20, 11, '{"submitterid":"11","quizid":"1"}', 1795508000),
    (1013, '\core\event\user_graded', 601, 50, 20, 11, 20, 11,
        'a:3:{s:6:"itemid";s:3:"501";s:10:"overridden";b:0;s:10:"finalgrade";d:15;}', 1795508001),
    (1014, '\core\event\user_graded', 602, 50, 20, 13, 20, 11,
        '{"itemid":"502","overridden":false,"finalgrade":"75.00000"}', 1795508002),
    (1015, '\core\event\user_graded', 603, 50, 20, 13, 20, 11, '{"itemid":"503","overridden":false,"finalgrade":75}', 1795508003),
    (1016, '\core\event\user_graded', 604, 50, 20, 13, 20, 11, '{"itemid":504,"overridden":true,"finalgrade":null}', 1795508004),
    (1017, '\core\event\user_graded', 604, 50, 20, 13, 20, 11, '{"itemid":504,"overridden":true,"finalgrade":8.5}', 1795508005),
    (1018, '\mod_assign\event\assessable_submitted', 91, 70, 302, 11, 20, NULL, 'a:1:{s:19:"submission_editable";b:1;}', 1795508100),
    (1019, '\mod_forum\event\post_created', 92, 70, 303, 11, 20, NULL,
        'a:3:{s:12:"discussionid";i:5;s:7:"forumid";s:1:"1";s:9:"forumtype";s:7:"general";}', 1795508200),
    (1020, '\core\event\course_module_completion_updated', 93, 70, 301, 11, 20, 11,
        'a:3:{s:13:"relateduserid";i:11;s:10:"overrideby";N;s:15:"completionstate";i:2;}', 1795508300),
    (1021, '\core\event\course_module_completion_updated', 93, 70, 302, 11, 20, 11,
        '{"relateduserid":11,"completionstate":0}', 1795508301),
    (1022, '\core\event\course_completed', 94, 50, 20, 0, 20, 11, '{"relateduserid":"11"}', 1795508400),
    (1023, '\core\event\badge_awarded', 7, 50, 20, 2, 20, 11, '{"expiredate":null,"badgeissuedid":3}', 1795508401),
    (1024, '\core\event\user_enrolment_deleted', 73, 50, 20, 2, 20, 12,
        'a:2:{s:13:"userenrolment";a:2:{s:6:"userid";s:2:"12";s:9:"lastenrol";b:0;}s:5:"enrol";s:6:"manual";}', 1795508500),
    (1025, '\core\event\user_enrolment_deleted', 74, 50, 20, 2, 20, 12,
        'a:2:{s:13:"userenrolment";a:2:{s:6:"userid";s:2:"12";s:9:"lastenrol";b:1;}s:5:"enrol";s:4:"self";}', 1795508501),
    (1026, '\core\event\user_loggedout', 11, 10, 0, 11, 0, NULL, '{"sessionid":"abc"}', 1795508600),
    (1027, '\core\event\dashboard_viewed', NULL, 30, 11, 11, 0, NULL, 'N;', 1795508601),
    (1028, '\core\event\course_viewed', NULL, 50, 20, 14, 20, NULL, 'N;', 1795508602),
    -- From here on, what cannot be taken.
    (1029, '\core\event\course_viewed', NULL, 50, 20, 15, 20, NULL, 'N;', 1795508603),
    (1030, '\core\event\course_viewed', NULL, 50, 20, 999, 20, NULL, 'N;', 1795508604),
    (1031, '\core\event\user_graded', 605, 50, 20, 13, 20, 11, 'a:3:{s:6:"itemid";s:3:"5', 1795508605),
    (1032, '\core\event\user_graded', 605, 50, 20, 13, 20, 11, '{"itemid": 501, "finalgrade": "bien"}', 1795508606),
    (1033, '\core\event\user_graded', 605, 50, 20, 13, 20, 11, '{"itemid": 999, "finalgrade": 3}', 1795508607),
    (1034, '\core\event\user_enrolment_created', 75, 50, 99, 2, 99, 11, 'N;', 1795508608),
    (1035, '\core\event\course_module_completion_updated', 93, 70, 301, 11, 20, 11, 'N;', 1795508609),
    (1036, '\core\event\course_viewed', NULL, 50, 20, 11, 20, NULL, 'N;', -1);
-- Somebody who acts in a learner's name, and a learner whose act is anonymous.
INSERT INTO mdl_logstore_standard_log
    (id, eventname, contextlevel, contextinstanceid, userid, courseid, anonymous, other, timecreated, realuserid)
VALUES
    (1037, '\core\event\course_viewed', 50, 20, 11, 20, 0, 'N;', 1795508700, 2),
    (1038, '\core\event\course_viewed', 50, 20, 11, 20, 1, 'N;', 1795508701, NULL);

CREATE TABLE mdl_attendance (id INTEGER PRIMARY KEY, course INTEGER, name TEXT);
INSERT INTO mdl_attendance VALUES (1, 20, 'Émargement');
CREATE TABLE mdl_attendance_statuses (
    id INTEGER PRIMARY KEY, attendanceid INTEGER, acronym TEXT, description TEXT, grade NUMERIC, visible INTEGER, deleted INTEGER,
    setnumber INTEGER
);
INSERT INTO mdl_attendance_statuses (id, attendanceid, acronym, description) VALUES
    (1, 1, 'P', 'Présent'), (2, 1, 'R', 'Retard'), (3, 1, 'E', 'Excusé'), (4, 1, 'A', 'Absent'), (5, 1, 'Z', 'À voir');
CREATE TABLE mdl_attendance_sessions (
    id INTEGER PRIMARY KEY, attendanceid INTEGER, groupid INTEGER DEFAULT 0, sessdate INTEGER, duration INTEGER, lasttaken INTEGER,
    lasttakenby INTEGER, timemodified INTEGER
);
-- 23 November 2026: 9:00 to 12:00, and 11:00 to 17:00 in another group. The 24th: no duration.
INSERT INTO mdl_attendance_sessions (id, attendanceid, sessdate, duration, timemodified) VALUES
    (1, 1, 1795420800, 10800, 1795000000), (2, 1, 1795428000, 21600, 1795000000), (3, 1, 1795507200, 0, NULL);
CREATE TABLE mdl_attendance_log (
    id INTEGER PRIMARY KEY, sessionid INTEGER, studentid INTEGER, statusid INTEGER, statusset TEXT, timetaken INTEGER,
    takenby INTEGER, remarks TEXT
);
INSERT INTO mdl_attendance_log (id, sessionid, studentid, statusid, timetaken, takenby) VALUES
    (1, 1, 11, 1, 1795421000, 13), (2, 1, 12, 4, 1795421000, 13), (3, 2, 11, 2, 1795429000, 13), (4, 2, 12, 1, 1795429000, 13),
    (5, 3, 11, 1, 1795507300, 13), (6, 1, 15, 1, 1795421000, 13), (7, 1, 999, 1, 1795421000, 13), (8, 2, 14, 1, 1795429000, 13);
