//! Values, and tables of them.

use super::Dialect;
use std::cmp::Ordering;

/// A value in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A position in PostgreSQL's write-ahead log.
    Lsn(u64),
    /// Unix seconds.
    Time(f64),
    Array(Vec<Value>),
    /// The number of a transaction of PostgreSQL's, which is neither a number nor a text to it.
    Xid(u32),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relation {
    pub columns: Vec<Column>,
    /// Behind its columns a row of a table of PostgreSQL's has its `xmin`, which only those see who ask for it.
    pub rows: Vec<Vec<Value>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    /// As declared, in lower case.
    pub kind: String,
    pub required: bool,
    pub unique: bool,
    pub default: Option<Value>,
}

impl Relation {
    /// A relation with columns of these names.
    pub fn of(columns: &[&str]) -> Relation {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            kind: "text".into(),
            required: false,
            unique: false,
            default: None,
        };
        Relation {
            columns: columns.iter().map(column).collect(),
            rows: vec![],
        }
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl Value {
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// As a client prints it; nothing at all is empty.
    pub fn shown(&self, dialect: Dialect) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(yes) => match (dialect, yes) {
                (Dialect::Postgres, true) => "t".into(),
                (Dialect::Postgres, false) => "f".into(),
                (Dialect::Mysql, yes) => u8::from(*yes).to_string(),
            },
            Value::Int(number) => number.to_string(),
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                format!("{number:.0}")
            }
            Value::Float(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Lsn(at) => format!("{:X}/{:X}", at >> 32, at & 0xffff_ffff),
            Value::Time(unix) => time(*unix, dialect),
            Value::Array(values) => {
                let shown: Vec<String> = values.iter().map(|value| value.shown(dialect)).collect();
                format!("{{{}}}", shown.join(","))
            }
            Value::Xid(number) => number.to_string(),
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Lsn(at) => Some(*at as f64),
            Value::Time(unix) => Some(*unix),
            Value::Null | Value::Array(_) | Value::Xid(_) => None,
        }
    }

    /// What counts as true; `None` for nothing at all.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Value::Null => None,
            Value::Bool(yes) => Some(*yes),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "t" | "true" | "on" | "yes" | "1" => Some(true),
                _ => Some(false),
            },
            other => other.number().map(|number| number != 0.0),
        }
    }

    /// The order of two values, if both are something.
    pub fn compare(&self, other: &Value, dialect: Dialect) -> Option<Ordering> {
        match (self, other) {
            (Value::Null, _) | (_, Value::Null) => None,
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Lsn(a), Value::Lsn(b)) => Some(a.cmp(b)),
            (Value::Lsn(a), Value::Text(b)) => lsn(b).map(|b| a.cmp(&b)),
            (Value::Text(a), Value::Lsn(b)) => lsn(a).map(|a| a.cmp(b)),
            (Value::Text(a), Value::Text(b)) if dialect == Dialect::Mysql => {
                Some(a.to_lowercase().cmp(&b.to_lowercase()))
            }
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Bool(_), Value::Text(_)) | (Value::Text(_), Value::Bool(_)) => {
                Some(self.truth().cmp(&other.truth()))
            }
            (a, b) => a.number()?.partial_cmp(&b.number()?),
        }
    }
}

/// `1A/2B3C` as a number.
pub fn lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let part = |text: &str| u32::from_str_radix(text, 16).ok().map(u64::from);
    Some(part(high)? << 32 | part(low)?)
}

fn time(unix: f64, dialect: Dialect) -> String {
    let whole = unix.floor() as i64;
    let (days, seconds) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
    // Days since 0000-03-01, counted in eras of 400 years.
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * index + 2) / 5 + 1;
    let month = if index < 10 { index + 3 } else { index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let stamp = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    match dialect {
        Dialect::Postgres => format!("{stamp}.{:03}+00", ((unix - unix.floor()) * 1_000.0) as u32),
        Dialect::Mysql => stamp,
    }
}
