//! Website endpoints: what a browser gets from a bucket that is a website.

use super::{Bucket, access};
use crate::world::World;
use bytes::Bytes;
use serde_json::Value;

/// What a website endpoint answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Page {
    fn error(status: u16, reason: &str, code: &str, message: &str) -> Page {
        let body = format!(
            "<html>\n<head><title>{status} {reason}</title></head>\n<body>\n<h1>{status} {reason}</h1>\n<ul>\n<li>Code: \
             {code}</li>\n<li>Message: {message}</li>\n</ul>\n</body>\n</html>\n"
        );
        Page {
            status,
            headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
            body: body.into(),
        }
    }

    fn moved(location: String) -> Page {
        Page {
            status: 301,
            headers: vec![("Location".into(), location)],
            body: Bytes::new(),
        }
    }
}

/// Asks the website of a bucket for a path. `https` is never spoken there; a path has its slash.
pub fn website(world: &World, bucket: &str, path: &str) -> Page {
    let Some(bucket) = world.s3.buckets.get(bucket) else {
        return Page::error(
            404,
            "Not Found",
            "NoSuchBucket",
            "The specified bucket does not exist",
        );
    };
    let Some(config) = bucket.settings.get("WebsiteConfiguration") else {
        let message = "The specified bucket does not have a website configuration";
        return Page::error(404, "Not Found", "NoSuchWebsiteConfiguration", message);
    };
    let path = path.split('?').next().unwrap_or_default();
    if let Some(host) = config["RedirectAllRequestsTo"]["HostName"].as_str() {
        let protocol = config["RedirectAllRequestsTo"]["Protocol"]
            .as_str()
            .unwrap_or("http");
        return Page::moved(format!("{protocol}://{host}{path}"));
    }
    let key = super::objects::decode(path.trim_start_matches('/'));
    let suffix = config["IndexDocument"]["Suffix"]
        .as_str()
        .unwrap_or("index.html");
    let wanted = if key.is_empty() || key.ends_with('/') {
        format!("{key}{suffix}")
    } else {
        key.clone()
    };
    match read(world, bucket, &wanted) {
        Ok(page) => page,
        // A folder without its slash.
        Err(404) if !key.is_empty() && read(world, bucket, &format!("{key}/{suffix}")).is_ok() => {
            Page {
                status: 302,
                headers: vec![("Location".into(), format!("/{key}/"))],
                body: Bytes::new(),
            }
        }
        Err(status) => failed(world, bucket, config, status, &wanted),
    }
}

/// An object as a page, or the status of its refusal: what nobody may list is forbidden rather than absent.
fn read(world: &World, bucket: &Bucket, key: &str) -> Result<Page, u16> {
    let public = access::is_public(bucket, key);
    let Some(object) = super::object(world, &bucket.name, key) else {
        return Err(if public { 404 } else { 403 });
    };
    if !public {
        return Err(403);
    }
    if let Some(to) = object
        .headers
        .get("WebsiteRedirectLocation")
        .and_then(Value::as_str)
    {
        return Ok(Page::moved(to.to_owned()));
    }
    let mut headers = vec![
        ("Content-Type".to_owned(), object.content_type.clone()),
        ("ETag".to_owned(), format!("\"{}\"", object.etag)),
    ];
    if let Some(cache) = object.headers.get("CacheControl").and_then(Value::as_str) {
        headers.push(("Cache-Control".into(), cache.to_owned()));
    }
    Ok(Page {
        status: 200,
        headers,
        body: object.body.clone(),
    })
}

fn failed(world: &World, bucket: &Bucket, config: &Value, status: u16, key: &str) -> Page {
    if let Some(rule) = config["RoutingRules"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|r| {
            let condition = &r["Condition"];
            let code = condition["HttpErrorCodeReturnedEquals"].as_str();
            let prefix = condition["KeyPrefixEquals"].as_str();
            code.is_none_or(|c| c == status.to_string())
                && prefix.is_none_or(|p| key.starts_with(p))
        })
    {
        let redirect = &rule["Redirect"];
        let prefix = rule["Condition"]["KeyPrefixEquals"]
            .as_str()
            .unwrap_or_default();
        let to = match (
            redirect["ReplaceKeyWith"].as_str(),
            redirect["ReplaceKeyPrefixWith"].as_str(),
        ) {
            (Some(key), _) => key.to_owned(),
            (None, Some(new)) => format!("{new}{}", key.strip_prefix(prefix).unwrap_or(key)),
            (None, None) => key.to_owned(),
        };
        return match redirect["HostName"].as_str() {
            Some(host) => Page::moved(format!(
                "{}://{host}/{to}",
                redirect["Protocol"].as_str().unwrap_or("http")
            )),
            None => Page::moved(format!("/{to}")),
        };
    }
    if let Some(document) = config["ErrorDocument"]["Key"].as_str()
        && let Ok(mut page) = read(world, bucket, document)
    {
        page.status = status;
        return page;
    }
    match status {
        404 => Page::error(
            404,
            "Not Found",
            "NoSuchKey",
            "The specified key does not exist.",
        ),
        _ => Page::error(403, "Forbidden", "AccessDenied", "Access Denied"),
    }
}
