//! Rows as XML.

use super::super::parse::{self, Expression, Statement};
use super::super::relation::Value;
use super::super::select;
use super::super::server::Server;
use super::{Answer, refused, unsupported};

/// PostgreSQL's `query_to_xml`: the rows of a query as elements, without those that are null.
pub fn query_to_xml(server: &mut Server<'_>, query: &str, forest: bool) -> Answer<String> {
    let dialect = server.dialect();
    let statements = parse::statements(query, dialect).map_err(|fault| refused(dialect, fault))?;
    let [Statement::Select(select)] = statements.as_slice() else {
        return Err(unsupported(
            dialect,
            "query_to_xml of anything but one SELECT",
        ));
    };
    let mut names = Vec::new();
    for (item, alias) in &select.items {
        names.push(match (alias, item) {
            (Some(alias), _) => alias.clone(),
            (None, Expression::Column(_, name) | Expression::Call(name, _)) => name.clone(),
            _ => {
                return Err(unsupported(
                    dialect,
                    "query_to_xml of an item without a name",
                ));
            }
        });
    }
    let escaped = |text: String| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let space = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let mut xml = String::new();
    for row in select::select(server, select)? {
        xml.push_str(if forest { "<row" } else { "<row>\n" });
        if forest {
            xml.push_str(space);
            xml.push_str(">\n");
        }
        for (name, value) in names
            .iter()
            .zip(&row)
            .filter(|(_, value)| **value != Value::Null)
        {
            xml.push_str(&format!(
                "  <{name}>{}</{name}>\n",
                escaped(value.shown(dialect))
            ));
        }
        xml.push_str("</row>\n\n");
    }
    Ok(if forest {
        xml
    } else {
        format!("<table{space}>\n\n{xml}</table>\n")
    })
}
