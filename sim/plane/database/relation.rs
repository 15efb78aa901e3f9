//! A table's columns and rows.

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
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relation {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    /// As declared, in lower case.
    pub kind: String,
    pub required: bool,
    pub unique: bool,
    pub default: Option<String>,
}
