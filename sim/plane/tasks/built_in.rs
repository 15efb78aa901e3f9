//! The images of the reference stacks, an SQL client, and an echo. What they write to their databases is in [`super::content`].

use super::web::{Backend, Command, Page, Web};
use super::{Behaviour, Image, content};
use std::collections::BTreeMap;

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn page(path: &str, status: u16, body: &str, asks_database: bool) -> Page {
    Page {
        path: path.into(),
        status,
        body: body.into(),
        asks_database,
        ..Page::default()
    }
}

fn redirect(path: &str, to: &str) -> Page {
    Page {
        path: path.into(),
        status: 302,
        headers: vec![("Location".into(), to.into())],
        asks_database: true,
        ..Page::default()
    }
}

fn redmine() -> Web {
    Web {
        port: 80,
        boot: (20.0, 35.0, 60.0),
        required: names(&["REDMINE_SECRET_TOKEN"]),
        database: Some(Backend {
            host: names(&["DB_HOST"]),
            port: names(&["DB_PORT"]),
            default_port: 5432,
            name: names(&["DB_NAME"]),
            default_name: "redmine_production".into(),
            user: names(&["DB_USER"]),
            password: names(&["DB_PASS"]),
            tls: true,
            waits: Some(60),
        }),
        pages: vec![
            redirect("/", "/login"),
            page(
                "/login",
                200,
                "<html><head><title>Redmine</title></head><body>Redmine: sign in</body></html>",
                true,
            ),
        ],
        commands: BTreeMap::from([
            ("app:start".into(), Command::Serve),
            (
                "app:rake db:fixtures:load".into(),
                content::redmine_sample(),
            ),
        ]),
        migrations: Some(content::redmine()),
        ..Web::default()
    }
}

fn notejam() -> Web {
    Web {
        port: 8000,
        boot: (3.0, 6.0, 15.0),
        database: Some(Backend {
            host: names(&["DB_HOST"]),
            port: names(&["DB_PORT"]),
            default_port: 3306,
            name: names(&["DB_NAME", "DB_DATABASE"]),
            default_name: "notejam_db".into(),
            user: names(&["DB_USER", "DB_USERNAME"]),
            password: names(&["DB_PASS", "DB_PASSWORD"]),
            tls: false,
            waits: None,
        }),
        pages: vec![
            redirect("/", "/signin/"),
            page(
                "/signin/",
                200,
                "<html><head><title>Notejam</title></head><body>Sign in</body></html>",
                true,
            ),
        ],
        commands: BTreeMap::from([(
            "python manage.py loaddata".into(),
            content::notejam_sample(),
        )]),
        migrations: Some(content::notejam()),
        ..Web::default()
    }
}

fn vikunja() -> Web {
    Web {
        port: 3456,
        boot: (3.0, 6.0, 15.0),
        database: Some(Backend {
            host: names(&["VIKUNJA_DATABASE_HOST"]),
            default_port: 3306,
            name: names(&["VIKUNJA_DATABASE_DATABASE"]),
            default_name: "vikunja".into(),
            user: names(&["VIKUNJA_DATABASE_USER"]),
            password: names(&["VIKUNJA_DATABASE_PASSWORD"]),
            tls: false,
            waits: Some(10),
            ..Backend::default()
        }),
        pages: vec![
            Page {
                headers: vec![("Content-Type".into(), "application/json".into())],
                ..page(
                    "/api/v1/info",
                    200,
                    "{\"version\":\"v0.24.6\",\"motd\":\"\"}",
                    true,
                )
            },
            page("/health", 200, "OK", true),
        ],
        commands: BTreeMap::from([("restore".into(), content::vikunja_sample())]),
        migrations: Some(content::vikunja()),
        ..Web::default()
    }
}

fn tech_challenge() -> Web {
    Web {
        port: 3000,
        port_variable: Some("VTT_LISTENPORT".into()),
        boot: (2.0, 4.0, 10.0),
        database: Some(Backend {
            host: names(&["VTT_DBHOST"]),
            port: names(&["VTT_DBPORT"]),
            default_port: 5432,
            name: names(&["VTT_DBNAME"]),
            default_name: "app".into(),
            user: names(&["VTT_DBUSER"]),
            password: names(&["VTT_DBPASSWORD"]),
            // It connects with sslmode=disable.
            tls: false,
            waits: None,
        }),
        pages: vec![
            Page {
                table: Some("tasks".into()),
                ..page("/healthcheck/", 200, "OK", true)
            },
            page(
                "/",
                200,
                "<html><head><title>Servian TechChallengeApp</title></head><body></body></html>",
                false,
            ),
            Page {
                table: Some("tasks".into()),
                ..page("/api/task/", 200, "[]", true)
            },
        ],
        commands: BTreeMap::from([
            ("serve".into(), Command::Serve),
            ("updatedb".into(), content::tech_challenge_seed()),
        ]),
        ..Web::default()
    }
}

/// What an image does that nobody has scripted, by its repository path in lower case.
pub(super) fn find(path: &str) -> Image {
    let has = |words: &[&str]| words.iter().any(|w| path.contains(w));
    let (pattern, behaviour) = if has(&["redmine"]) {
        ("redmine", Behaviour::Serves(Box::new(redmine())))
    } else if has(&["notejam"]) {
        ("notejam", Behaviour::Serves(Box::new(notejam())))
    } else if has(&["vikunja"]) {
        ("vikunja", Behaviour::Serves(Box::new(vikunja())))
    } else if has(&["techchallenge", "tech-challenge"]) {
        (
            "techchallenge",
            Behaviour::Serves(Box::new(tech_challenge())),
        )
    } else if has(&["postgres", "psql", "mysql", "mariadb"]) {
        ("sql-client", Behaviour::RunsSql)
    } else if has(&["echo"]) {
        ("echo", Behaviour::Echoes { port: 8080 })
    } else {
        let line = format!("{path}: no behaviour is known for this image");
        ("unknown", Behaviour::Exits { code: 127, line })
    };
    Image {
        pattern: pattern.into(),
        environment: BTreeMap::new(),
        behaviour,
    }
}
