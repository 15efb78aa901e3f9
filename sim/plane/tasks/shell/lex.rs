//! A script's text as words, signs and redirections.

use super::{Piece, Stream, Streams, Word};

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Word(Word),
    /// `;`, newline, `&&`, `||`
    Sign(&'static str),
    Redirect(Redirect),
}

/// A redirection, as far as one is understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Redirect {
    errors: bool,
    to: Target,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Nowhere,
    /// Where the output goes at that moment.
    Out,
    /// Where the errors go at that moment.
    Errors,
}

impl Redirect {
    /// Redirections count one after the other: `>/dev/null 2>&1` is not `2>&1 >/dev/null`.
    pub fn apply(self, streams: &mut Streams) {
        let to = match self.to {
            Target::Nowhere => Stream::Nowhere,
            Target::Out => streams.out,
            Target::Errors => streams.errors,
        };
        match self.errors {
            true => streams.errors = to,
            false => streams.out = to,
        }
    }
}

type Chars<'s> = std::iter::Peekable<std::str::Chars<'s>>;

pub fn tokens(script: &str) -> Result<Vec<Token>, String> {
    lex(&mut script.chars().peekable(), false)
}

/// The tokens up to the end, or `inside` of `$(…)` up to its bracket.
fn lex(chars: &mut Chars<'_>, inside: bool) -> Result<Vec<Token>, String> {
    let mut tokens = vec![];
    let mut pieces: Vec<Piece> = vec![];
    let mut begun = false;
    fn text(pieces: &mut Vec<Piece>, c: char) {
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => pieces.push(Piece::Text(c.into())),
        }
    }
    fn flush(tokens: &mut Vec<Token>, pieces: &mut Vec<Piece>, begun: &mut bool) {
        if std::mem::take(begun) {
            tokens.push(Token::Word(Word(std::mem::take(pieces))));
        }
    }
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => flush(&mut tokens, &mut pieces, &mut begun),
            '\n' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                tokens.push(Token::Sign(";"));
            }
            '#' if !begun => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                tokens.push(Token::Sign(";"));
            }
            '&' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                if chars.next_if_eq(&'&').is_none() {
                    return Err(
                        "sh: commands in the background are not something that this image can run"
                            .into(),
                    );
                }
                tokens.push(Token::Sign("&&"));
            }
            '|' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                if chars.next_if_eq(&'|').is_none() {
                    return Err("sh: pipes are not something that this image can run".into());
                }
                tokens.push(Token::Sign("||"));
            }
            '>' | '<' => {
                let errors = match pieces.as_slice() {
                    [Piece::Text(t)] if begun && (t == "1" || t == "2") => {
                        let errors = t == "2";
                        pieces.clear();
                        begun = false;
                        errors
                    }
                    _ => false,
                };
                flush(&mut tokens, &mut pieces, &mut begun);
                if c == '<' {
                    return Err(
                        "sh: input from files is not something that this image can run".into(),
                    );
                }
                chars.next_if_eq(&'>');
                while chars.next_if_eq(&' ').is_some() {}
                let mut target = String::new();
                while let Some(c) = chars
                    .next_if(|c| !" \t\n;|&()".contains(*c) || (*c == '&' && target.is_empty()))
                {
                    target.push(c);
                }
                let to = match target.as_str() {
                    "/dev/null" => Target::Nowhere,
                    "&1" | "/dev/stdout" => Target::Out,
                    "&2" | "/dev/stderr" => Target::Errors,
                    _ => {
                        return Err(format!(
                            "sh: {target}: files cannot be written in this image"
                        ));
                    }
                };
                tokens.push(Token::Redirect(Redirect { errors, to }));
            }
            '\'' => {
                begun = true;
                // Even an empty quotation makes a word.
                if !matches!(pieces.last(), Some(Piece::Text(_))) {
                    pieces.push(Piece::Text(String::new()));
                }
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => text(&mut pieces, c),
                        None => return Err("sh: syntax error: unterminated quoted string".into()),
                    }
                }
            }
            '"' => {
                begun = true;
                // Even an empty quotation makes a word.
                if !matches!(pieces.last(), Some(Piece::Text(_))) {
                    pieces.push(Piece::Text(String::new()));
                }
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => text(&mut pieces, c),
                            Some('\n') => {}
                            Some(c) => {
                                text(&mut pieces, '\\');
                                text(&mut pieces, c);
                            }
                            None => {
                                return Err("sh: syntax error: unterminated quoted string".into());
                            }
                        },
                        Some('$') => dollar(chars, &mut pieces, true, inside)?,
                        Some('`') => {
                            return Err(
                                "sh: command substitution is not something that this image can run"
                                    .into(),
                            );
                        }
                        Some(c) => text(&mut pieces, c),
                        None => return Err("sh: syntax error: unterminated quoted string".into()),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => {
                    begun = true;
                    text(&mut pieces, c);
                }
            },
            '$' => {
                begun = true;
                dollar(chars, &mut pieces, false, inside)?;
            }
            ')' if inside => {
                flush(&mut tokens, &mut pieces, &mut begun);
                return Ok(tokens);
            }
            '`' | '(' | ')' => {
                return Err(format!("sh: {c}: not something that this image can run"));
            }
            c => {
                begun = true;
                text(&mut pieces, c);
            }
        }
    }
    if inside {
        return Err("sh: syntax error: unexpected end of script (expecting \")\")".into());
    }
    flush(&mut tokens, &mut pieces, &mut begun);
    Ok(tokens)
}

/// What begins with a dollar sign, in double quotes or not.
fn dollar(
    chars: &mut Chars<'_>,
    pieces: &mut Vec<Piece>,
    quoted: bool,
    inside: bool,
) -> Result<(), String> {
    let variable = |name: &str, default: Option<&str>| Piece::Variable {
        name: name.to_owned(),
        default: default.map(str::to_owned),
        quoted,
    };
    match chars.peek() {
        Some('(') => {
            chars.next();
            if inside {
                return Err(
                    "sh: command substitution inside another is not something that this image can run"
                        .into(),
                );
            }
            if chars.peek() == Some(&'(') {
                return Err("sh: arithmetic is not something that this image can run".into());
            }
            let tokens = lex(chars, true)?;
            pieces.push(Piece::Output(super::parse::alone(tokens)?));
            Ok(())
        }
        Some('{') => {
            chars.next();
            let mut braced = String::new();
            loop {
                match chars.next() {
                    Some('}') => break,
                    Some(c) => braced.push(c),
                    None => return Err("sh: syntax error: unterminated ${".into()),
                }
            }
            match braced.split_once(":-") {
                Some((name, default)) => pieces.push(variable(name, Some(default))),
                None if braced
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_') =>
                {
                    pieces.push(variable(&braced, None));
                }
                None => {
                    return Err(format!(
                        "sh: ${{{braced}}}: not something that this image can run"
                    ));
                }
            }
            Ok(())
        }
        Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            pieces.push(variable(&name, None));
            Ok(())
        }
        Some('?') => {
            chars.next();
            pieces.push(variable("?", None));
            Ok(())
        }
        _ => {
            pieces.push(Piece::Text("$".into()));
            Ok(())
        }
    }
}
