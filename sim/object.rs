//! JSON objects that take their members over. `json!` copies every value that it is given, with all that is in it: in an
//! answer of lists within lists each level would be built once more.

/// An object with these members, in this order.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut members = serde_json::Map::with_capacity([$($name),*].len());
        $(members.insert(String::from($name), serde_json::Value::from($value));)*
        serde_json::Value::Object(members)
    }};
}
