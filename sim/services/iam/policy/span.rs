//! Where the statements of a document stand in its text, by line and column.

/// Line and column, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// Start and end of each statement of a document that is known to be valid JSON.
pub fn statements(text: &str) -> Vec<(Position, Position)> {
    let mut found = Vec::new();
    let mut here = Position { line: 1, column: 0 };
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    let (mut word, mut in_statement) = (String::new(), false);
    let mut start: Option<(u32, Position)> = None;
    for c in text.chars() {
        if c == '\n' {
            here = Position {
                line: here.line + 1,
                column: 0,
            };
        } else {
            here.column += 1;
        }
        if in_string {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == '"' {
                in_string = false;
            } else {
                word.push(c);
            }
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                word.clear();
            }
            ':' if depth == 1 => in_statement = word == "Statement",
            '{' | '[' => {
                depth += 1;
                if c == '{' && in_statement && start.is_none() && depth > 1 {
                    start = Some((depth, here));
                }
            }
            '}' | ']' => {
                if let Some((at, from)) = start
                    && at == depth
                {
                    found.push((
                        from,
                        Position {
                            line: here.line,
                            column: here.column + 1,
                        },
                    ));
                    start = None;
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    found
}
