//! Allowed patterns: the regular expressions that people write for parameters.
//!
//! Literals, `.`, classes, `\d \w \s`, groups, alternatives, anchors and repetitions, by backtracking. What is beyond that
//! (look-around, back-references) is not a valid pattern here.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Clone, Debug)]
enum Node {
    Character(char),
    Any,
    /// Ranges; `true` turns the class around.
    Class(Vec<(char, char)>, bool),
    Start,
    End,
    Group(Vec<Vec<Node>>),
    Repeat(Box<Node>, usize, usize),
}

#[derive(Clone, Debug)]
pub struct Pattern(Vec<Vec<Node>>);

/// Reads a pattern; `None` if it is malformed.
pub fn parse(text: &str) -> Option<Pattern> {
    let mut rest = text.chars().peekable();
    let alternatives = alternatives(&mut rest, 0)?;
    rest.next().is_none().then_some(Pattern(alternatives))
}

fn alternatives(rest: &mut Peekable<Chars<'_>>, depth: usize) -> Option<Vec<Vec<Node>>> {
    let mut all = vec![Vec::new()];
    if depth > 50 {
        return None;
    }
    while let Some(c) = rest.peek().copied() {
        if c == ')' && depth > 0 {
            break;
        }
        rest.next();
        if c == '|' {
            all.push(Vec::new());
            continue;
        }
        let node = match c {
            '.' => Node::Any,
            '^' => Node::Start,
            '$' => Node::End,
            '(' => {
                if rest.peek() == Some(&'?') {
                    rest.next();
                    if rest.next() != Some(':') {
                        return None;
                    }
                }
                let inner = alternatives(rest, depth + 1)?;
                if rest.next() != Some(')') {
                    return None;
                }
                Node::Group(inner)
            }
            '[' => class(rest)?,
            '\\' => escape(rest.next()?)?,
            '*' | '+' | '?' | ')' => return None,
            other => Node::Character(other),
        };
        let node = repeated(rest, node)?;
        all.last_mut()?.push(node);
    }
    Some(all)
}

fn escape(c: char) -> Option<Node> {
    let (ranges, not): (&[(char, char)], bool) = match c {
        'd' => (&[('0', '9')], false),
        'D' => (&[('0', '9')], true),
        'w' => (&[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')], false),
        'W' => (&[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')], true),
        's' => (&[(' ', ' '), ('\t', '\r')], false),
        'S' => (&[(' ', ' '), ('\t', '\r')], true),
        'n' => return Some(Node::Character('\n')),
        't' => return Some(Node::Character('\t')),
        c if c.is_ascii_alphanumeric() => return None,
        other => return Some(Node::Character(other)),
    };
    Some(Node::Class(ranges.to_vec(), not))
}

fn class(rest: &mut Peekable<Chars<'_>>) -> Option<Node> {
    let not = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let c = rest.next()?;
        if c == ']' && !first {
            return Some(Node::Class(ranges, not));
        }
        first = false;
        let from = match c {
            '\\' => match escape(rest.next()?)? {
                Node::Class(more, false) => {
                    ranges.extend(more);
                    continue;
                }
                Node::Character(c) => c,
                _ => return None,
            },
            c => c,
        };
        if rest.peek() != Some(&'-') {
            ranges.push((from, from));
            continue;
        }
        rest.next();
        match rest.peek() {
            // A hyphen at the end of a class is itself.
            Some(']') => ranges.extend([(from, from), ('-', '-')]),
            _ => {
                let to = match rest.next()? {
                    '\\' => rest.next()?,
                    c => c,
                };
                if to < from {
                    return None;
                }
                ranges.push((from, to));
            }
        }
    }
}

fn repeated(rest: &mut Peekable<Chars<'_>>, node: Node) -> Option<Node> {
    let (min, max) = match rest.peek() {
        Some('*') => (0, usize::MAX),
        Some('+') => (1, usize::MAX),
        Some('?') => (0, 1),
        Some('{') => {
            let mut inside = String::new();
            rest.next();
            while rest.peek().is_some_and(|c| *c != '}') {
                inside.push(rest.next()?);
            }
            let (min, max) = match inside.split_once(',') {
                None => (inside.parse().ok()?, inside.parse().ok()?),
                Some((min, "")) => (min.parse().ok()?, usize::MAX),
                Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
            };
            if min > max || min > 1_000 {
                return None;
            }
            (min, max)
        }
        _ => return Some(node),
    };
    rest.next();
    // Lazy repetition matches the same whole values.
    rest.next_if_eq(&'?');
    Some(Node::Repeat(Box::new(node), min, max))
}

impl Pattern {
    /// Whether the pattern is found somewhere in a value, as Parameter Store looks for it.
    pub fn matches(&self, value: &str) -> bool {
        let text: Vec<char> = value.chars().collect();
        let mut steps = 0;
        (0..=text.len()).any(|from| any_of(&self.0, &text, from, &mut steps, &mut |_, _| true))
    }
}

/// A pattern that backtracks without end is taken not to match.
const PATIENCE: usize = 200_000;

type Then<'t> = &'t mut dyn FnMut(usize, &mut usize) -> bool;

fn any_of(
    alternatives: &[Vec<Node>],
    text: &[char],
    at: usize,
    steps: &mut usize,
    then: Then<'_>,
) -> bool {
    alternatives
        .iter()
        .any(|nodes| sequence(nodes, text, at, steps, then))
}

fn sequence(nodes: &[Node], text: &[char], at: usize, steps: &mut usize, then: Then<'_>) -> bool {
    *steps += 1;
    if *steps > PATIENCE {
        return false;
    }
    let Some((node, rest)) = nodes.split_first() else {
        return then(at, steps);
    };
    match node {
        Node::Start => at == 0 && sequence(rest, text, at, steps, then),
        Node::End => at == text.len() && sequence(rest, text, at, steps, then),
        Node::Group(inner) => any_of(inner, text, at, steps, &mut |at, steps| {
            sequence(rest, text, at, steps, then)
        }),
        Node::Repeat(inner, min, max) => {
            repeat(inner, *min, *max, text, at, steps, &mut |at, steps| {
                sequence(rest, text, at, steps, then)
            })
        }
        single => {
            let fits = text.get(at).is_some_and(|c| match single {
                Node::Character(wanted) => c == wanted,
                Node::Any => *c != '\n',
                Node::Class(ranges, not) => ranges.iter().any(|(a, b)| a <= c && c <= b) != *not,
                _ => false,
            });
            fits && sequence(rest, text, at + 1, steps, then)
        }
    }
}

fn repeat(
    inner: &Node,
    min: usize,
    max: usize,
    text: &[char],
    at: usize,
    steps: &mut usize,
    then: Then<'_>,
) -> bool {
    *steps += 1;
    if *steps > PATIENCE {
        return false;
    }
    let once = std::slice::from_ref(inner);
    let more = max > 0
        && sequence(once, text, at, steps, &mut |next, steps| {
            // A repetition that eats nothing would go on for ever.
            (next > at || min > 0)
                && repeat(
                    inner,
                    min.saturating_sub(1),
                    max.saturating_sub(1),
                    text,
                    next,
                    steps,
                    then,
                )
        });
    more || (min == 0 && then(at, steps))
}
