//! What the reference stacks' images write to their databases: tables on their first start, and sample rows by the
//! commands that load some. A table has the columns that matter to whoever counts or compares rows, not all that the
//! real one has.

use super::web::{Command, Migrations};
use crate::plane::database::ENTRIES;

fn migrations(marker: &str, sql: &[&str]) -> Migrations {
    Migrations {
        marker: marker.into(),
        sql: sql.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn runs(sql: &[&str]) -> Command {
    Command::Runs {
        sql: sql.iter().map(|s| (*s).to_owned()).collect(),
    }
}

/// Rails: the table of migrations comes first, an administrator and the default settings last.
pub(super) fn redmine() -> Migrations {
    migrations(
        "schema_migrations",
        &[
            "CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY)",
            "CREATE TABLE users (id integer PRIMARY KEY, login varchar(255) NOT NULL, admin boolean NOT NULL, status integer NOT NULL)",
            "CREATE TABLE projects (id integer PRIMARY KEY, name varchar(255) NOT NULL, identifier varchar(255), status integer NOT NULL)",
            "CREATE TABLE trackers (id integer PRIMARY KEY, name varchar(30) NOT NULL)",
            "CREATE TABLE issue_statuses (id integer PRIMARY KEY, name varchar(30) NOT NULL, is_closed boolean NOT NULL)",
            "CREATE TABLE issues (id integer PRIMARY KEY, tracker_id integer NOT NULL, project_id integer NOT NULL, \
             status_id integer NOT NULL, author_id integer NOT NULL, subject varchar(255) NOT NULL, description text)",
            "CREATE TABLE journals (id integer PRIMARY KEY, journalized_id integer NOT NULL, user_id integer NOT NULL, notes text)",
            "CREATE TABLE attachments (id integer PRIMARY KEY, container_id integer, filename varchar(255) NOT NULL, filesize bigint NOT NULL)",
            "INSERT INTO schema_migrations VALUES ('1'), ('20110401192910'), ('20130217094251'), ('20190620135549'), \
             ('20211213122100'), ('20221004172825'), ('20221214173537'), ('20230818020734'), ('20231012112407')",
            "INSERT INTO users VALUES (1, 'admin', true, 1), (2, '', false, 0)",
            "INSERT INTO trackers VALUES (1, 'Bug'), (2, 'Feature'), (3, 'Support')",
            "INSERT INTO issue_statuses VALUES (1, 'New', false), (2, 'In Progress', false), (3, 'Resolved', false), (5, 'Closed', true)",
        ],
    )
}

pub(super) fn redmine_sample() -> Command {
    runs(&[
        "INSERT INTO users VALUES (5, 'amira', false, 1), (6, 'jonas', false, 1), (7, 'wen', false, 1)",
        "INSERT INTO projects VALUES (1, 'Harbour office', 'harbour', 1), (2, 'Lighthouse', 'lighthouse', 1), (3, 'Old ferry', 'ferry', 9)",
        "INSERT INTO issues VALUES \
         (1, 1, 1, 1, 5, 'Tide table shows yesterday', 'Since the clocks changed.'), \
         (2, 2, 1, 2, 6, 'Export berths as CSV', NULL), \
         (3, 1, 2, 5, 5, 'Lamp log cannot be opened', 'Only on the old tablet.'), \
         (4, 3, 2, 1, 7, 'Who may change the rota?', NULL), \
         (5, 1, 3, 5, 6, 'Timetable has 25 hours', NULL), \
         (6, 2, 1, 3, 7, 'Remind pilots the evening before', 'By mail.')",
        "INSERT INTO journals VALUES (1, 1, 6, 'Can be seen here too.'), (2, 3, 7, 'Closed: tablet replaced.'), (3, 6, 5, 'Done in 5.1.')",
        "INSERT INTO attachments VALUES (1, 1, 'tides.png', 48213), (2, 3, 'lamp.log', 9120)",
    ])
}

/// Django.
pub(super) fn notejam() -> Migrations {
    migrations(
        "django_migrations",
        &[
            "CREATE TABLE django_migrations (id integer PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL)",
            "CREATE TABLE auth_user (id integer PRIMARY KEY, email varchar(254) NOT NULL, is_active boolean NOT NULL)",
            "CREATE TABLE pads_pad (id integer PRIMARY KEY, name varchar(100) NOT NULL, user_id integer NOT NULL)",
            "CREATE TABLE notes_note (id integer PRIMARY KEY, pad_id integer, user_id integer NOT NULL, name varchar(100) NOT NULL, text text NOT NULL)",
            "INSERT INTO django_migrations VALUES (1, 'auth', '0001_initial'), (2, 'pads', '0001_initial'), (3, 'notes', '0001_initial')",
        ],
    )
}

pub(super) fn notejam_sample() -> Command {
    runs(&[
        "INSERT INTO auth_user VALUES (1, 'ida@example.com', true), (2, 'olu@example.com', true)",
        "INSERT INTO pads_pad VALUES (1, 'Kitchen', 1), (2, 'Thesis', 2)",
        "INSERT INTO notes_note VALUES (1, 1, 1, 'Bread', '500 g flour, 350 g water'), (2, 1, 1, 'Soup', 'Leeks'), \
         (3, 2, 2, 'Chapter 2', 'Shorter.'), (4, NULL, 2, 'Dentist', 'Tuesday')",
    ])
}

pub(super) fn vikunja() -> Migrations {
    migrations(
        "migration",
        &[
            "CREATE TABLE migration (id varchar(255) PRIMARY KEY, description text)",
            "CREATE TABLE users (id bigint PRIMARY KEY, username varchar(250) NOT NULL, email varchar(250))",
            "CREATE TABLE projects (id bigint PRIMARY KEY, title varchar(250) NOT NULL, owner_id bigint NOT NULL)",
            "CREATE TABLE tasks (id bigint PRIMARY KEY, title text NOT NULL, done boolean, project_id bigint NOT NULL, created_by_id bigint NOT NULL)",
            "INSERT INTO migration VALUES ('SCHEMA_INIT', ''), ('20240315110428', 'unify api tokens'), ('20241028131622', 'reminders')",
        ],
    )
}

pub(super) fn vikunja_sample() -> Command {
    runs(&[
        "INSERT INTO users VALUES (1, 'marta', 'marta@example.com'), (2, 'sven', 'sven@example.com')",
        "INSERT INTO projects VALUES (1, 'Inbox', 1), (2, 'Inbox', 2), (3, 'Allotment', 1)",
        "INSERT INTO tasks VALUES (1, 'Order seeds', true, 3, 1), (2, 'Mend the fence', false, 3, 2), (3, 'Ring Anna', false, 1, 1)",
    ])
}

/// What `updatedb` does to the challenge's database, whatever is in it: that is why it must run once only.
pub(super) fn tech_challenge_seed() -> Command {
    runs(&[
        // What simulated users wrote are rows of that table, as far as this world keeps them apart.
        &format!("DROP TABLE IF EXISTS {ENTRIES}"),
        "DROP TABLE IF EXISTS tasks",
        "CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, priority INTEGER, complete BOOLEAN)",
        "INSERT INTO tasks VALUES (1, 'Read the brief', 1, true), (2, 'Draw the network', 2, true), (3, 'Automate it', 3, false)",
    ])
}
